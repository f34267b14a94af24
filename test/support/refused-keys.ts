import { checkPrimeSync, generateKeyPairSync } from "node:crypto";
import { encodePem } from "../../src/core/encoding/pem.ts";
import type { Reason } from "../../src/core/errors.ts";
import { flipBit, makeKey, pemOf, rsaSpki, spkiOf, tlv } from "./caller-keys.ts";
import { readVector } from "./vectors.ts";

/** A key that is never certified: its row in the catalogue, what it is, the bytes that are sent, and why it is refused. */
export type RefusedKey = readonly [row: string, name: string, sent: Uint8Array, reason: Reason];

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (value: string): Buffer => Buffer.from(value);
const pem = (spki: Uint8Array, label = "PUBLIC KEY"): Buffer => text(encodePem(label, spki));

const p256Pair = makeKey("ecdsa-p256");
const p256 = spkiOf(p256Pair.publicKey);
const p256Point = p256.subarray(26);
const p384Point = spkiOf(makeKey("ecdsa-p384").publicKey).subarray(23);
const rsaPair = makeKey("rsa-2048");
const rsa = spkiOf(rsaPair.publicKey);
const rsaPkcs1 = rsaPair.publicKey.export({ type: "pkcs1", format: "der" });
const ed25519 = spkiOf(makeKey("ed25519").publicKey);
const p256Pem = pem(p256).toString();
const privatePem = (type: "pkcs8" | "sec1"): Buffer => Buffer.from(p256Pair.privateKey.export({ type, format: "pem" }));

const EC_PUBLIC_KEY = hex("06072a8648ce3d0201");
const P256 = hex("06082a8648ce3d030107");
const RSA_ENCRYPTION = hex("06092a864886f70d010101");
const ED25519 = hex("06032b6570");
const NULL = hex("0500");
const bitString = (bytes: Uint8Array, unused = 0): Buffer => tlv(0x03, Buffer.of(unused), bytes);
const spki = (algorithm: readonly Uint8Array[], value: Uint8Array): Buffer =>
  tlv(0x30, tlv(0x30, ...algorithm), bitString(value));
const ecSpki = (curve: Uint8Array, point: Uint8Array): Buffer => spki([EC_PUBLIC_KEY, curve], point);

/** Keys that are malformed, weak or of a kind that is not certified. */
export const REFUSED_KEYS: readonly RefusedKey[] = [
  ["K1", "nothing", text(""), "KEY_MISSING"],
  ["K1", "white space", text(" \n"), "KEY_NOT_PEM"],
  ["K1", "text", text("hello"), "KEY_NOT_PEM"],
  ["K1", "HTML", text("<!doctype html><p>404"), "KEY_NOT_PEM"],
  ["K1", "text that starts like a SEQUENCE", text("0123456789"), "KEY_NOT_CANONICAL_DER"],
  ["K5", "base64 with a star", text(p256Pem.replace("MFk", "MF*")), "KEY_NOT_PEM"],
  ["K5", "a line of 1 MB", text(`-----BEGIN PUBLIC KEY-----\n${"A".repeat(1 << 20)}`), "KEY_TOO_LONG"],
  ["K5", "8 KiB and one byte", Buffer.alloc(8 * 1024 + 1, 0x30), "KEY_TOO_LONG"],
  ["K5", "no END", text(p256Pem.slice(0, p256Pem.indexOf("-----END"))), "KEY_NOT_PEM"],
  ["K3", "a PKCS#8 private key", privatePem("pkcs8"), "KEY_WRONG_PEM_TYPE"],
  ["K3", "a SEC 1 private key", privatePem("sec1"), "KEY_WRONG_PEM_TYPE"],
  ["K3", "CERTIFICATE", pem(p256, "CERTIFICATE"), "KEY_WRONG_PEM_TYPE"],
  ["K3", "CERTIFICATE REQUEST", pem(p256, "CERTIFICATE REQUEST"), "KEY_WRONG_PEM_TYPE"],
  ["K3", "EC PARAMETERS", pem(P256, "EC PARAMETERS"), "KEY_WRONG_PEM_TYPE"],
  ["K3", "OPENSSH PRIVATE KEY", pem(p256, "OPENSSH PRIVATE KEY"), "KEY_WRONG_PEM_TYPE"],
  ["K3", "ANY PUBLIC KEY", pem(p256, "ANY PUBLIC KEY"), "KEY_WRONG_PEM_TYPE"],
  [
    "K3",
    "a private key under the public label",
    pem(p256Pair.privateKey.export({ type: "pkcs8", format: "der" })),
    "KEY_NOT_CANONICAL_DER",
  ],
  ["K4", "two blocks", text(`${p256Pem}\n${p256Pem}`), "KEY_NOT_PEM"],
  ["K4", "a key and a private key", Buffer.concat([pem(p256), text("\n"), privatePem("pkcs8")]), "KEY_NOT_PEM"],
  ["K4", "text before the block", text(`my key:\n${p256Pem}`), "KEY_NOT_PEM"],
  ["K4", "text after the block", text(`${p256Pem}\nbye`), "KEY_NOT_PEM"],
  ["K4", "encapsulated headers", text(p256Pem.replace("\n", "\nA: b\n\n")), "KEY_NOT_PEM"],
  ["K7", "PKCS#1 where a SubjectPublicKeyInfo must be", rsaPkcs1, "KEY_NOT_CANONICAL_DER"],
  ["K7", "a trailing byte", Buffer.concat([p256, Buffer.of(0)]), "KEY_NOT_CANONICAL_DER"],
  ["K7", "a trailing byte in PEM", pem(Buffer.concat([p256, Buffer.of(0)])), "KEY_NOT_CANONICAL_DER"],
  ["K7", "a missing byte", p256.subarray(0, -1), "KEY_NOT_CANONICAL_DER"],
  ["K7", "an indefinite length", hex(`3080${p256.toString("hex", 2)}0000`), "KEY_NOT_CANONICAL_DER"],
  ["K7", "a length that is not minimal", hex(`308159${p256.toString("hex", 2)}`), "KEY_NOT_CANONICAL_DER"],
  ["K7", "unused bits", tlv(0x30, p256.subarray(2, 23), bitString(p256Point, 1)), "KEY_NOT_CANONICAL_DER"],
  ["K7", "an OCTET STRING for the key", tlv(0x30, p256.subarray(2, 23), tlv(4, p256Point)), "KEY_NOT_CANONICAL_DER"],
  ["K7", "a SET for the SEQUENCE", pem(tlv(0x31, p256.subarray(2))), "KEY_NOT_CANONICAL_DER"],
  ["K7", "a third element", tlv(0x30, p256.subarray(2), NULL), "KEY_NOT_CANONICAL_DER"],
  ["K7", "an empty SEQUENCE", hex("3000"), "KEY_NOT_CANONICAL_DER"],
  ["K7", "an AlgorithmIdentifier without OID", tlv(0x30, hex("3000"), bitString(p256Point)), "KEY_NOT_CANONICAL_DER"],
  ["K7", "a negative modulus", rsaWith(tlv(2, modulus(rsa).subarray(1))), "KEY_NOT_CANONICAL_DER"],
  ["K7", "a modulus with two leading zeros", rsaWith(tlv(2, Buffer.of(0), modulus(rsa))), "KEY_NOT_CANONICAL_DER"],
  [
    "K7",
    "a modulus of 2047 bits with a leading zero",
    rsaWith(tlv(2, hex("007f"), modulus(rsa).subarray(2))),
    "KEY_NOT_CANONICAL_DER",
  ],
  ["K7", "a padded exponent", rsaWith(tlv(2, modulus(rsa)), hex("020400010001")), "KEY_NOT_CANONICAL_DER"],
  [
    "K7",
    "an RSA key with a third INTEGER",
    rsaWith(tlv(2, modulus(rsa)), hex("0203010001 020101")),
    "KEY_NOT_CANONICAL_DER",
  ],
  ["K7", "an RSA key without exponent", rsaWith(tlv(2, modulus(rsa)), hex("")), "KEY_NOT_CANONICAL_DER"],
  [
    "K7",
    "an RSA key with trailing bytes",
    spki([RSA_ENCRYPTION, NULL], Buffer.concat([rsaPkcs1, NULL])),
    "KEY_NOT_CANONICAL_DER",
  ],
  [
    "K7",
    "a PKCS#1 block with trailing bytes",
    pem(Buffer.concat([rsaPkcs1, NULL]), "RSA PUBLIC KEY"),
    "KEY_NOT_CANONICAL_DER",
  ],
  [
    "K7",
    "a PKCS#1 block with a negative modulus",
    pem(tlv(0x30, tlv(2, modulus(rsa).subarray(1)), hex("0203010001")), "RSA PUBLIC KEY"),
    "KEY_NOT_CANONICAL_DER",
  ],
  ["K7", "a SubjectPublicKeyInfo under the PKCS#1 label", pem(rsa, "RSA PUBLIC KEY"), "KEY_NOT_CANONICAL_DER"],
  ["K7", "an empty PKCS#1 block", pem(hex("3000"), "RSA PUBLIC KEY"), "KEY_NOT_CANONICAL_DER"],
  ["K12", "RSA without parameters", spki([RSA_ENCRYPTION], rsaPkcs1), "KEY_NOT_CANONICAL_DER"],
  ["K12", "RSA with an OID as parameters", spki([RSA_ENCRYPTION, P256], rsaPkcs1), "KEY_NOT_CANONICAL_DER"],
  ["K12", "RSA with NULL twice", spki([RSA_ENCRYPTION, NULL, NULL], rsaPkcs1), "KEY_NOT_CANONICAL_DER"],
  ["K12", "RSA with a NULL that has content", spki([RSA_ENCRYPTION, hex("050100")], rsaPkcs1), "KEY_NOT_CANONICAL_DER"],
  ["K12", "Ed25519 with NULL parameters", spki([ED25519, NULL], ed25519.subarray(12)), "KEY_NOT_CANONICAL_DER"],
  ["K15", "explicit parameters equal to P-256", explicitP256(), "KEY_NOT_CANONICAL_DER"],
  ["K15", "EC without parameters", spki([EC_PUBLIC_KEY], p256Point), "KEY_NOT_CANONICAL_DER"],
  ["K15", "EC with implicitCurve NULL", spki([EC_PUBLIC_KEY, NULL], p256Point), "KEY_NOT_CANONICAL_DER"],
  ["K15", "EC with a second parameter", spki([EC_PUBLIC_KEY, P256, NULL], p256Point), "KEY_NOT_CANONICAL_DER"],
  ["K16", "a point off the curve", flipBit(p256, 90 * 8), "KEY_POINT_INVALID"],
  ["K16", "the point (0, 0)", ecSpki(P256, Buffer.concat([Buffer.of(4), Buffer.alloc(64)])), "KEY_POINT_INVALID"],
  ["K16", "x = p + x0 of a point on the curve", ecSpki(P256, xPlusP()), "KEY_POINT_INVALID"],
  ["K16", "all ones", ecSpki(P256, Buffer.concat([Buffer.of(4), Buffer.alloc(64, 0xff)])), "KEY_POINT_INVALID"],
  ["K16", "a short point", ecSpki(P256, p256Point.subarray(0, -1)), "KEY_POINT_INVALID"],
  ["K16", "a long point", ecSpki(P256, Buffer.concat([p256Point, Buffer.of(0)])), "KEY_POINT_INVALID"],
  ["K16", "an empty point", ecSpki(P256, Buffer.alloc(0)), "KEY_POINT_INVALID"],
  ["K16", "a hybrid point", ecSpki(P256, hybrid()), "KEY_POINT_INVALID"],
  ["K17", "the point at infinity", ecSpki(P256, Buffer.of(0)), "KEY_POINT_INVALID"],
  ["K17", "infinity as long as a point", ecSpki(P256, Buffer.alloc(65)), "KEY_POINT_INVALID"],
  [
    "K18",
    "a compressed point",
    ecSpki(P256, Buffer.concat([Buffer.of(2), p256Point.subarray(1, 33)])),
    "KEY_POINT_INVALID",
  ],
  ["K19", "P-256 with a P-384 point", ecSpki(P256, p384Point), "KEY_POINT_INVALID"],
  ["K19", "P-384 with a P-256 point", ecSpki(hex("06052b81040022"), p256Point), "KEY_POINT_INVALID"],
  ["K8", "exponent 1", rsaSpki(integerOf(rsa), 1n), "RSA_EXPONENT"],
  ["K8", "exponent 2", rsaSpki(integerOf(rsa), 2n), "RSA_EXPONENT"],
  ["K8", "exponent 3", rsaSpki(integerOf(rsa), 3n), "RSA_EXPONENT"],
  ["K8", "exponent 17", rsaSpki(integerOf(rsa), 17n), "RSA_EXPONENT"],
  ["K8", "exponent 65536", rsaSpki(integerOf(rsa), 65536n), "RSA_EXPONENT"],
  ["K8", "exponent 65539", rsaSpki(integerOf(rsa), 65539n), "RSA_EXPONENT"],
  ["K8", "exponent 2^32 + 1", rsaSpki(integerOf(rsa), 2n ** 32n + 1n), "RSA_EXPONENT"],
  ["K8", "exponent 1 as PKCS#1", pem(tlv(0x30, tlv(2, modulus(rsa)), hex("020101")), "RSA PUBLIC KEY"), "RSA_EXPONENT"],
  ...[512, 1024, 1536, 2047, 2049, 2560, 5120, 8192, 16384].map((bits): RefusedKey => [
    "K9",
    `RSA of ${String(bits)} bits`,
    rsaSpki((1n << BigInt(bits - 1)) | 0xabcdefn),
    "RSA_SIZE",
  ]),
  ["K9", "RSA-1024 as PKCS#1", pem(smallPkcs1(), "RSA PUBLIC KEY"), "RSA_SIZE"],
  ["K9", "modulus zero", rsaWith(hex("020100")), "RSA_SIZE"],
  ["K10", "an even modulus", rsaSpki(integerOf(rsa) - 1n), "RSA_SMALL_FACTOR"],
  ["K10", "a modulus divisible by 751", rsaSpki(((1n << 2047n) / 751n + 1n) * 751n), "RSA_SMALL_FACTOR"],
  ["K10", "a modulus of one factor, twice", rsaSpki(squareOfAFactor()), "RSA_FACTORS_TOO_CLOSE"],
  ["K13", "DH", spki([hex("06092a864886f70d010301"), hex("3000")], hex("020103")), "KEY_TYPE_UNSUPPORTED"],
  ["K13", "GOST R 34.10-2012", spki([hex("06082a85030701010101")], Buffer.alloc(66)), "KEY_TYPE_UNSUPPORTED"],
  ["K20", "31 octets", spki([ED25519], ed25519.subarray(13)), "ED25519_WEAK_POINT"],
  ["K20", "33 octets", spki([ED25519], Buffer.concat([ed25519.subarray(12), Buffer.of(0)])), "ED25519_WEAK_POINT"],
  ["K10", "a modulus divisible by 3", rsaSpki(((1n << 2047n) / 3n + 2n) * 3n), "RSA_SMALL_FACTOR"],
  ["K10", "neighbouring primes", rsaSpki(neighbours()), "RSA_FACTORS_TOO_CLOSE"],
  ...rocaKeys().map((key): RefusedKey => [
    "K10",
    `the ROCA fingerprint in ${key.toString("base64", 36, 51)}`,
    key,
    "RSA_ROCA",
  ]),
  ...[
    ["rsa-pss", generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey] as const,
    ["dsa", generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 }).publicKey] as const,
    ["x25519", generateKeyPairSync("x25519").publicKey] as const,
    ["x448", generateKeyPairSync("x448").publicKey] as const,
    ["ed448", generateKeyPairSync("ed448").publicKey] as const,
    ["ml-dsa-65", generateKeyPairSync("ml-dsa-65").publicKey] as const,
  ].map(([type, key]): RefusedKey => ["K13", `a key of type ${type}`, pemOf(key), "KEY_TYPE_UNSUPPORTED"]),
  ["K13", "SM2", pemOf(generateKeyPairSync("ec", { namedCurve: "SM2" }).publicKey), "KEY_TYPE_UNSUPPORTED"],
  ...["prime192v1", "secp224r1", "secp256k1", "brainpoolP256r1", "brainpoolP384r1"].map((namedCurve): RefusedKey => [
    "K14",
    `the curve ${namedCurve}`,
    pemOf(generateKeyPairSync("ec", { namedCurve }).publicKey),
    "KEY_TYPE_UNSUPPORTED",
  ]),
];

/** Order 2^255 − 19 of the field of Ed25519. */
const P = 2n ** 255n - 19n;

const edwards = (y: bigint, sign: bigint): Buffer => hex((y | (sign << 255n)).toString(16).padStart(64, "0")).reverse();

/** Ed25519 keys for which signatures can be made without a private key, in every encoding, and y that are not below p. */
export const WEAK_ED25519_KEYS: readonly RefusedKey[] = [0n, 1n].flatMap((sign) => {
  const refused = (name: string, y: bigint): RefusedKey => [
    "K20",
    `${name}, sign bit ${String(sign)}`,
    pem(spki([ED25519], edwards(y, sign))),
    "ED25519_WEAK_POINT",
  ];
  return [
    ...smallOrderYs(P).flatMap((y, at) => [
      refused(`point of small order ${String(at)}`, y),
      ...(y + P < 2n ** 255n ? [refused(`point of small order ${String(at)}, not reduced`, y + P)] : []),
    ]),
    ...Array.from({ length: 19 }, (_, offset) => refused(`y = p + ${String(offset)}`, P + BigInt(offset))),
  ];
});

/** Contents of the INTEGER `modulus` of an RSA-2048 SubjectPublicKeyInfo, leading zero included. */
function modulus(rsa2048: Buffer): Buffer {
  return rsa2048.subarray(32, 289);
}

function integerOf(rsa2048: Buffer): bigint {
  return BigInt(`0x${modulus(rsa2048).toString("hex")}`);
}

function rsaWith(modulusElement: Uint8Array, rest: Uint8Array = hex("0203010001")): Buffer {
  return spki([RSA_ENCRYPTION, NULL], tlv(0x30, modulusElement, rest));
}

function smallPkcs1(): Buffer {
  return generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ type: "pkcs1", format: "der" });
}

function squareOfAFactor(): bigint {
  const { p } = rsaPair.privateKey.export({ format: "jwk" });
  return BigInt(`0x${Buffer.from(p!, "base64url").toString("hex")}`) ** 2n;
}

function explicitP256(): Buffer {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding: "explicit" });
  return spkiOf(publicKey);
}

function hybrid(): Buffer {
  const point = Buffer.from(p256Point);
  point[0] = 6 + (point.at(-1)! & 1);
  return point;
}

/** (p + 5, y) where (5, y) is a point of P-256: below 2^256, equal modulo p, and not an encoding. */
function xPlusP(): Buffer {
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const y = 0x459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbccn;
  const word = (n: bigint): Buffer => hex(n.toString(16).padStart(64, "0"));
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  if ((y * y - (5n ** 3n - 3n * 5n + b)) % p !== 0n) throw new TypeError("not a point of P-256");
  return Buffer.concat([Buffer.of(4), word(p + 5n), word(y)]);
}

/** The product of a prime of 1024 bits and the next one. */
function neighbours(): bigint {
  const { p } = rsaPair.privateKey.export({ format: "jwk" });
  const first = BigInt(`0x${Buffer.from(p!, "base64url").toString("hex")}`);
  for (let next = first + 2n; ; next += 2n) if (checkPrimeSync(next)) return first * next;
}

/** Published keys of Infineon's library, DER. */
function rocaKeys(): Buffer[] {
  return (readVector("invalid/rsa-roca.json") as { keys: string[] }).keys.map((key) => Buffer.from(key, "base64"));
}

/** y of the points P with 8·P = identity on −x² + y² = 1 + d·x²·y² (RFC 8032 §5.1). */
function smallOrderYs(p: bigint): bigint[] {
  const power = (base: bigint, exponent: bigint): bigint => {
    let result = 1n;
    for (let b = base % p, e = exponent; e > 0n; e >>= 1n, b = (b * b) % p) if (e & 1n) result = (result * b) % p;
    return result;
  };
  const inverse = (n: bigint): bigint => power(((n % p) + p) % p, p - 2n);
  const d = (((-121665n * inverse(121666n)) % p) + p) % p;
  // A point of order 8 doubles to (±√−1, 0), so x² = −y², and −x² + y² = 1 + d·x²·y² becomes d·y⁴ + 2·y² − 1 = 0.
  const root = (n: bigint): bigint | undefined => {
    const candidate = power(n, (p + 3n) / 8n);
    const roots = [candidate, (candidate * power(2n, (p - 1n) / 4n)) % p];
    return roots.find((r) => (r * r - n) % p === 0n);
  };
  const discriminant = root((1n + d) % p)!;
  const ys = [discriminant, p - discriminant].flatMap((r) => {
    const y = root((((r - 1n + p) % p) * inverse(d)) % p);
    return y === undefined ? [] : [y, p - y];
  });
  return [0n, 1n, p - 1n, ...ys];
}
