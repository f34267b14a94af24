import { hash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodePem, parsePem } from "../../../src/core/encoding/pem.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import {
  CLIENT_SIGNING_ALGORITHMS,
  DEFAULT_CLIENT_SIGNING_ALGORITHMS,
} from "../../../src/core/proof/client-signing-algorithm.ts";
import type { Challenger } from "../../../src/core/identity/principal.ts";
import type { KeyPolicy } from "../../../src/core/proof/key-policy.ts";
import { provePossession } from "../../../src/core/proof/prove-possession.ts";
import type { ProvenKey } from "../../../src/core/proof/public-key.ts";
import { mutationsOf } from "../../fuzz/mutate.ts";
import { flipBit, makeKey, reasonOf, spkiOf, tlv } from "../../support/caller-keys.ts";
import { opensslCsr, putTogether, takeApart } from "../../support/openssl-csr.ts";
import {
  name,
  p256,
  p256Csr,
  REFUSED_CSRS,
  resigned,
  UNRECOGNIZED_ALGORITHMS,
  UNUSUAL_PAIRS,
} from "../../support/refused-csrs.ts";

const policy: KeyPolicy = {
  permittedAlgorithms: DEFAULT_CLIENT_SIGNING_ALGORITHMS,
  forbiddenKeys: new Set(),
};
const somebody = (challenge: string): Challenger => ({
  challenge,
  challengeClaim: "sub",
  subjectAltName: { kind: "uri", value: "https://example.com/somebody" },
});
const prove = (csr: Uint8Array, rules = policy): Promise<ProvenKey> =>
  provePossession({ kind: "csr", csr }, somebody("nobody signs this"), rules);
const reason = (csr: Uint8Array, rules = policy): Promise<string> => reasonOf(() => prove(csr, rules));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const pem = (der: Uint8Array, label = "CERTIFICATE REQUEST"): Buffer => Buffer.from(encodePem(label, der));

const rsa = makeKey("rsa-2048");
const p256Der = parsePem(p256Csr)[0]!.der;
const parts = takeApart(p256Csr);
const rsaParts = takeApart(opensslCsr(rsa));

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
    const another = somebody("another text");
    expect((await provePossession({ kind: "csr", csr: p256Csr }, another, policy)).algorithm).toBe("ecdsa-p256");
  });
});

describe("certification requests that are refused", () => {
  it.each(REFUSED_CSRS)("%s: %s", async (_row, name, sent, expected) => {
    expect([name, await reason(sent)]).toEqual([name, expected]);
  });

  it("L04: refuses the service's own key before it looks at the signature", async () => {
    const forbiddenKeys = new Set([hash("sha256", parts.spki, "hex")]);
    expect(await reason(withSignature(Buffer.alloc(0)), { ...policy, forbiddenKeys })).toBe("KEY_IS_OURS");
  });

  it.each(UNRECOGNIZED_ALGORITHMS)("L05: does not recognize %s", async (_name, key, args, goName) => {
    const csr = opensslCsr(key, { args });
    expect(await reason(csr)).toBe("CSR_ALGORITHM_UNRECOGNIZED");
    expect(await publicMessageOf(csr)).toBe(`unrecognized signature algorithm: ${goName}`);
  });

  it.each(UNUSUAL_PAIRS)("L06: does not permit %s with %s by default", async (type, digest, pair) => {
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
    await fc.assert(
      fc.asyncProperty(mutationsOf(originals), async (bytes) => {
        await reason(pem(bytes));
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

function withSignature(signature: Uint8Array): Buffer {
  return pem(putTogether({ ...parts, signature: tlv(0x03, Buffer.of(0), signature) }));
}
