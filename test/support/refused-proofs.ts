import { constants, createHash, createPrivateKey, createPublicKey, privateEncrypt, sign } from "node:crypto";
import type { KeyAlgorithm } from "../../src/core/proof/public-key.ts";
import type { Reason } from "../../src/core/errors.ts";
import { flipBit, makeKey, tlv } from "./caller-keys.ts";
import type { CallerKey } from "./caller-keys.ts";
import { CALLER, proofBy } from "./signing-body.ts";

/** A proof that is never taken: its row in the catalogue, what it is, the key it is sent with, and why it is refused. */
export interface RefusedProof {
  readonly row: string;
  readonly name: string;
  readonly key: CallerKey;
  readonly proof: Uint8Array;
  readonly reason: Reason;
}

/** Every type of key that a caller may have. */
export const TYPES: readonly KeyAlgorithm[] = [
  ...(["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"] as const),
  ...(["rsa-2048", "rsa-3072", "rsa-4096"] as const),
  "ed25519",
];

/** One key of each kind. */
export const keys = Object.fromEntries(TYPES.map((type) => [type, makeKey(type)])) as Record<KeyAlgorithm, CallerKey>;
const p256 = keys["ecdsa-p256"];
const rsa = keys["rsa-2048"];
const ed25519 = keys.ed25519;

/** Order of P-256 (SEC 2 §2.4.2). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** Order of the base point of Ed25519 (RFC 8032 §5.1). */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
/** DigestInfo of SHA-256 up to the hash (RFC 8017 §9.2, note 1). */
const SHA256_DIGEST_INFO = "3031300d060960864801650304020105000420";

const text = (value: string): Buffer => Buffer.from(value);
const hex = (value: string): Buffer => Buffer.from(value, "hex");

const refused = (row: string, name: string, key: CallerKey, proof: Uint8Array): RefusedProof => ({
  row,
  name,
  key,
  proof,
  reason: proof.length === 0 ? "PROOF_MISSING" : "PROOF_INVALID",
});

const ECDSA_FORGERIES: readonly (readonly [string, (r: bigint, s: bigint) => Uint8Array])[] = [
  ["a trailing byte", (r, s) => Buffer.concat([ecdsa(r, s), Buffer.of(0)])],
  ["a trailing byte inside", (r, s) => tlv(0x30, integer(r), integer(s), Buffer.of(0))],
  ["a third INTEGER", (r, s) => tlv(0x30, integer(r), integer(s), integer(1n))],
  ["a length that is not minimal", (r, s) => Buffer.concat([hex("3081"), ecdsa(r, s).subarray(1)])],
  ["an indefinite length", (r, s) => Buffer.concat([hex("3080"), integer(r), integer(s), hex("0000")])],
  ["a padded INTEGER", (r, s) => tlv(0x30, tlv(2, Buffer.of(0), integer(r).subarray(2)), integer(s))],
  ["a negative r", (r, s) => tlv(0x30, tlv(2, hex((2n ** 256n - r).toString(16).padStart(64, "0"))), integer(s))],
  ["r = 0", (_r, s) => ecdsa(0n, s)],
  ["s = 0", (r) => ecdsa(r, 0n)],
  ["r = s = 0", () => ecdsa(0n, 0n)],
  ["r + n", (r, s) => ecdsa(r + N, s)],
  ["s + n", (r, s) => ecdsa(r, s + N)],
  ["r = n", (_r, s) => ecdsa(N, s)],
  ["s = n", (r) => ecdsa(r, N)],
  ["r and s exchanged", (r, s) => ecdsa(s, r)],
  ["a SET", (r, s) => tlv(0x31, integer(r), integer(s))],
  ["one INTEGER", (r) => tlv(0x30, integer(r))],
  ["raw r‖s of zeros", () => Buffer.alloc(64)],
  ["raw r‖s with s = n", (r) => Buffer.concat([word(r), word(N)])],
  ["raw r‖s with r = 0", (_r, s) => Buffer.concat([word(0n), word(s)])],
  ["raw r‖s one octet short", (r, s) => Buffer.concat([word(r), word(s)]).subarray(1)],
  ["raw r‖s one octet long", (r, s) => Buffer.concat([Buffer.of(0), word(r), word(s)])],
  ["raw r‖s two octets long", (r, s) => Buffer.concat([Buffer.of(0), word(r), Buffer.of(0), word(s)])],
  ["raw r‖s as long as for P-384", (r, s) => Buffer.concat([Buffer.alloc(16), word(r), Buffer.alloc(16), word(s)])],
  ["raw s‖r", (r, s) => Buffer.concat([word(s), word(r)])],
  ["64 octets that are a DER signature", () => tlv(0x30, tlv(2, Buffer.alloc(29, 1)), tlv(2, Buffer.alloc(29, 1)))],
  ["one octet", () => Buffer.of(0x30)],
];

const RSA_BLOCKS: readonly (readonly [string, Uint8Array])[] = [
  ["no DigestInfo", Buffer.concat([hex("0001"), Buffer.alloc(221, 0xff), hex("00"), digest()])],
  ["a DigestInfo without NULL", block("00", "302f300b0609608648016503040201 0420")],
  ["block type 2", block("00", undefined, "0002")],
  ["no zero in front of the DigestInfo", block("ff")],
  ["seven octets of padding and garbage behind the hash", short(7)],
  ["eight octets of padding and garbage behind the hash", short(8)],
  ["another octet in the padding", flipBit(block("00"), 40 * 8)],
];

/** Proofs that prove nothing. */
export const REFUSED_PROOFS: readonly RefusedProof[] = [
  ...TYPES.map((type) => refused("M1", `no proof by ${type}`, keys[type], Buffer.alloc(0))),
  ...[
    ["another claim", "1234567890"],
    ["another case", "Dev@example.com"],
    ["a trailing newline", `${CALLER}\n`],
    ["a leading space", ` ${CALLER}`],
    ["quotes", `"${CALLER}"`],
    ["a NUL", `${CALLER}\0`],
    ["the empty text", ""],
    ["its own hash", createHash("sha256").update(CALLER).digest("hex")],
  ].flatMap(([name = "", message = ""]) =>
    (["ecdsa-p256", "rsa-2048", "ed25519"] as const).map((type) =>
      refused("M2", `a signature by ${type} over ${name}`, keys[type], proofBy(keys[type], message)),
    ),
  ),
  ...TYPES.map((type) => {
    const other = type.startsWith("rsa") ? makeKey("rsa-2048") : makeKey(type);
    return refused("M3", `the right text signed by another key than the ${type} key sent`, keys[type], proofBy(other));
  }),
  ...(
    [
      ["ecdsa-p256", "sha384"],
      ["ecdsa-p384", "sha256"],
      ["ecdsa-p384", "sha512"],
      ["ecdsa-p521", "sha256"],
      ["ecdsa-p521", "sha384"],
      ["rsa-2048", "sha512"],
    ] as const
  ).map(([type, digest]) =>
    refused("M4", `${type} with ${digest}`, keys[type], sign(digest, text(CALLER), keys[type].privateKey)),
  ),
  ...["sha1", "sha384", "sha512"].map((digest) =>
    refused("M5", `RSA with ${digest}`, rsa, sign(digest, text(CALLER), rsa.privateKey)),
  ),
  refused(
    "M5",
    "RSASSA-PSS",
    rsa,
    sign("sha256", text(CALLER), { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }),
  ),
  ...RSA_BLOCKS.map(([name, encoded]) =>
    refused("M5", `an RSA signature made of ${name}`, rsa, rsaSignatureOf(encoded)),
  ),
  ...[255, 257, 512].map((length) => {
    const proof = Buffer.alloc(length);
    proofBy(rsa).copy(proof);
    return refused("M5", `an RSA-2048 signature of ${String(length)} octets`, rsa, proof);
  }),
  ...ECDSA_FORGERIES.map(([name, forge]) => {
    const { r, s } = readEcdsa(proofBy(p256));
    return refused(name.startsWith("raw") ? "M8" : "M6", `an ECDSA signature with ${name}`, p256, forge(r, s));
  }),
  refused("M9", "an Ed25519 signature of 63 octets", ed25519, proofBy(ed25519).subarray(0, 63)),
  refused("M9", "an Ed25519 signature of 65 octets", ed25519, Buffer.concat([proofBy(ed25519), Buffer.of(0)])),
  refused("M9", "an Ed25519 signature with S ≥ L", ed25519, malleated(proofBy(ed25519))),
  refused("M10", "base64 of the signature", p256, text(proofBy(p256).toString("base64"))),
  refused("M10", "hex of the signature", p256, text(proofBy(p256).toString("hex"))),
];

/** What {@link ED25519PH} signs, and its key. */
export const ED25519PH_CHALLENGE = "abc";

/** The signature of RFC 8032 §7.3 over {@link ED25519PH_CHALLENGE}, prehashed, by the key of that section. */
export const ED25519PH: RefusedProof = refused(
  "M9",
  "an Ed25519ph signature",
  keyOfSeed(hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42")),
  hex(
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41" +
      "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
  ),
);

/**
 * The key of {@link ED25519PH} over the same text, in the context `foo` (RFC 8032 §5.1): no library here makes such a
 * signature. What made this one makes those of RFC 8032 §7.2.
 */
export const ED25519CTX: RefusedProof = refused(
  "M9",
  "an Ed25519ctx signature",
  ED25519PH.key,
  hex(
    "9c0bb4c82e441ef5c35c941fb8933bafea6e9974d0c096afca4499ff65dedea6" +
      "b5dfc4d489d9d98c9738f81e6fe97cbe9def7c76dabac7bfe1460225c9a6330c",
  ),
);

/** RSA's bare operation by the private key of `keys["rsa-2048"]`. */
export function rsaSignatureOf(encodedMessage: Uint8Array): Buffer {
  return privateEncrypt({ key: rsa.privateKey, padding: constants.RSA_NO_PADDING }, encodedMessage);
}

function malleated(proof: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(proof.subarray(32)).reverse().toString("hex")}`);
  return Buffer.concat([proof.subarray(0, 32), word(s + L).reverse()]);
}

function keyOfSeed(seed: Uint8Array): CallerKey {
  const der = Buffer.concat([hex("302e020100300506032b657004220420"), seed]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

function word(n: bigint): Buffer {
  return hex(n.toString(16).padStart(64, "0"));
}

/** INTEGER ≥ 0 in its shortest form. */
function integer(n: bigint): Buffer {
  const digits = n.toString(16);
  const magnitude = hex(digits.padStart(digits.length + (digits.length % 2), "0"));
  return tlv(2, magnitude[0]! >= 0x80 ? Buffer.of(0) : Buffer.alloc(0), magnitude);
}

/** Ecdsa-Sig-Value (RFC 3279 §2.2.3). */
export function ecdsa(r: bigint, s: bigint): Buffer {
  return tlv(0x30, integer(r), integer(s));
}

/** The two numbers of a DER signature. */
export function readEcdsa(signature: Buffer): { r: bigint; s: bigint } {
  const rEnd = 4 + signature[3]!;
  return {
    r: BigInt(`0x${signature.subarray(4, rEnd).toString("hex")}`),
    s: BigInt(`0x${signature.subarray(rEnd + 2).toString("hex")}`),
  };
}

function digest(): Buffer {
  return createHash("sha256").update(CALLER).digest();
}

/** EMSA-PKCS1-v1_5 of the challenge for 2048 bits (RFC 8017 §9.2), or something like it. */
export function block(separator: string, digestInfo = SHA256_DIGEST_INFO, type = "0001"): Buffer {
  const end = Buffer.concat([hex(separator), hex(digestInfo.replaceAll(" ", "")), digest()]);
  return Buffer.concat([hex(type), Buffer.alloc(256 - 2 - end.length, 0xff), end]);
}

/** The block of Bleichenbacher's forgery: little padding, and garbage behind the hash. */
function short(padding: number): Buffer {
  const start = Buffer.concat([hex("0001"), Buffer.alloc(padding, 0xff), hex("00"), hex(SHA256_DIGEST_INFO), digest()]);
  return Buffer.concat([start, Buffer.alloc(256 - start.length, 0x5a)]);
}
