import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { makeKey, pemOf, spkiOf } from "../support/caller-keys.ts";
import { ask } from "../support/ask.ts";
import type { Answer } from "../support/ask.ts";
import { opensslCsr } from "../support/openssl-csr.ts";
import { badKey, badProof, badToken, expectRefused, malformed, TEXT } from "../support/refusal.ts";
import type { Refusal } from "../support/refusal.ts";
import { proofBy } from "../support/signing-body.ts";
import { openWholeApp } from "../support/whole-app.ts";
import type { WholeApp } from "../support/whole-app.ts";

let app: WholeApp;
beforeAll(async () => {
  app = await openWholeApp();
});
afterAll(() => app.close());

const key = makeKey("ecdsa-p256");
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const SIGNED = base64(proofBy(key));
const GOOD = { publicKey: { content: base64(pemOf(key.publicKey)) }, signedEmailAddress: SIGNED };

interface Call {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A signing call of the first version with a good token in its header, unless told otherwise. */
async function post(body: unknown, { path = "/api/v1/signingCert", headers }: Call = {}): Promise<Answer> {
  return ask(`${app.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(headers ?? { authorization: `Bearer ${await app.token()}` }) },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** The certificates of a granted call, leaf first. */
function chainIn({ status, text }: Answer): readonly X509Certificate[] {
  expect({ status, text }).toEqual({ status: 201, text });
  return text.split(/(?<=-----END CERTIFICATE-----)\n/u).map((pem) => new X509Certificate(pem));
}

describe("POST /api/v1/signingCert", () => {
  it("[B19] [CL2] answers 201 with leaf, issuer and root as PEM, one newline between, none at the end", async () => {
    const answer = await post(GOOD);
    const [leaf, ...issuers] = chainIn(answer);
    expect(leaf?.publicKey.equals(key.publicKey)).toBe(true);
    expect(answer.text).toBe([leaf!.toString().trimEnd(), ...app.chainPem].join("\n"));
    expect(issuers.map((each) => each.ca)).toEqual([true, true]);
    expect(leaf!.verify(issuers[0]!.publicKey)).toBe(true);
  });

  it("[B19] [CL2] [CL30] embeds the SCT, so no header field has one, and sends exactly the fields it means to", async () => {
    const answer = await post(GOOD);
    expect(Object.keys(answer.headers).sort()).toEqual([
      "access-control-allow-origin",
      "access-control-expose-headers",
      "cache-control",
      "connection",
      "content-length",
      "content-type",
      "date",
      "keep-alive",
      "x-content-type-options",
      "x-request-id",
    ]);
    expect(answer.headers).toMatchObject({
      "content-type": "application/pem-certificate-chain",
      "cache-control": "no-store",
    });
  });

  it("[CL11] has the same chain as the second version and the trust bundle", async () => {
    const v1 = (await post(GOOD)).text.split(/(?<=-----END CERTIFICATE-----)\n/u).slice(1);
    expect(v1).toEqual(app.chainPem);
    const { chains } = (await app.get("/api/v2/trustBundle")).body as { chains: { certificates: string[] }[] };
    expect(chains).toEqual([{ certificates: v1.map((pem) => `${pem}\n`) }]);
  });

  it.each([
    ["PEM", base64(pemOf(key.publicKey))],
    ["PEM without its final newline", base64(pemOf(key.publicKey).toString().trimEnd())],
    ["PEM with CRLF", base64(pemOf(key.publicKey).toString().replaceAll("\n", "\r\n"))],
    ["[K6] [FC242] DER", base64(spkiOf(key.publicKey))],
    ["[K6] DER in the URL-safe alphabet", spkiOf(key.publicKey).toString("base64url")],
  ])("[CL7] takes a key as base64 of %s", async (_form, content) => {
    const [leaf] = chainIn(await post({ ...GOOD, publicKey: { content } }));
    expect(leaf?.publicKey.equals(key.publicKey)).toBe(true);
  });

  it.each(["ecdsa-p384", "rsa-2048", "ed25519"])("[CL7] [CL9] takes a %s key as DER", async (type) => {
    const other = makeKey(type);
    const body = {
      publicKey: { content: base64(spkiOf(other.publicKey)) },
      signedEmailAddress: base64(proofBy(other)),
    };
    expect(chainIn(await post(body))[0]?.publicKey.equals(other.publicKey)).toBe(true);
  });

  it.each(["ecdsa", "ECDSA", "RSA", "x509", "", null])("[CL6] ignores algorithm %j", async (algorithm) => {
    expect((await post({ ...GOOD, publicKey: { ...GOOD.publicKey, algorithm } })).status).toBe(201);
  });

  it("takes a certification request, and before the key when both are there", async () => {
    const asked = makeKey("ecdsa-p256");
    const certificateSigningRequest = base64(opensslCsr(asked));
    const [alone] = chainIn(await post({ certificateSigningRequest }));
    const [beside] = chainIn(await post({ ...GOOD, certificateSigningRequest }));
    for (const leaf of [alone, beside]) expect(leaf?.publicKey.equals(asked.publicKey)).toBe(true);
  });

  it("takes null for unset, as the Go client sends it", async () => {
    expect((await post({ ...GOOD, certificateSigningRequest: null, other: [{}] })).status).toBe(201);
  });

  it("[CL24] takes two leading slashes for one", async () => {
    expect((await post(GOOD, { path: "//api/v1/signingCert" })).status).toBe(201);
  });

  it("[CL5] answers with PEM whatever the caller accepts", async () => {
    const headers = { authorization: `Bearer ${await app.token()}`, accept: "application/json" };
    expect((await post(GOOD, { headers })).headers["content-type"]).toBe("application/pem-certificate-chain");
  });

  it("[CL23] certifies the same key and proof again", async () => {
    const [first] = chainIn(await post(GOOD));
    const [second] = chainIn(await post(GOOD));
    expect(first?.serialNumber).not.toBe(second?.serialNumber);
  });
});

describe("a signing call of the first version that is refused", () => {
  const CASES: readonly (readonly [string, unknown, Refusal])[] = [
    ["[B18] has no signedEmailAddress", { publicKey: GOOD.publicKey }, badProof("PROOF_MISSING")],
    ["[B18] has an empty content", { ...GOOD, publicKey: { content: "" } }, badKey("KEY_MISSING")],
    ["[B18] has a key without content", { ...GOOD, publicKey: {} }, badKey("KEY_MISSING")],
    [
      "signs another address",
      { ...GOOD, signedEmailAddress: base64(proofBy(key, "a@b.example")) },
      badProof("PROOF_INVALID"),
    ],
    ["[FE18] has neither key nor request", {}, badKey("KEY_MISSING")],
    [
      "has a key that is no base64",
      { ...GOOD, publicKey: { content: pemOf(key.publicKey).toString() } },
      malformed("INVALID_BASE64"),
    ],
    ["has a key that is a text", { ...GOOD, publicKey: GOOD.publicKey.content }, malformed("WRONG_TYPE")],
    [
      "has an algorithm that is a number",
      { ...GOOD, publicKey: { ...GOOD.publicKey, algorithm: 2 } },
      malformed("WRONG_TYPE"),
    ],
    ["has a key of no form", { ...GOOD, publicKey: { content: base64("key") } }, badKey("KEY_NOT_PEM")],
    [
      "has a private key",
      { ...GOOD, publicKey: { content: base64(key.privateKey.export({ type: "pkcs8", format: "der" })) } },
      badKey("KEY_NOT_CANONICAL_DER"),
    ],
    [
      "has a key beyond 8 KiB",
      { ...GOOD, publicKey: { content: base64(Buffer.alloc(8_193)) } },
      badKey("KEY_TOO_LONG"),
    ],
    [
      "has a proof beyond 2 KiB",
      { ...GOOD, signedEmailAddress: base64(Buffer.alloc(2_049)) },
      malformed("FIELD_TOO_LONG"),
    ],
    [
      "has a request that is none",
      { certificateSigningRequest: base64("x") },
      { ...badKey("CSR_NOT_PEM"), message: TEXT.csr },
    ],
    [
      "is spelt in snake case, which this version has not",
      { public_key: GOOD.publicKey, signed_email_address: SIGNED },
      badKey("KEY_MISSING"),
    ],
    ["has a member twice", `{"signedEmailAddress":"","signedEmailAddress":"${SIGNED}"}`, malformed("DUPLICATE_MEMBER")],
    ["is empty", "", malformed("BODY_NOT_JSON")],
  ];

  it.each(CASES)("%s", async (_name, body, refusal) => {
    const before = app.caSignatures();
    expectRefused(await post(body), refusal);
    expect(app.caSignatures()).toBe(before);
  });

  it("[FE18] for want of a key is so before its token is looked at", async () => {
    const headers = { authorization: "Bearer nonsense" };
    expectRefused(await post({}, { headers }), badKey("KEY_MISSING"));
    expectRefused(await post({ publicKey: null }, { headers }), badKey("KEY_MISSING"));
    expectRefused(await post({ publicKey: {} }, { headers }), badToken("TOKEN_MALFORMED"));
  });

  it("has its token in the body, where this version has no place for it", async () => {
    const credentials = { oidcIdentityToken: await app.token() };
    expectRefused(await post({ credentials, ...GOOD }, { headers: {} }), badToken("TOKEN_MISSING"));
  });

  it("asks for another method", async () => {
    const answer = await app.get("/api/v1/signingCert");
    expect([answer.status, answer.headers["allow"]]).toEqual([501, "POST"]);
  });

  it("is of another type", async () => {
    const answer = await post(GOOD, { headers: { "content-type": "text/plain" } });
    expect([answer.status, answer.headers["content-type"]]).toEqual([415, "application/json"]);
  });
});

describe("GET /api/v1/rootCert", () => {
  it("[CL26] gives the chains of the trust bundle, a blank line between certificates, none at the end", async () => {
    const answer = await app.get("/api/v1/rootCert");
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(app.chainPem.join("\n\n"));
    expect(answer.headers["content-type"]).toBe("application/pem-certificate-chain");
  });

  it("[V1b] is constant under garbage in query and headers, and stored for a minute at most", async () => {
    const plain = await app.get("/api/v1/rootCert");
    const odd = await app.get("/api/v1/rootCert?a[b][]=c&__proto__[x]=1&%ff=%00&?", {
      accept: "application/json",
      "if-none-match": "*",
      "x-http-method-override": "POST",
    });
    expect([odd.status, odd.text]).toEqual([200, plain.text]);
    expect(odd.headers["etag"]).toBeUndefined();
    expect(odd.headers["cache-control"]).toBe("public, max-age=60");
  });

  it("has no other method", async () => {
    const answer = await ask(`${app.url}/api/v1/rootCert`, { method: "POST" });
    expect([answer.status, answer.headers["allow"]]).toEqual([501, "GET"]);
  });
});
