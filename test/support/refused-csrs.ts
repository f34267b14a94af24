import { generateKeyPairSync, sign } from "node:crypto";
import { encodePem, parsePem } from "../../src/core/encoding/pem.ts";
import type { Reason } from "../../src/core/errors.ts";
import { flipBit, makeKey, rsaSpki, spkiOf, tlv } from "./caller-keys.ts";
import { infoOf, opensslCsr, putTogether, takeApart } from "./openssl-csr.ts";
import type { CsrParts } from "./openssl-csr.ts";
import { REFUSED_KEYS, WEAK_ED25519_KEYS } from "./refused-keys.ts";

/** A CSR that is never granted: its row in the catalogue, what it is, the PEM that is sent, and why it is refused. */
export type RefusedCsr = readonly [row: string, name: string, sent: Uint8Array, reason: Reason, message?: string];

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const pem = (der: Uint8Array, label = "CERTIFICATE REQUEST"): Buffer => Buffer.from(encodePem(label, der));

/** A P-256 key. */
export const p256 = makeKey("ecdsa-p256");
/** OpenSSL's request for {@link p256}. */
export const p256Csr = opensslCsr(p256);
const rsa = makeKey("rsa-2048");
const p256Der = parsePem(p256Csr)[0]!.der;
const parts = takeApart(p256Csr);
const rsaParts = takeApart(opensslCsr(rsa));

/** A subject of one attribute, given in hex. */
function ofAttribute(digits: string): Buffer {
  return tlv(0x30, tlv(0x31, hex(digits)));
}

/** CSRs that are malformed, not signed by their key, or hold a key that is not certified. */
export const REFUSED_CSRS: readonly RefusedCsr[] = [
  ["L1", "nothing", Buffer.alloc(0), "CSR_NOT_PEM"],
  ["L1", "the word invalid", Buffer.from("invalid"), "CSR_NOT_PEM"],
  ["L1", "DER only", p256Der, "CSR_NOT_PEM"],
  ["L1", "a public key", pem(parts.spki, "PUBLIC KEY"), "CSR_WRONG_PEM_TYPE"],
  ["L1", "a certificate", pem(p256Der, "CERTIFICATE"), "CSR_WRONG_PEM_TYPE"],
  ["L1", "a private key", Buffer.from(p256.privateKey.export({ type: "pkcs8", format: "pem" })), "CSR_WRONG_PEM_TYPE"],
  ["L1", "text in front", Buffer.concat([Buffer.from("CSR:\n"), p256Csr]), "CSR_NOT_PEM"],
  ["L10", "two blocks", Buffer.concat([p256Csr, p256Csr]), "CSR_NOT_PEM"],
  [
    "L10",
    "16 KiB and one byte",
    Buffer.concat([p256Csr, Buffer.alloc(16 * 1024 + 1 - p256Csr.length, 0x0a)]),
    "CSR_TOO_LONG",
  ],
  ["L2", "trailing DER", pem(Buffer.concat([p256Der, hex("0500")])), "CSR_MALFORMED"],
  ["L2", "a missing byte", pem(p256Der.subarray(0, -1)), "CSR_MALFORMED"],
  ["L2", "an indefinite length", pem(Buffer.concat([hex("3080"), p256Der.subarray(3), hex("0000")])), "CSR_MALFORMED"],
  ["L2", "version 1", resigned({ version: hex("020101") }), "CSR_MALFORMED"],
  ["L2", "version −1", resigned({ version: hex("0201ff") }), "CSR_MALFORMED"],
  ["L2", "a padded version", resigned({ version: hex("02020000") }), "CSR_MALFORMED"],
  ["L2", "no version", resigned({ version: hex("") }), "CSR_MALFORMED"],
  ["L2", "no attributes", resigned({ attributes: hex("") }), "CSR_MALFORMED"],
  ["L2", "attributes twice", resigned({ attributes: hex("a000a000") }), "CSR_MALFORMED"],
  ["L2", "attributes as a SET", resigned({ attributes: hex("3100") }), "CSR_MALFORMED"],
  ["L2", "attributes as [1]", resigned({ attributes: hex("a100") }), "CSR_MALFORMED"],
  ["L2", "attributes that are INTEGERs", resigned({ attributes: hex("a003020101") }), "CSR_MALFORMED"],
  ["L2", "a subject that is an INTEGER", resigned({ subject: hex("020101") }), "CSR_MALFORMED"],
  ["L2", "a subject of bare strings", resigned({ subject: tlv(0x30, tlv(0x0c, hex("61"))) }), "CSR_MALFORMED"],
  ["L2", "a SET as the whole", pem(Buffer.concat([hex("31"), p256Der.subarray(1)])), "CSR_MALFORMED"],
  [
    "L2",
    "a SET as its first part",
    pem(tlv(0x30, Buffer.concat([hex("31"), infoOf(parts).subarray(1)]), parts.algorithm, parts.signature)),
    "CSR_MALFORMED",
  ],
  [
    "L2",
    "a first part of another class",
    pem(tlv(0x30, Buffer.concat([hex("70"), infoOf(parts).subarray(1)]), parts.algorithm, parts.signature)),
    "CSR_MALFORMED",
  ],
  ["L2", "an empty relative name", resigned({ subject: tlv(0x30, tlv(0x31)) }), "CSR_MALFORMED"],
  ["L2", "a type without value", resigned({ subject: ofAttribute("3005 0603550403") }), "CSR_MALFORMED"],
  ["L2", "a type with two values", resigned({ subject: ofAttribute("3009 0603550403 05000500") }), "CSR_MALFORMED"],
  ["L2", "a type that is text", resigned({ subject: ofAttribute("3005 0c0161 0500") }), "CSR_MALFORMED"],
  ["L2", "an attribute without values", resigned({ attributes: hex("a007 3005 0603550403") }), "CSR_MALFORMED"],
  [
    "L2",
    "an attribute with a SEQUENCE of values",
    resigned({ attributes: hex("a009 3007 0603550403 3000") }),
    "CSR_MALFORMED",
  ],
  [
    "L2",
    "an attribute of three parts",
    resigned({ attributes: hex("a00b 3009 0603550403 31003100") }),
    "CSR_MALFORMED",
  ],
  ["L2", "a key that is an INTEGER", resigned({ spki: hex("020101") }), "CSR_MALFORMED"],
  ["L2", "a key without bits", resigned({ spki: tlv(0x30, tlv(0x30, hex("06032b6570"))) }), "CSR_MALFORMED"],
  ["L2", "no subject", resigned({ subject: hex("") }), "CSR_MALFORMED"],
  ["L2", "no key", resigned({ spki: hex("") }), "CSR_MALFORMED"],
  [
    "L2",
    "a fourth part",
    pem(tlv(0x30, infoOf(parts), parts.algorithm, parts.signature, hex("0500"))),
    "CSR_MALFORMED",
  ],
  ["L2", "no signature", pem(tlv(0x30, infoOf(parts), parts.algorithm)), "CSR_MALFORMED"],
  [
    "L2",
    "a subject whose SET is out of order",
    resigned({
      subject: tlv(
        0x30,
        tlv(0x31, tlv(0x30, hex("0603550403"), hex("0c0162")), tlv(0x30, hex("0603550403"), hex("0c0161"))),
      ),
    }),
    "CSR_MALFORMED",
  ],
  ["L2", "a constructed string in the subject", resigned({ subject: name(hex("2c030c0161")) }), "CSR_MALFORMED"],
  [
    "L2",
    "a padded INTEGER in an attribute",
    resigned({ attributes: tlv(0xa0, tlv(0x30, hex("06022a03"), tlv(0x31, hex("02020001")))) }),
    "CSR_MALFORMED",
  ],
  [
    "L2",
    "an indefinite length in an attribute",
    resigned({ attributes: tlv(0xa0, tlv(0x30, hex("06022a03"), tlv(0x31, hex("30800000")))) }),
    "CSR_MALFORMED",
  ],
  ["L2", "an empty SEQUENCE", pem(hex("3000")), "CSR_MALFORMED"],
  ["L2", "a signature with unused bits", pem(putTogether({ ...parts, signature: hex("03020100") })), "CSR_MALFORMED"],
  ["L2", "a certificate under the label of a request", pem(hex("30053000300003 00")), "CSR_MALFORMED"],
  ["L7", "ECDSA with NULL parameters", withAlgorithm(parts, "06082a8648ce3d040302 0500"), "CSR_MALFORMED"],
  ["L7", "ECDSA with an INTEGER as parameters", withAlgorithm(parts, "06082a8648ce3d040302 020101"), "CSR_MALFORMED"],
  [
    "L7",
    "RSA with an INTEGER as parameters",
    withAlgorithm(rsaParts, "06092a864886f70d01010b 020101"),
    "CSR_MALFORMED",
  ],
  ["L7", "RSA with NULL twice", withAlgorithm(rsaParts, "06092a864886f70d01010b 0500 0500"), "CSR_MALFORMED"],
  ["L7", "no algorithm at all", withAlgorithm(parts, ""), "CSR_MALFORMED"],
  [
    "L7",
    "an RSA algorithm for an EC key",
    withAlgorithm(parts, "06092a864886f70d01010b 0500"),
    "CSR_SIGNATURE_INVALID",
  ],
  ["L7", "an EC algorithm for an RSA key", withAlgorithm(rsaParts, "06082a8648ce3d040302"), "CSR_SIGNATURE_INVALID"],
  ["L7", "Ed25519 for an EC key", withAlgorithm(parts, "06032b6570"), "CSR_SIGNATURE_INVALID"],
  ["L3", "a signature of zeros", withSignature(Buffer.alloc(70)), "CSR_SIGNATURE_INVALID"],
  ["L3", "an empty signature", withSignature(Buffer.alloc(0)), "CSR_SIGNATURE_INVALID"],
  [
    "L3",
    "a signature by another key",
    withSignature(sign("sha256", infoOf(parts), makeKey("ecdsa-p256").privateKey)),
    "CSR_SIGNATURE_INVALID",
  ],
  [
    "L3",
    "a signature over other bytes",
    withSignature(sign("sha256", p256Der, p256.privateKey)),
    "CSR_SIGNATURE_INVALID",
  ],
  [
    "L3",
    "a raw r‖s signature",
    withSignature(sign("sha256", infoOf(parts), { key: p256.privateKey, dsaEncoding: "ieee-p1363" })),
    "CSR_SIGNATURE_INVALID",
  ],
  [
    "L3",
    "the last byte of the signature changed",
    pem(flipBit(p256Der, p256Der.length * 8 - 8)),
    "CSR_SIGNATURE_INVALID",
  ],
  [
    "L3",
    "another subject under the signature",
    pem(putTogether({ ...parts, subject: name(tlv(0x0c, hex("62"))) })),
    "CSR_SIGNATURE_INVALID",
  ],
  ["L4", "another key, weak: RSA-1024", withKey(spkiOf(makeKey("rsa-1024").publicKey)), "RSA_SIZE"],
  ["L4", "RSA with exponent 1", withKey(rsaSpki((1n << 2047n) | 0xabcdefn, 1n)), "RSA_EXPONENT"],
  ["L4", "RSA with a small factor", withKey(rsaSpki((1n << 2047n) | 1n)), "RSA_SMALL_FACTOR"],
  [
    "L4",
    "an unsupported curve",
    withKey(spkiOf(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey)),
    "KEY_TYPE_UNSUPPORTED",
  ],
  ["L4", "Ed448", withKey(spkiOf(generateKeyPairSync("ed448").publicKey)), "KEY_TYPE_UNSUPPORTED"],
  [
    "L4",
    "the Ed25519 identity",
    withKey(Buffer.concat([hex("302a300506032b6570032100 01"), Buffer.alloc(31)])),
    "ED25519_WEAK_POINT",
  ],
  [
    "L4",
    "a key with trailing elements",
    withKey(tlv(0x30, parts.spki.subarray(2), hex("0500"))),
    "KEY_NOT_CANONICAL_DER",
  ],
  ...[...REFUSED_KEYS, ...WEAK_ED25519_KEYS].flatMap(([row, name, sent, reason]): RefusedCsr[] => {
    const spki = /^K(?:[89]|1\d|20)$/u.test(row) ? spkiIn(sent) : undefined;
    // This one is no DER, which is asked of the request as a whole before its key is looked at.
    const fault = name === "RSA with a NULL that has content" ? "CSR_MALFORMED" : reason;
    return spki === undefined ? [] : [["L4", name, withKey(spki), fault]];
  }),
];

/** Signature algorithms that no certification request may use, as OpenSSL is asked for them, and Go's name of each. */
export const UNRECOGNIZED_ALGORITHMS = [
  ["SHA-1 with RSA", rsa, ["-sha1"] as string[], "SHA1-RSA"],
  ["MD5 with RSA", rsa, ["-md5"] as string[], "MD5-RSA"],
  ["SHA-224 with RSA", rsa, ["-sha224"] as string[], "0"],
  ["RSASSA-PSS with SHA-256", rsa, ["-sha256", "-sigopt", "rsa_padding_mode:pss"] as string[], "SHA256-RSAPSS"],
  ["RSASSA-PSS with SHA-384", rsa, ["-sha384", "-sigopt", "rsa_padding_mode:pss"] as string[], "SHA384-RSAPSS"],
  ["RSASSA-PSS with SHA-512", rsa, ["-sha512", "-sigopt", "rsa_padding_mode:pss"] as string[], "SHA512-RSAPSS"],
  ["RSASSA-PSS with SHA-1", rsa, ["-sha1", "-sigopt", "rsa_padding_mode:pss"] as string[], "0"],
  ["SHA-1 with ECDSA", p256, ["-sha1"] as string[], "ECDSA-SHA1"],
  ["SHA-224 with ECDSA", p256, ["-sha224"] as string[], "0"],
  ["SHA3-256 with ECDSA", p256, ["-sha3-256"] as string[], "0"],
] as const;

/** Pairs of key and digest that are not permitted by default, and how Go would print them. */
export const UNUSUAL_PAIRS = [
  ["ecdsa-p256", "-sha384", "*ecdsa.PublicKey, SHA-384"],
  ["ecdsa-p256", "-sha512", "*ecdsa.PublicKey, SHA-512"],
  ["ecdsa-p384", "-sha256", "*ecdsa.PublicKey, SHA-256"],
  ["ecdsa-p384", "-sha512", "*ecdsa.PublicKey, SHA-512"],
  ["ecdsa-p521", "-sha256", "*ecdsa.PublicKey, SHA-256"],
  ["rsa-2048", "-sha384", "*rsa.PublicKey, SHA-384"],
  ["rsa-2048", "-sha512", "*rsa.PublicKey, SHA-512"],
] as const;

/** A P-256 request with other parts, signed again so that nothing but these parts is at fault. */
export function resigned(other: Partial<CsrParts>): Buffer {
  const changed = { ...parts, ...other };
  const signature = tlv(0x03, Buffer.of(0), sign("sha256", infoOf(changed), p256.privateKey));
  return pem(putTogether({ ...changed, signature }));
}

/** A Name with one commonName of the given value. */
export function name(value: Uint8Array): Buffer {
  return tlv(0x30, tlv(0x31, tlv(0x30, hex("0603550403"), value)));
}

function withAlgorithm(original: CsrParts, identifier: string): Buffer {
  return pem(putTogether({ ...original, algorithm: tlv(0x30, hex(identifier)) }));
}

function withSignature(signature: Uint8Array): Buffer {
  return pem(putTogether({ ...parts, signature: tlv(0x03, Buffer.of(0), signature) }));
}

/** The SubjectPublicKeyInfo in what is sent for a key; undefined when that is PKCS#1. */
function spkiIn(sent: Uint8Array): Uint8Array | undefined {
  if (sent[0] === 0x30) return sent;
  const block = parsePem(sent)[0];
  return block?.label === "PUBLIC KEY" ? block.der : undefined;
}

/** The request with another key in it; its signature is the old one and cannot verify. */
function withKey(spki: Uint8Array): Buffer {
  return pem(putTogether({ ...parts, spki }));
}
