import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { flipBit, makeKey, spkiOf, tlv } from "../../support/caller-keys.ts";
import { expectRefusal } from "../../support/expect-refusal.ts";
import { certificateIn } from "../../support/issued.ts";
import { opensslCsr } from "../../support/openssl-csr.ts";
import {
  name,
  p256,
  p256Csr,
  REFUSED_CSRS,
  resigned,
  UNRECOGNIZED_ALGORITHMS,
  UNUSUAL_PAIRS,
} from "../../support/refused-csrs.ts";
import { encodePem, parsePem } from "../../../src/core/encoding/pem.ts";
import { CALLER, csrRequest, keyRequest } from "../../support/signing-body.ts";
import { openWholeApp } from "../../support/whole-app.ts";
import type { WholeApp } from "../../support/whole-app.ts";

const p256Der = parsePem(p256Csr)[0]!.der;
const hex = (text: string): Buffer => Buffer.from(text, "hex");

let app: WholeApp;
beforeAll(async () => {
  app = await openWholeApp();
});
afterAll(() => app.close());

describe("a certification request that is not granted", () => {
  // Without any content the member counts as absent: then there is no key at all.
  it.each(REFUSED_CSRS.filter(([, , sent]) => sent.length > 0))("[%s] has %s", async (_row, _name, sent, reason) => {
    await expectRefusal(app, { body: csrRequest(sent), reason });
  });

  it("[L1] is empty, and then no key was sent", async () => {
    await expectRefusal(app, { body: csrRequest(Buffer.alloc(0)), reason: "KEY_MISSING" });
  });

  it("[L4] holds a key of the service's own, whatever its signature", async () => {
    const parts = { version: hex("020100"), spki: app.ownKeys.ca };
    await expectRefusal(app, { body: csrRequest(resigned(parts)), reason: "KEY_IS_OURS" });
  });

  it.each(UNRECOGNIZED_ALGORITHMS)("[L5] is signed by %s", async (_name, key, args, goName) => {
    await expectRefusal(app, {
      body: csrRequest(opensslCsr(key, { args })),
      reason: "CSR_ALGORITHM_UNRECOGNIZED",
      message: `unrecognized signature algorithm: ${goName}`,
    });
  });

  it("[L5] is signed by Ed448, whose key is told of first", async () => {
    await expectRefusal(app, {
      body: csrRequest(opensslCsr(generateKeyPairSync("ed448"))),
      reason: "KEY_TYPE_UNSUPPORTED",
    });
  });

  it.each(UNUSUAL_PAIRS)("[L6] pairs %s with %s", async (type, digest, pair) => {
    await expectRefusal(app, {
      body: csrRequest(opensslCsr(makeKey(type), { args: [digest] })),
      reason: "ALGORITHM_NOT_PERMITTED",
      message: `signing algorithm not permitted: ${pair}`,
    });
  });

  it("[L3] has one bit of its signature changed", async () => {
    const signatureBits = 64 * 8;
    const length = p256Der.length * 8;
    for (let bit = length - signatureBits; bit < length; bit += 37) {
      const sent = Buffer.from(encodePem("CERTIFICATE REQUEST", flipBit(p256Der, bit)));
      const answer = await app.send(csrRequest(sent));
      expect([bit, answer.status]).toEqual([bit, 400]);
    }
    expect(app.caSignatures()).toBe(0);
  });
});

describe("a certification request that is granted", () => {
  /** Grants the request, and checks that the certificate holds the token's identity and nothing of the request but its key. */
  async function expectIgnored(csr: Uint8Array): Promise<void> {
    const answer = await app.send(csrRequest(csr));
    expect(answer.status).toBe(200);
    const certificate = certificateIn(answer);
    expect(certificate.publicKey.export({ type: "spki", format: "der" }).equals(spkiOf(p256.publicKey))).toBe(true);
    expect({
      subject: certificate.subject,
      subjectAltName: certificate.subjectAltName,
      ca: certificate.ca,
      usages: certificate.keyUsage,
    }).toEqual({ subject: undefined, subjectAltName: `email:${CALLER}`, ca: false, usages: ["1.3.6.1.5.5.7.3.3"] });
    // Whatever else the request held would show in names, or in the size.
    expect(certificate.raw.includes("boss@example.com")).toBe(false);
    expect(certificate.raw.length).toBeLessThan(1_000);
  }

  it.each([
    ["CA:TRUE", "/CN=Root", ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]],
    ["CA:FALSE", "/CN=noone/DC=example", ["basicConstraints=critical,CA:FALSE"]],
    ["names of its own", "/CN=x", ["subjectAltName=email:boss@example.com,URI:https://x.example,DNS:x.example"]],
    ["purposes of its own", "/", ["extendedKeyUsage=serverAuth,emailProtection"]],
    ["an extension nobody knows", "/", ["1.2.3.4=critical,DER:0500"]],
    ["somebody else's address in its subject", "/emailAddress=boss@example.com/CN=boss@example.com", []],
  ])("[CL8] [L8] [L9] asks for %s and gets none of it", async (_name, subject, extensions) => {
    const args = extensions.flatMap((extension) => ["-addext", extension]);
    await expectIgnored(opensslCsr(p256, { subject, args }));
  });

  it("[L8] has a challengePassword", async () => {
    const password = tlv(0x30, hex("06092a864886f70d010907"), tlv(0x31, tlv(0x0c, Buffer.from("secret"))));
    await expectIgnored(resigned({ attributes: tlv(0xa0, password) }));
  });

  it("[L8] has a thousand attributes", async () => {
    const attribute = (n: number): Buffer =>
      tlv(0x30, tlv(0x06, Buffer.of(0x55, 0x80 + (n >> 7) + 1, n & 0x7f)), tlv(0x31));
    const attributes = tlv(0xa0, ...Array.from({ length: 1_000 }, (_, n) => attribute(n)));
    await expectIgnored(resigned({ attributes }));
  });

  it.each([
    ["a NUL", tlv(0x0c, hex("610062"))],
    ["10 KiB", tlv(0x0c, Buffer.alloc(10 * 1024, 0x61))],
  ])("[L9] has a subject with %s", async (_name, value) => {
    await expectIgnored(resigned({ subject: name(value) }));
  });

  it.each([
    ["NEW CERTIFICATE REQUEST", encodePem("NEW CERTIFICATE REQUEST", p256Der)],
    ["CERTIFICATE REQUEST", encodePem("CERTIFICATE REQUEST", p256Der)],
  ])("[L1] is PEM of type %s", async (_label, sent) => {
    await expectIgnored(Buffer.from(sent));
  });
});

describe("somebody else's certification request", () => {
  it("[L11] is granted to whoever brings an own token, for the token's identity", async () => {
    const answer = await app.send(csrRequest(p256Csr), await app.token({ email: "mallory@example.com" }));
    expect(answer.status).toBe(200);
    expect(certificateIn(answer).subjectAltName).toBe("email:mallory@example.com");
  });

  it("[L11] is refused where the issuer requires a proof of the key", async () => {
    const strict = await openWholeApp({ issuer: { requireKeyProof: true } });
    await expectRefusal(strict, { body: csrRequest(p256Csr), reason: "KEY_PROOF_REQUIRED" });
    expect((await strict.send(keyRequest())).status).toBe(200);
    await strict.close();
  });
});
