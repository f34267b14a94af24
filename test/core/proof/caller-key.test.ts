import { generateKeyPairSync, hash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkKey } from "../../../src/core/proof/key-policy.ts";
import type { CheckedKey } from "../../../src/core/proof/key-policy.ts";
import { parsePublicKey } from "../../../src/core/proof/parse-public-key.ts";
import { encodePem } from "../../../src/core/encoding/pem.ts";
import { flipBit, makeKey, pemOf, reasonOf, rsaSpki, spkiOf, tlv } from "../../support/caller-keys.ts";

const NONE: ReadonlySet<string> = new Set();
const judge = (key: Uint8Array, forbidden = NONE): CheckedKey => checkKey(parsePublicKey(key), forbidden);
const reason = (key: Uint8Array): Promise<string> => reasonOf(() => judge(key));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (value: string): Buffer => Buffer.from(value);
const pem = (spki: Uint8Array, label = "PUBLIC KEY"): Buffer => text(encodePem(label, spki));

const TYPES = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"] as const;
const keys = new Map(TYPES.map((type) => [type, makeKey(type)]));
const key = (type: (typeof TYPES)[number]): Buffer => spkiOf(keys.get(type)!.publicKey);

const p256 = key("ecdsa-p256");
const p256Point = p256.subarray(26);
const rsa = key("rsa-2048");
const rsaPkcs1 = keys.get("rsa-2048")!.publicKey.export({ type: "pkcs1", format: "der" });
const ed25519 = key("ed25519");
const p256Pem = pem(p256).toString();
const privatePem = (type: "pkcs8" | "sec1"): Buffer =>
  Buffer.from(keys.get("ecdsa-p256")!.privateKey.export({ type, format: "pem" }));

const EC_PUBLIC_KEY = hex("06072a8648ce3d0201");
const P256 = hex("06082a8648ce3d030107");
const RSA_ENCRYPTION = hex("06092a864886f70d010101");
const NULL = hex("0500");
const bitString = (bytes: Uint8Array, unused = 0): Buffer => tlv(0x03, Buffer.of(unused), bytes);
const spki = (algorithm: readonly Uint8Array[], value: Uint8Array): Buffer =>
  tlv(0x30, tlv(0x30, ...algorithm), bitString(value));
const ecSpki = (curve: Uint8Array, point: Uint8Array): Buffer => spki([EC_PUBLIC_KEY, curve], point);

describe("keys that are accepted", () => {
  it.each(TYPES)("K02: accepts %s as PEM and as DER, and keeps node's encoding", (type) => {
    const pair = keys.get(type)!;
    for (const sent of [pemOf(pair.publicKey), spkiOf(pair.publicKey)]) {
      const checked = judge(sent);
      expect(checked.algorithm).toBe(type);
      expect(Buffer.from(checked.spki).equals(spkiOf(pair.publicKey))).toBe(true);
      expect(checked.keyObject.equals(pair.publicKey)).toBe(true);
    }
  });

  it.each(["rsa-2048", "rsa-3072", "rsa-4096"] as const)("K02: accepts %s as RSA PUBLIC KEY", (type) => {
    const { publicKey } = keys.get(type)!;
    const checked = judge(Buffer.from(publicKey.export({ type: "pkcs1", format: "pem" })));
    expect(checked.algorithm).toBe(type);
    expect(Buffer.from(checked.spki).equals(spkiOf(publicKey))).toBe(true);
  });

  it.each([
    ["LF", p256Pem],
    ["CRLF", p256Pem.replaceAll("\n", "\r\n")],
    ["a final newline", `${p256Pem}\n`],
    ["one base64 line", `-----BEGIN PUBLIC KEY-----\n${p256.toString("base64")}\n-----END PUBLIC KEY-----`],
  ])("K04: accepts PEM with %s", async (_name, sent) => {
    expect(await reason(text(sent))).toBe("accepted");
  });

  it("accepts P-256 points whose coordinates start with zeros", () => {
    for (let found = 0; found < 2;) {
      const fresh = spkiOf(makeKey("ecdsa-p256").publicKey);
      if (fresh[27] !== 0 && fresh[59] !== 0) continue;
      found += 1;
      expect(judge(fresh).algorithm).toBe("ecdsa-p256");
    }
  });
});

describe("keys that are refused", () => {
  it.each<[string, Uint8Array, string]>([
    ["K01: nothing", text(""), "KEY_MISSING"],
    ["K01: white space", text(" \n"), "KEY_NOT_PEM"],
    ["K01: text", text("hello"), "KEY_NOT_PEM"],
    ["K01: HTML", text("<!doctype html><p>404"), "KEY_NOT_PEM"],
    ["K01: text that starts like a SEQUENCE", text("0123456789"), "KEY_NOT_CANONICAL_DER"],
    ["K05: base64 with a star", text(p256Pem.replace("MFk", "MF*")), "KEY_NOT_PEM"],
    ["K05: a line of 1 MB", text(`-----BEGIN PUBLIC KEY-----\n${"A".repeat(1 << 20)}`), "KEY_TOO_LONG"],
    ["K05: 8 KiB and one byte", Buffer.alloc(8 * 1024 + 1, 0x30), "KEY_TOO_LONG"],
    ["K05: no END", text(p256Pem.slice(0, p256Pem.indexOf("-----END"))), "KEY_NOT_PEM"],
    ["K03: a PKCS#8 private key", privatePem("pkcs8"), "KEY_WRONG_PEM_TYPE"],
    ["K03: a SEC 1 private key", privatePem("sec1"), "KEY_WRONG_PEM_TYPE"],
    ["K03: CERTIFICATE", pem(p256, "CERTIFICATE"), "KEY_WRONG_PEM_TYPE"],
    ["K03: CERTIFICATE REQUEST", pem(p256, "CERTIFICATE REQUEST"), "KEY_WRONG_PEM_TYPE"],
    ["K03: EC PARAMETERS", pem(P256, "EC PARAMETERS"), "KEY_WRONG_PEM_TYPE"],
    ["K03: OPENSSH PRIVATE KEY", pem(p256, "OPENSSH PRIVATE KEY"), "KEY_WRONG_PEM_TYPE"],
    ["K03: ANY PUBLIC KEY", pem(p256, "ANY PUBLIC KEY"), "KEY_WRONG_PEM_TYPE"],
    [
      "K03: a private key under the public label",
      pem(keys.get("ecdsa-p256")!.privateKey.export({ type: "pkcs8", format: "der" })),
      "KEY_NOT_CANONICAL_DER",
    ],
    ["K04: two blocks", text(`${p256Pem}\n${p256Pem}`), "KEY_NOT_PEM"],
    ["K04: a key and a private key", Buffer.concat([pem(p256), text("\n"), privatePem("pkcs8")]), "KEY_NOT_PEM"],
    ["K04: text before the block", text(`my key:\n${p256Pem}`), "KEY_NOT_PEM"],
    ["K04: text after the block", text(`${p256Pem}\nbye`), "KEY_NOT_PEM"],
    ["K04: encapsulated headers", text(p256Pem.replace("\n", "\nA: b\n\n")), "KEY_NOT_PEM"],
    ["K06: PKCS#1 as bare DER", rsaPkcs1, "KEY_NOT_CANONICAL_DER"],
    ["K07: a trailing byte", Buffer.concat([p256, Buffer.of(0)]), "KEY_NOT_CANONICAL_DER"],
    ["K07: a trailing byte in PEM", pem(Buffer.concat([p256, Buffer.of(0)])), "KEY_NOT_CANONICAL_DER"],
    ["K07: a missing byte", p256.subarray(0, -1), "KEY_NOT_CANONICAL_DER"],
    ["K07: an indefinite length", hex(`3080${p256.toString("hex", 2)}0000`), "KEY_NOT_CANONICAL_DER"],
    ["K07: a length that is not minimal", hex(`308159${p256.toString("hex", 2)}`), "KEY_NOT_CANONICAL_DER"],
    ["K07: unused bits", tlv(0x30, p256.subarray(2, 23), bitString(p256Point, 1)), "KEY_NOT_CANONICAL_DER"],
    ["K07: an OCTET STRING for the key", tlv(0x30, p256.subarray(2, 23), tlv(4, p256Point)), "KEY_NOT_CANONICAL_DER"],
    ["K07: a SET for the SEQUENCE", pem(tlv(0x31, p256.subarray(2))), "KEY_NOT_CANONICAL_DER"],
    ["K07: a third element", tlv(0x30, p256.subarray(2), NULL), "KEY_NOT_CANONICAL_DER"],
    ["K07: an empty SEQUENCE", hex("3000"), "KEY_NOT_CANONICAL_DER"],
    ["K07: an AlgorithmIdentifier without OID", tlv(0x30, hex("3000"), bitString(p256Point)), "KEY_NOT_CANONICAL_DER"],
    ["K07: a negative modulus", rsaWith(tlv(2, modulus(rsa).subarray(1))), "KEY_NOT_CANONICAL_DER"],
    ["K07: a modulus with two leading zeros", rsaWith(tlv(2, Buffer.of(0), modulus(rsa))), "KEY_NOT_CANONICAL_DER"],
    [
      "K07: a modulus of 2047 bits with a leading zero",
      rsaWith(tlv(2, hex("007f"), modulus(rsa).subarray(2))),
      "KEY_NOT_CANONICAL_DER",
    ],
    ["K07: a padded exponent", rsaWith(tlv(2, modulus(rsa)), hex("020400010001")), "KEY_NOT_CANONICAL_DER"],
    [
      "K07: an RSA key with a third INTEGER",
      rsaWith(tlv(2, modulus(rsa)), hex("0203010001 020101")),
      "KEY_NOT_CANONICAL_DER",
    ],
    ["K07: an RSA key without exponent", rsaWith(tlv(2, modulus(rsa)), hex("")), "KEY_NOT_CANONICAL_DER"],
    [
      "K07: an RSA key with trailing bytes",
      spki([RSA_ENCRYPTION, NULL], Buffer.concat([rsaPkcs1, NULL])),
      "KEY_NOT_CANONICAL_DER",
    ],
    [
      "K07: a PKCS#1 block with trailing bytes",
      pem(Buffer.concat([rsaPkcs1, NULL]), "RSA PUBLIC KEY"),
      "KEY_NOT_CANONICAL_DER",
    ],
    [
      "K07: a PKCS#1 block with a negative modulus",
      pem(tlv(0x30, tlv(2, modulus(rsa).subarray(1)), hex("0203010001")), "RSA PUBLIC KEY"),
      "KEY_NOT_CANONICAL_DER",
    ],
    ["K07: a SubjectPublicKeyInfo under the PKCS#1 label", pem(rsa, "RSA PUBLIC KEY"), "KEY_NOT_CANONICAL_DER"],
    ["K07: an empty PKCS#1 block", pem(hex("3000"), "RSA PUBLIC KEY"), "KEY_NOT_CANONICAL_DER"],
    ["K12: RSA without parameters", spki([RSA_ENCRYPTION], rsaPkcs1), "KEY_NOT_CANONICAL_DER"],
    ["K12: RSA with an OID as parameters", spki([RSA_ENCRYPTION, P256], rsaPkcs1), "KEY_NOT_CANONICAL_DER"],
    ["K12: RSA with NULL twice", spki([RSA_ENCRYPTION, NULL, NULL], rsaPkcs1), "KEY_NOT_CANONICAL_DER"],
    ["K12: RSA with a NULL that has content", spki([RSA_ENCRYPTION, hex("050100")], rsaPkcs1), "KEY_NOT_CANONICAL_DER"],
    [
      "K12: Ed25519 with NULL parameters",
      spki([hex("06032b6570"), NULL], ed25519.subarray(12)),
      "KEY_NOT_CANONICAL_DER",
    ],
    ["K15: explicit parameters equal to P-256", explicitP256(), "KEY_NOT_CANONICAL_DER"],
    ["K15: EC without parameters", spki([EC_PUBLIC_KEY], p256Point), "KEY_NOT_CANONICAL_DER"],
    ["K15: EC with implicitCurve NULL", spki([EC_PUBLIC_KEY, NULL], p256Point), "KEY_NOT_CANONICAL_DER"],
    ["K15: EC with a second parameter", spki([EC_PUBLIC_KEY, P256, NULL], p256Point), "KEY_NOT_CANONICAL_DER"],
    ["K16: a point off the curve", flipBit(p256, 90 * 8), "KEY_POINT_INVALID"],
    ["K16: the point (0, 0)", ecSpki(P256, Buffer.concat([Buffer.of(4), Buffer.alloc(64)])), "KEY_POINT_INVALID"],
    ["K16: x = p + x0 of a point on the curve", ecSpki(P256, xPlusP()), "KEY_POINT_INVALID"],
    ["K16: all ones", ecSpki(P256, Buffer.concat([Buffer.of(4), Buffer.alloc(64, 0xff)])), "KEY_POINT_INVALID"],
    ["K16: a short point", ecSpki(P256, p256Point.subarray(0, -1)), "KEY_POINT_INVALID"],
    ["K16: a long point", ecSpki(P256, Buffer.concat([p256Point, Buffer.of(0)])), "KEY_POINT_INVALID"],
    ["K16: an empty point", ecSpki(P256, Buffer.alloc(0)), "KEY_POINT_INVALID"],
    ["K16: a hybrid point", ecSpki(P256, hybrid()), "KEY_POINT_INVALID"],
    ["K17: the point at infinity", ecSpki(P256, Buffer.of(0)), "KEY_POINT_INVALID"],
    ["K17: infinity as long as a point", ecSpki(P256, Buffer.alloc(65)), "KEY_POINT_INVALID"],
    [
      "K18: a compressed point",
      ecSpki(P256, Buffer.concat([Buffer.of(2), p256Point.subarray(1, 33)])),
      "KEY_POINT_INVALID",
    ],
    ["K19: P-256 with a P-384 point", ecSpki(P256, key("ecdsa-p384").subarray(23)), "KEY_POINT_INVALID"],
    ["K19: P-384 with a P-256 point", ecSpki(hex("06052b81040022"), p256Point), "KEY_POINT_INVALID"],
    ["K08: exponent 1", rsaSpki(integerOf(rsa), 1n), "RSA_EXPONENT"],
    ["K08: exponent 2", rsaSpki(integerOf(rsa), 2n), "RSA_EXPONENT"],
    ["K08: exponent 3", rsaSpki(integerOf(rsa), 3n), "RSA_EXPONENT"],
    ["K08: exponent 17", rsaSpki(integerOf(rsa), 17n), "RSA_EXPONENT"],
    ["K08: exponent 65536", rsaSpki(integerOf(rsa), 65536n), "RSA_EXPONENT"],
    ["K08: exponent 65539", rsaSpki(integerOf(rsa), 65539n), "RSA_EXPONENT"],
    ["K08: exponent 2^32 + 1", rsaSpki(integerOf(rsa), 2n ** 32n + 1n), "RSA_EXPONENT"],
    [
      "K08: exponent 1 as PKCS#1",
      pem(tlv(0x30, tlv(2, modulus(rsa)), hex("020101")), "RSA PUBLIC KEY"),
      "RSA_EXPONENT",
    ],
    ...[512, 1024, 1536, 2047, 2049, 2560, 5120, 8192, 16384].map((bits): [string, Uint8Array, string] => [
      `K09: RSA of ${String(bits)} bits`,
      rsaSpki((1n << BigInt(bits - 1)) | 0xabcdefn),
      "RSA_SIZE",
    ]),
    ["K09: RSA-1024 as PKCS#1", pem(smallPkcs1(), "RSA PUBLIC KEY"), "RSA_SIZE"],
    ["K09: modulus zero", rsaWith(hex("020100")), "RSA_SIZE"],
    ["K10: an even modulus", rsaSpki(integerOf(rsa) - 1n), "RSA_SMALL_FACTOR"],
    ["K10: a modulus divisible by 751", rsaSpki(((1n << 2047n) / 751n + 1n) * 751n), "RSA_SMALL_FACTOR"],
    ["K10: a modulus of one factor, twice", rsaSpki(squareOf("rsa-2048")), "RSA_FACTORS_TOO_CLOSE"],
    ["K13: DH", spki([hex("06092a864886f70d010301"), hex("3000")], hex("020103")), "KEY_TYPE_UNSUPPORTED"],
    ["K13: GOST R 34.10-2012", spki([hex("06082a85030701010101")], Buffer.alloc(66)), "KEY_TYPE_UNSUPPORTED"],
    ["K20: 31 octets", spki([hex("06032b6570")], ed25519.subarray(13)), "ED25519_WEAK_POINT"],
    [
      "K20: 33 octets",
      spki([hex("06032b6570")], Buffer.concat([ed25519.subarray(12), Buffer.of(0)])),
      "ED25519_WEAK_POINT",
    ],
  ])("%s", async (name, sent, expected) => {
    expect([name, await reason(sent)]).toEqual([name, expected]);
  });

  it.each([
    ["rsa-pss", generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey],
    ["dsa", generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 }).publicKey],
    ["x25519", generateKeyPairSync("x25519").publicKey],
    ["x448", generateKeyPairSync("x448").publicKey],
    ["ed448", generateKeyPairSync("ed448").publicKey],
    ["ml-dsa-65", generateKeyPairSync("ml-dsa-65").publicKey],
  ])("K13: refuses %s", async (_type, publicKey) => {
    expect(await reason(pemOf(publicKey))).toBe("KEY_TYPE_UNSUPPORTED");
    expect(await reason(spkiOf(publicKey))).toBe("KEY_TYPE_UNSUPPORTED");
  });

  it.each(["prime192v1", "secp224r1", "secp256k1", "brainpoolP256r1", "brainpoolP384r1", "SM2"])(
    "K14: refuses the curve %s",
    async (namedCurve) => {
      expect(await reason(pemOf(generateKeyPairSync("ec", { namedCurve }).publicKey))).toBe("KEY_TYPE_UNSUPPORTED");
    },
  );

  it("K21: refuses the service's own keys in every form they can be sent in", async () => {
    const forbidden = new Set([hash("sha256", rsa, "hex"), hash("sha256", p256, "hex")]);
    for (const sent of [p256, pem(p256), rsa, pem(rsa), pem(rsaPkcs1, "RSA PUBLIC KEY")]) {
      expect(await reasonOf(() => judge(sent, forbidden))).toBe("KEY_IS_OURS");
    }
    expect(await reasonOf(() => judge(ed25519, forbidden))).toBe("accepted");
  });
});

describe("Ed25519 points", () => {
  const P = 2n ** 255n - 19n;
  const encode = (y: bigint, sign: bigint): Buffer =>
    hex((y | (sign << 255n)).toString(16).padStart(64, "0")).reverse();
  const smallOrder = smallOrderYs(P);

  it("K20: knows five y for eight points of small order", () => {
    expect(new Set(smallOrder).size).toBe(5);
  });

  it.each([0n, 1n])("K20: refuses every small-order y with the sign bit %s, reduced or not", async (sign) => {
    for (const y of smallOrder) {
      const encodings = y + P < 2n ** 255n ? [y, y + P] : [y];
      for (const encoding of encodings) {
        const sent = spki([hex("06032b6570")], encode(encoding, sign));
        expect(await reason(sent)).toBe("ED25519_WEAK_POINT");
      }
    }
  });

  it.each(Array.from({ length: 19 }, (_, i) => BigInt(i)))("K20: refuses y = p + %s", async (offset) => {
    for (const sign of [0n, 1n]) {
      expect(await reason(spki([hex("06032b6570")], encode(P + offset, sign)))).toBe("ED25519_WEAK_POINT");
    }
  });

  it("K20: accepts p − 2, the largest y that is no small-order point", async () => {
    expect(await reason(spki([hex("06032b6570")], encode(P - 2n, 0n)))).toBe("accepted");
  });
});

describe("bytes nobody meant", () => {
  it.each([["ecdsa-p256"], ["ecdsa-p384"], ["ecdsa-p521"]] as const)(
    "refuses %s with any single bit changed",
    async (type) => {
      const original = key(type);
      for (let bit = 0; bit < original.length * 8; bit++) {
        expect([bit, await reason(flipBit(original, bit))]).not.toEqual([bit, "accepted"]);
      }
    },
  );

  it("refuses RSA with any single bit of its structure changed", async () => {
    for (const at of [...Array(33).keys(), ...Array.from({ length: 5 }, (_, i) => rsa.length - 5 + i)]) {
      for (let bit = 0; bit < 8; bit++) {
        expect([at, bit, await reason(flipBit(rsa, at * 8 + bit))]).not.toEqual([at, bit, "accepted"]);
      }
    }
  });

  it("throws nothing but MayflyError, whatever is changed", async () => {
    const originals = [...TYPES.map((type) => key(type)), pem(p256), pem(rsaPkcs1, "RSA PUBLIC KEY")];
    const change = fc.record({
      which: fc.nat(originals.length - 1),
      at: fc.nat(600),
      remove: fc.nat(3),
      insert: fc.uint8Array({ maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ which, at, remove, insert }) => {
        const original = originals[which]!;
        const start = at % original.length;
        await reason(Buffer.concat([original.subarray(0, start), insert, original.subarray(start + remove)]));
      }),
      { seed: 20261122, numRuns: 2_000 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        expect(await reason(bytes)).not.toBe("accepted");
        expect(await reason(Buffer.concat([Buffer.of(0x30), bytes]))).not.toBe("accepted");
      }),
      { seed: 20261122, numRuns: 1_000 },
    );
  });
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

function squareOf(type: "rsa-2048"): bigint {
  const { p } = keys.get(type)!.privateKey.export({ format: "jwk" });
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
  expect((y * y - (5n ** 3n - 3n * 5n + b)) % p).toBe(0n);
  return Buffer.concat([Buffer.of(4), word(p + 5n), word(y)]);
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
