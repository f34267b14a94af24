import { generateKeyPairSync, hash, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodePem, parsePem } from "../../../src/core/encoding/pem.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import {
  CLIENT_SIGNING_ALGORITHMS,
  DEFAULT_CLIENT_SIGNING_ALGORITHMS,
} from "../../../src/core/proof/client-signing-algorithm.ts";
import type { KeyPolicy } from "../../../src/core/proof/key-policy.ts";
import { provePossession } from "../../../src/core/proof/prove-possession.ts";
import type { ProvenKey } from "../../../src/core/proof/public-key.ts";
import { flipBit, makeKey, reasonOf, rsaSpki, spkiOf, tlv } from "../../support/caller-keys.ts";
import { infoOf, opensslCsr, putTogether, takeApart } from "../../support/openssl-csr.ts";
import type { CsrParts } from "../../support/openssl-csr.ts";

const policy: KeyPolicy = {
  permittedAlgorithms: DEFAULT_CLIENT_SIGNING_ALGORITHMS,
  forbiddenKeys: new Set(),
};
const prove = (csr: Uint8Array, rules = policy): Promise<ProvenKey> =>
  provePossession({ kind: "csr", csr }, "nobody signs this", rules);
const reason = (csr: Uint8Array, rules = policy): Promise<string> => reasonOf(() => prove(csr, rules));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const pem = (der: Uint8Array, label = "CERTIFICATE REQUEST"): Buffer => Buffer.from(encodePem(label, der));

const p256 = makeKey("ecdsa-p256");
const rsa = makeKey("rsa-2048");
const p256Csr = opensslCsr(p256);
const p256Der = parsePem(p256Csr)[0]!.der;
const parts = takeApart(p256Csr);
const rsaParts = takeApart(opensslCsr(rsa));

/** A P-256 request with other parts, signed again so that nothing but these parts is at fault. */
function resigned(other: Partial<CsrParts>): Buffer {
  const changed = { ...parts, ...other };
  const signature = tlv(0x03, Buffer.of(0), sign("sha256", infoOf(changed), p256.privateKey));
  return pem(putTogether({ ...changed, signature }));
}

async function publicMessageOf(csr: Uint8Array, rules = policy): Promise<string | undefined> {
  const error: unknown = await prove(csr, rules).catch((cause: unknown) => cause);
  return error instanceof MayflyError ? error.publicMessage : undefined;
}

describe("certification requests that are accepted", () => {
  it.each(["ecdsa-p256", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"])(
    "accepts OpenSSL's request for %s",
    async (type) => {
      const key = makeKey(type);
      const proven = await prove(opensslCsr(key));
      expect(proven.algorithm).toBe(type);
      expect(Buffer.from(proven.spki).equals(spkiOf(key.publicKey))).toBe(true);
    },
  );

  it.each([
    ["ecdsa-p384", "-sha384"],
    ["ecdsa-p521", "-sha512"],
  ])("accepts OpenSSL's request for %s with its own digest", async (type, digest) => {
    expect((await prove(opensslCsr(makeKey(type), { args: [digest] }))).algorithm).toBe(type);
  });

  it.each([
    ["an empty subject", "/", []],
    ["an emailAddress and a critical CA:FALSE", "/emailAddress=a@example.com", ["basicConstraints=critical,CA:FALSE"]],
    ["a subject of nonsense", "/DC=example/CN=noone", []],
    ["a request to be a CA", "/CN=Root", ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]],
    [
      "names and purposes of its own",
      "/CN=x",
      ["subjectAltName=email:ceo@example.com,URI:https://x.example", "extendedKeyUsage=codeSigning"],
    ],
  ])("L08: accepts %s and takes nothing but the key from it", async (_name, subject, extensions) => {
    const args = extensions.flatMap((extension) => ["-addext", extension]);
    const proven = await prove(opensslCsr(p256, { subject, args }));
    expect(Object.keys(proven).sort()).toEqual(["algorithm", "spki"]);
    expect(Buffer.from(proven.spki).equals(spkiOf(p256.publicKey))).toBe(true);
  });

  it.each([
    ["a NUL in the subject", name(tlv(0x0c, hex("610062")))],
    ["10 KiB of subject", name(tlv(0x0c, Buffer.alloc(10 * 1024, 0x61)))],
  ])("L09: accepts %s", async (_name, subject) => {
    expect(await reason(resigned({ subject }))).toBe("accepted");
  });

  it("L08: accepts a thousand attributes", async () => {
    const attribute = (n: number): Buffer =>
      tlv(0x30, tlv(0x06, Buffer.of(0x55, 0x80 + (n >> 7) + 1, n & 0x7f)), tlv(0x31));
    const attributes = tlv(0xa0, ...Array.from({ length: 1_000 }, (_, n) => attribute(n)));
    expect(await reason(resigned({ attributes }))).toBe("accepted");
  });

  it.each([
    ["CRLF", p256Csr.toString().replaceAll("\n", "\r\n")],
    ["no final newline", p256Csr.toString().trimEnd()],
    ["the old label", pem(p256Der, "NEW CERTIFICATE REQUEST").toString()],
    [
      "one base64 line",
      `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(p256Der).toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`,
    ],
  ])("L01: accepts %s", async (_name, sent) => {
    expect(await reason(Buffer.from(sent))).toBe("accepted");
  });

  it("accepts RSA parameters that are absent, as RFC 4055 §5 demands", async () => {
    const algorithm = tlv(0x30, hex("06092a864886f70d01010b"));
    expect(await reason(pem(putTogether({ ...rsaParts, algorithm })))).toBe("accepted");
  });

  it("L11: is bound to no challenge", async () => {
    expect((await provePossession({ kind: "csr", csr: p256Csr }, "another text", policy)).algorithm).toBe("ecdsa-p256");
  });
});

describe("certification requests that are refused", () => {
  it.each<[string, Uint8Array, string]>([
    ["L01: nothing", Buffer.alloc(0), "CSR_NOT_PEM"],
    ["L01: the word invalid", Buffer.from("invalid"), "CSR_NOT_PEM"],
    ["L01: DER only", p256Der, "CSR_NOT_PEM"],
    ["L01: a public key", pem(parts.spki, "PUBLIC KEY"), "CSR_WRONG_PEM_TYPE"],
    ["L01: a certificate", pem(p256Der, "CERTIFICATE"), "CSR_WRONG_PEM_TYPE"],
    ["L01: a private key", Buffer.from(p256.privateKey.export({ type: "pkcs8", format: "pem" })), "CSR_WRONG_PEM_TYPE"],
    ["L01: text in front", Buffer.concat([Buffer.from("CSR:\n"), p256Csr]), "CSR_NOT_PEM"],
    ["L10: two blocks", Buffer.concat([p256Csr, p256Csr]), "CSR_NOT_PEM"],
    [
      "L10: 16 KiB and one byte",
      Buffer.concat([p256Csr, Buffer.alloc(16 * 1024 + 1 - p256Csr.length, 0x0a)]),
      "CSR_TOO_LONG",
    ],
    ["L02: trailing DER", pem(Buffer.concat([p256Der, hex("0500")])), "CSR_MALFORMED"],
    ["L02: a missing byte", pem(p256Der.subarray(0, -1)), "CSR_MALFORMED"],
    ["L02: an indefinite length", pem(Buffer.concat([hex("3080"), p256Der.subarray(3), hex("0000")])), "CSR_MALFORMED"],
    ["L02: version 1", resigned({ version: hex("020101") }), "CSR_MALFORMED"],
    ["L02: version −1", resigned({ version: hex("0201ff") }), "CSR_MALFORMED"],
    ["L02: a padded version", resigned({ version: hex("02020000") }), "CSR_MALFORMED"],
    ["L02: no version", resigned({ version: hex("") }), "CSR_MALFORMED"],
    ["L02: no attributes", resigned({ attributes: hex("") }), "CSR_MALFORMED"],
    ["L02: attributes twice", resigned({ attributes: hex("a000a000") }), "CSR_MALFORMED"],
    ["L02: attributes as a SET", resigned({ attributes: hex("3100") }), "CSR_MALFORMED"],
    ["L02: attributes as [1]", resigned({ attributes: hex("a100") }), "CSR_MALFORMED"],
    ["L02: attributes that are INTEGERs", resigned({ attributes: hex("a003020101") }), "CSR_MALFORMED"],
    ["L02: a subject that is an INTEGER", resigned({ subject: hex("020101") }), "CSR_MALFORMED"],
    ["L02: a subject of bare strings", resigned({ subject: tlv(0x30, tlv(0x0c, hex("61"))) }), "CSR_MALFORMED"],
    ["L02: no subject", resigned({ subject: hex("") }), "CSR_MALFORMED"],
    ["L02: no key", resigned({ spki: hex("") }), "CSR_MALFORMED"],
    [
      "L02: a fourth part",
      pem(tlv(0x30, infoOf(parts), parts.algorithm, parts.signature, hex("0500"))),
      "CSR_MALFORMED",
    ],
    ["L02: no signature", pem(tlv(0x30, infoOf(parts), parts.algorithm)), "CSR_MALFORMED"],
    [
      "L02: a subject whose SET is out of order",
      resigned({
        subject: tlv(
          0x30,
          tlv(0x31, tlv(0x30, hex("0603550403"), hex("0c0162")), tlv(0x30, hex("0603550403"), hex("0c0161"))),
        ),
      }),
      "CSR_MALFORMED",
    ],
    ["L02: a constructed string in the subject", resigned({ subject: name(hex("2c030c0161")) }), "CSR_MALFORMED"],
    [
      "L02: a padded INTEGER in an attribute",
      resigned({ attributes: tlv(0xa0, tlv(0x30, hex("06022a03"), tlv(0x31, hex("02020001")))) }),
      "CSR_MALFORMED",
    ],
    [
      "L02: an indefinite length in an attribute",
      resigned({ attributes: tlv(0xa0, tlv(0x30, hex("06022a03"), tlv(0x31, hex("30800000")))) }),
      "CSR_MALFORMED",
    ],
    ["L02: an empty SEQUENCE", pem(hex("3000")), "CSR_MALFORMED"],
    ["L02: a signature with unused bits", pem(putTogether({ ...parts, signature: hex("03020100") })), "CSR_MALFORMED"],
    ["L02: a certificate under the label of a request", pem(hex("30053000300003 00")), "CSR_MALFORMED"],
    ["L07: ECDSA with NULL parameters", withAlgorithm(parts, "06082a8648ce3d040302 0500"), "CSR_MALFORMED"],
    ["L07: ECDSA with an INTEGER as parameters", withAlgorithm(parts, "06082a8648ce3d040302 020101"), "CSR_MALFORMED"],
    [
      "L07: RSA with an INTEGER as parameters",
      withAlgorithm(rsaParts, "06092a864886f70d01010b 020101"),
      "CSR_MALFORMED",
    ],
    ["L07: RSA with NULL twice", withAlgorithm(rsaParts, "06092a864886f70d01010b 0500 0500"), "CSR_MALFORMED"],
    ["L07: no algorithm at all", withAlgorithm(parts, ""), "CSR_MALFORMED"],
    [
      "L07: an RSA algorithm for an EC key",
      withAlgorithm(parts, "06092a864886f70d01010b 0500"),
      "CSR_SIGNATURE_INVALID",
    ],
    ["L07: an EC algorithm for an RSA key", withAlgorithm(rsaParts, "06082a8648ce3d040302"), "CSR_SIGNATURE_INVALID"],
    ["L07: Ed25519 for an EC key", withAlgorithm(parts, "06032b6570"), "CSR_SIGNATURE_INVALID"],
    ["L03: a signature of zeros", withSignature(Buffer.alloc(70)), "CSR_SIGNATURE_INVALID"],
    ["L03: an empty signature", withSignature(Buffer.alloc(0)), "CSR_SIGNATURE_INVALID"],
    [
      "L03: a signature by another key",
      withSignature(sign("sha256", infoOf(parts), makeKey("ecdsa-p256").privateKey)),
      "CSR_SIGNATURE_INVALID",
    ],
    [
      "L03: a signature over other bytes",
      withSignature(sign("sha256", p256Der, p256.privateKey)),
      "CSR_SIGNATURE_INVALID",
    ],
    [
      "L03: a raw r‖s signature",
      withSignature(sign("sha256", infoOf(parts), { key: p256.privateKey, dsaEncoding: "ieee-p1363" })),
      "CSR_SIGNATURE_INVALID",
    ],
    [
      "L03: the last byte of the signature changed",
      pem(flipBit(p256Der, p256Der.length * 8 - 8)),
      "CSR_SIGNATURE_INVALID",
    ],
    [
      "L03: another subject under the signature",
      pem(putTogether({ ...parts, subject: name(tlv(0x0c, hex("62"))) })),
      "CSR_SIGNATURE_INVALID",
    ],
    ["L04: another key, weak: RSA-1024", withKey(spkiOf(makeKey("rsa-1024").publicKey)), "RSA_SIZE"],
    ["L04: RSA with exponent 1", withKey(rsaSpki((1n << 2047n) | 0xabcdefn, 1n)), "RSA_EXPONENT"],
    ["L04: RSA with a small factor", withKey(rsaSpki((1n << 2047n) | 1n)), "RSA_SMALL_FACTOR"],
    [
      "L04: an unsupported curve",
      withKey(spkiOf(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey)),
      "KEY_TYPE_UNSUPPORTED",
    ],
    ["L04: Ed448", withKey(spkiOf(generateKeyPairSync("ed448").publicKey)), "KEY_TYPE_UNSUPPORTED"],
    [
      "L04: the Ed25519 identity",
      withKey(Buffer.concat([hex("302a300506032b6570032100 01"), Buffer.alloc(31)])),
      "ED25519_WEAK_POINT",
    ],
    [
      "L04: the point at infinity",
      withKey(tlv(0x30, parts.spki.subarray(2, 23), hex("03020000"))),
      "KEY_POINT_INVALID",
    ],
    ["L04: a point off the curve", withKey(flipBit(parts.spki, 90 * 8)), "KEY_POINT_INVALID"],
    [
      "L04: a key with trailing elements",
      withKey(tlv(0x30, parts.spki.subarray(2), hex("0500"))),
      "KEY_NOT_CANONICAL_DER",
    ],
  ])("%s", async (name, sent, expected) => {
    expect([name, await reason(sent)]).toEqual([name, expected]);
  });

  it("L04: refuses the service's own key before it looks at the signature", async () => {
    const forbiddenKeys = new Set([hash("sha256", parts.spki, "hex")]);
    expect(await reason(withSignature(Buffer.alloc(0)), { ...policy, forbiddenKeys })).toBe("KEY_IS_OURS");
  });

  it.each([
    ["SHA-1 with RSA", rsa, ["-sha1"], "SHA1-RSA"],
    ["MD5 with RSA", rsa, ["-md5"], "MD5-RSA"],
    ["SHA-224 with RSA", rsa, ["-sha224"], "0"],
    ["RSASSA-PSS with SHA-256", rsa, ["-sha256", "-sigopt", "rsa_padding_mode:pss"], "SHA256-RSAPSS"],
    ["RSASSA-PSS with SHA-384", rsa, ["-sha384", "-sigopt", "rsa_padding_mode:pss"], "SHA384-RSAPSS"],
    ["RSASSA-PSS with SHA-512", rsa, ["-sha512", "-sigopt", "rsa_padding_mode:pss"], "SHA512-RSAPSS"],
    ["RSASSA-PSS with SHA-1", rsa, ["-sha1", "-sigopt", "rsa_padding_mode:pss"], "0"],
    ["SHA-1 with ECDSA", p256, ["-sha1"], "ECDSA-SHA1"],
    ["SHA-224 with ECDSA", p256, ["-sha224"], "0"],
    ["SHA3-256 with ECDSA", p256, ["-sha3-256"], "0"],
  ])("L05: does not recognize %s", async (_name, key, args, goName) => {
    const csr = opensslCsr(key, { args });
    expect(await reason(csr)).toBe("CSR_ALGORITHM_UNRECOGNIZED");
    expect(await publicMessageOf(csr)).toBe(`unrecognized signature algorithm: ${goName}`);
  });

  it.each([
    ["ecdsa-p256", "-sha384", "*ecdsa.PublicKey, SHA-384"],
    ["ecdsa-p256", "-sha512", "*ecdsa.PublicKey, SHA-512"],
    ["ecdsa-p384", "-sha256", "*ecdsa.PublicKey, SHA-256"],
    ["ecdsa-p384", "-sha512", "*ecdsa.PublicKey, SHA-512"],
    ["ecdsa-p521", "-sha256", "*ecdsa.PublicKey, SHA-256"],
    ["rsa-2048", "-sha384", "*rsa.PublicKey, SHA-384"],
    ["rsa-2048", "-sha512", "*rsa.PublicKey, SHA-512"],
  ])("L06: does not permit %s with %s by default", async (type, digest, pair) => {
    const csr = opensslCsr(makeKey(type), { args: [digest] });
    expect(await reason(csr)).toBe("ALGORITHM_NOT_PERMITTED");
    expect(await publicMessageOf(csr)).toBe(`signing algorithm not permitted: ${pair}`);
  });

  it.each(["ecdsa-p384", "ecdsa-p521"])("L06: permits %s with SHA-256 where the operator says so", async (type) => {
    const permittedAlgorithms = new Set(CLIENT_SIGNING_ALGORITHMS);
    const csr = opensslCsr(makeKey(type), { args: ["-sha256"] });
    expect(await reason(csr, { ...policy, permittedAlgorithms })).toBe("accepted");
  });

  it("K22: names Ed25519 as Go does where the operator does not permit it", async () => {
    const rules = { ...policy, permittedAlgorithms: new Set(["ecdsa-sha2-256-nistp256" as const]) };
    const csr = opensslCsr(makeKey("ed25519"));
    expect(await publicMessageOf(csr, rules)).toBe(
      "signing algorithm not permitted: ed25519.PublicKey, unknown hash value 0",
    );
  });

  it("L03: refuses a request with one bit of any byte changed", async () => {
    for (let at = 0; at < p256Der.length; at++) {
      expect([at, await reason(pem(flipBit(p256Der, at * 8 + (at % 8))))]).not.toEqual([at, "accepted"]);
    }
  });

  it("throws nothing but MayflyError, whatever is changed", async () => {
    const originals = [p256Der, parsePem(opensslCsr(p256, { subject: "/emailAddress=a@example.com" }))[0]!.der];
    const change = fc.record({
      which: fc.nat(originals.length - 1),
      at: fc.nat(600),
      remove: fc.nat(4),
      insert: fc.uint8Array({ maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ which, at, remove, insert }) => {
        const original = originals[which]!;
        const start = at % original.length;
        await reason(pem(Buffer.concat([original.subarray(0, start), insert, original.subarray(start + remove)])));
      }),
      { seed: 20261122, numRuns: 1_000 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect(await reason(bytes)).not.toBe("accepted");
        expect(await reason(pem(tlv(0x30, bytes)))).not.toBe("accepted");
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });
});

/** A Name with one commonName of the given value. */
function name(value: Uint8Array): Buffer {
  return tlv(0x30, tlv(0x31, tlv(0x30, hex("0603550403"), value)));
}

function withAlgorithm(original: CsrParts, identifier: string): Buffer {
  return pem(putTogether({ ...original, algorithm: tlv(0x30, hex(identifier)) }));
}

function withSignature(signature: Uint8Array): Buffer {
  return pem(putTogether({ ...parts, signature: tlv(0x03, Buffer.of(0), signature) }));
}

/** The request with another key in it; its signature is the old one and cannot verify. */
function withKey(spki: Uint8Array): Buffer {
  return pem(putTogether({ ...parts, spki }));
}
