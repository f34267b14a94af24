import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import request from "supertest";
import { openTelemetry } from "../../src/adapters/telemetry/open-telemetry.ts";
import { encodePem } from "../../src/core/encoding/pem.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import { makeIssueCertificate } from "../../src/issuance/issue-certificate.ts";
import type { IssuanceDeps } from "../../src/issuance/issue-certificate.ts";
import { bare, ISSUED, makeRig } from "../http/public-app.ts";
import { flipBit, makeKey, pemOf, rsaSpki, tlv } from "../support/caller-keys.ts";
import type { CallerKey } from "../support/caller-keys.ts";
import { EMAIL, makeIssuanceDeps, NOW_MS, OPEN_LOG } from "../support/issuance.ts";
import { infoOf, opensslCsr, putTogether, takeApart } from "../support/openssl-csr.ts";
import type { CsrParts } from "../support/openssl-csr.ts";
import { startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { askForCertificate } from "../support/ask.ts";
import { pemsIn } from "../support/issued.ts";
import { expectRefused, TEXT } from "../support/refusal.ts";
import { CALLER, csrRequest, keyRequest, proofBy, rawKeyRequest } from "../support/signing-body.ts";

/** Nothing listens on the port that TCP keeps for the discard service. */
const DEAD_ISSUER = "http://127.0.0.1:9";

let mayfly: TestService;
let url: string;
beforeAll(async () => {
  const deadIssuer = `  - { url: "${DEAD_ISSUER}", identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true }\n`;
  mayfly = await startTestService((text) => text.replace("shutdown:", `${deadIssuer}shutdown:`));
  url = mayfly.service.publicUrl;
});
afterAll(async () => {
  await mayfly.close();
});

const emailToken = (claims: Record<string, unknown> = {}) => mayfly.issuer.mintToken("email", claims);
const call = async (body: object) => askForCertificate(url, await emailToken(), body);

const p256 = makeKey("ecdsa-p256");
const rsa = makeKey("rsa-2048");
const p256Csr = opensslCsr(p256);
const pem = (der: Uint8Array, label: string): string => `${encodePem(label, der)}\n`;

/** A request that is put together from changed parts and not signed again. */
const changedCsr = (csr: Uint8Array, change: Partial<CsrParts>): string =>
  pem(putTogether({ ...takeApart(csr), ...change }), "CERTIFICATE REQUEST");

describe("[FE1] a token that is not good", () => {
  const now = Math.floor(Date.now() / 1000);
  const inMiddle = (token: string): string => {
    const at = token.lastIndexOf(".") + 20;
    return token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
  };
  const TOKENS: readonly (readonly [string, () => string | Promise<string>, Reason])[] = [
    ["no JWT", () => "token", "TOKEN_MALFORMED"],
    ["two parts", async () => (await emailToken()).split(".").slice(0, 2).join("."), "TOKEN_MALFORMED"],
    ["four parts", async () => `${await emailToken()}.e30`, "TOKEN_MALFORMED"],
    ["a payload that is no JSON", () => "eyJhbGciOiJSUzI1NiJ9.bm8.AAAA", "TOKEN_MALFORMED"],
    ["an issuer nobody configured", () => emailToken({ iss: "https://evil.example" }), "ISSUER_UNKNOWN"],
    ["[FC285] no issuer", () => emailToken({ iss: undefined }), "TOKEN_CLAIM_MISSING"],
    ["a signature with another bit", async () => inMiddle(await emailToken()), "TOKEN_SIGNATURE_INVALID"],
    ["another audience", () => emailToken({ aud: "other" }), "WRONG_AUDIENCE"],
    ["an end in the past", () => emailToken({ iat: now - 600, nbf: now - 600, exp: now - 1 }), "TOKEN_EXPIRED"],
    ["a start in the future", () => emailToken({ nbf: now + 200 }), "TOKEN_NOT_YET_VALID"],
    ["no email", () => emailToken({ email: undefined }), "TOKEN_CLAIM_MISSING"],
    ["an email that is a number", () => emailToken({ email: 7 }), "TOKEN_EMAIL_INVALID"],
    ["an email that is a domain", () => emailToken({ email: "example.com" }), "TOKEN_EMAIL_INVALID"],
    ["an email nobody verified", () => emailToken({ email_verified: false }), "TOKEN_EMAIL_UNVERIFIED"],
    [
      "no workflow in a job's token",
      () => mayfly.issuer.mintToken("github", { job_workflow_ref: undefined }),
      "TOKEN_CLAIM_MISSING",
    ],
  ];

  it.each(TOKENS)("with %s is refused from header and body, whatever the key", async (_fault, mint, reason) => {
    const token = await mint();
    const refusal = { status: 400, code: 3, message: TEXT.token, reason };
    expectRefused(await askForCertificate(url, token, keyRequest(p256)), refusal);
    expectRefused(await askForCertificate(url, token, {}), refusal);
    expectRefused(await askForCertificate(url, token, csrRequest("invalid")), refusal);
    const inBody = { credentials: { oidcIdentityToken: token }, ...keyRequest(p256) };
    expectRefused(await request(url).post("/api/v2/signingCert").send(inBody), refusal);
  });

  it.each([
    ["nowhere", {}],
    ["in empty credentials", { credentials: {} }],
    ["as an empty text", { credentials: { oidcIdentityToken: "" } }],
  ])("is refused when it is %s", async (_where, credentials) => {
    const answer = await request(url)
      .post("/api/v2/signingCert")
      .send({ ...credentials, ...keyRequest(p256) });
    expectRefused(answer, { status: 400, code: 3, message: TEXT.token, reason: "TOKEN_MISSING" });
  });

  it("in the body is not made good by one in the header", async () => {
    const body = { credentials: { oidcIdentityToken: "a.b.c" }, ...keyRequest(p256) };
    expectRefused(await call(body), { status: 400, code: 3, message: TEXT.token, reason: "TOKEN_MALFORMED" });
  });

  it("whose issuer cannot be reached is not the caller's fault", async () => {
    const token = await emailToken({ iss: DEAD_ISSUER });
    const answer = await askForCertificate(url, token, keyRequest(p256));
    expectRefused(answer, { status: 503, code: 14, message: TEXT.issuer, reason: "DISCOVERY_FAILED" });
  });
});

describe("[FE2] a CSR that cannot be read", () => {
  const withAlgorithm = (oid: Buffer): string => changedCsr(p256Csr, { algorithm: tlv(0x30, oid) });
  const CSRS: readonly (readonly [string, () => string, Reason])[] = [
    ["[FC25] no PEM", () => "invalid", "CSR_NOT_PEM"],
    ["DER without PEM", () => "0\u0003\u0002\u0001\u0007", "CSR_NOT_PEM"],
    ["two blocks", () => p256Csr.toString() + p256Csr.toString(), "CSR_NOT_PEM"],
    ["a public key", () => pemOf(p256.publicKey).toString(), "CSR_WRONG_PEM_TYPE"],
    ["a certificate's label", () => p256Csr.toString().replaceAll(" REQUEST", ""), "CSR_WRONG_PEM_TYPE"],
    ["no structure", () => pem(Buffer.of(0x05, 0x00), "CERTIFICATE REQUEST"), "CSR_MALFORMED"],
    ["half of it", () => pem(putTogether(takeApart(p256Csr)).subarray(0, 99), "CERTIFICATE REQUEST"), "CSR_MALFORMED"],
    [
      "bytes behind it",
      () => pem(Buffer.concat([putTogether(takeApart(p256Csr)), Buffer.of(0)]), "CERTIFICATE REQUEST"),
      "CSR_MALFORMED",
    ],
    ["an algorithm that is no OID", () => withAlgorithm(tlv(0x04, Buffer.of(1))), "CSR_MALFORMED"],
  ];
  it.each(CSRS)("is refused: %s", async (_fault, csr, reason) => {
    expectRefused(await call(csrRequest(csr())), { status: 400, code: 3, message: TEXT.csr, reason });
  });
});

const ec = (namedCurve: string): CallerKey => generateKeyPairSync("ec", { namedCurve });

describe("a key that no certificate is given for", () => {
  const WEAK: readonly (readonly [string, () => CallerKey, Reason])[] = [
    ["RSA-1024", () => makeKey("rsa-1024"), "RSA_SIZE"],
    ["RSA-2056", () => makeKey("rsa-2056"), "RSA_SIZE"],
    [
      "RSA with exponent 3",
      () => generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 }),
      "RSA_EXPONENT",
    ],
    ["RSA-PSS", () => generateKeyPairSync("rsa-pss", { modulusLength: 2048 }), "KEY_TYPE_UNSUPPORTED"],
    ["P-224", () => ec("P-224"), "KEY_TYPE_UNSUPPORTED"],
    ["secp256k1", () => ec("secp256k1"), "KEY_TYPE_UNSUPPORTED"],
    ["Ed448", () => generateKeyPairSync("ed448"), "KEY_TYPE_UNSUPPORTED"],
    ["DSA", () => generateKeyPairSync("dsa", { modulusLength: 2048, divisorLength: 256 }), "KEY_TYPE_UNSUPPORTED"],
  ];

  it.each(WEAK)("[FE3] %s: is refused as insecure in a CSR", async (_key, make, reason) => {
    const answer = await call(csrRequest(opensslCsr(make())));
    expectRefused(answer, { status: 400, code: 3, message: TEXT.insecureKey, reason });
  });

  it.each([
    ...WEAK,
    ["X25519", () => generateKeyPairSync("x25519"), "KEY_TYPE_UNSUPPORTED"],
    ["X448", () => generateKeyPairSync("x448"), "KEY_TYPE_UNSUPPORTED"],
  ] as const)("[FE7] %s: is refused as insecure, whether there is a proof or not", async (_key, make, reason) => {
    const content = pemOf(make().publicKey);
    for (const proof of [Buffer.alloc(0), Buffer.of(1)]) {
      const answer = await call(rawKeyRequest(content, proof));
      expectRefused(answer, { status: 400, code: 3, message: TEXT.insecureKey, reason });
    }
  });

  it("[FC20] RSA-1024: is refused as insecure with an empty proof", async () => {
    const answer = await call(rawKeyRequest(pemOf(makeKey("rsa-1024").publicKey), Buffer.alloc(0)));
    expectRefused(answer, { status: 400, code: 3, message: TEXT.insecureKey, reason: "RSA_SIZE" });
  });

  it("[FE7] RSA with a small factor: is refused as insecure", async () => {
    const modulus = (2n ** 2047n / 3n + 1n) * 3n;
    const odd = modulus % 2n === 0n ? modulus + 3n : modulus;
    const answer = await call(rawKeyRequest(pem(rsaSpki(odd), "PUBLIC KEY"), Buffer.alloc(0)));
    expectRefused(answer, { status: 400, code: 3, message: TEXT.insecureKey, reason: "RSA_SMALL_FACTOR" });
  });

  it("[FE7] the CA's own: is refused as insecure", async () => {
    const bundle = await request(url).get("/api/v2/trustBundle");
    const { chains } = bundle.body as { chains: [{ certificates: [string] }] };
    const { publicKey } = new X509Certificate(chains[0].certificates[0]);
    const answer = await call(rawKeyRequest(pemOf(publicKey), Buffer.of(1)));
    expectRefused(answer, { status: 400, code: 3, message: TEXT.insecureKey, reason: "KEY_IS_OURS" });
  });
});

describe("[FE4] a CSR whose self-signature is wrong", () => {
  const signature = (bytes: Uint8Array) => tlv(0x03, Buffer.of(0), bytes);
  const { subject, ...parts } = takeApart(p256Csr);
  const CSRS: readonly (readonly [string, () => string])[] = [
    [
      "[FC26] its last byte is another",
      () => changedCsr(p256Csr, { signature: flipBit(parts.signature, parts.signature.length * 8 - 1) }),
    ],
    [
      "another key signed",
      () => {
        const info = infoOf({ subject, ...parts });
        return changedCsr(p256Csr, { signature: signature(sign("sha256", info, makeKey("ecdsa-p256").privateKey)) });
      },
    ],
    ["it is empty", () => changedCsr(p256Csr, { signature: signature(Buffer.alloc(0)) })],
    [
      "it names an algorithm of another key type",
      () => changedCsr(p256Csr, { algorithm: takeApart(opensslCsr(rsa)).algorithm }),
    ],
  ];
  it.each(CSRS)("is refused: %s", async (_fault, csr) => {
    const refusal = { status: 400, code: 3, message: TEXT.proof, reason: "CSR_SIGNATURE_INVALID" } as const;
    expectRefused(await call(csrRequest(csr())), refusal);
  });
});

describe("[FE5] a CSR by a signature algorithm that is not recognized", () => {
  it.each([
    ["SHA1-RSA", rsa, ["-sha1"]],
    ["ECDSA-SHA1", p256, ["-sha1"]],
    ["SHA256-RSAPSS", rsa, ["-sha256", "-sigopt", "rsa_padding_mode:pss"]],
    ["SHA384-RSAPSS", rsa, ["-sha384", "-sigopt", "rsa_padding_mode:pss"]],
    ["0", p256, ["-sha3-256"]],
  ])("is refused with Go's name for it: %s", async (name, key, args) => {
    expectRefused(await call(csrRequest(opensslCsr(key, { args }))), {
      status: 400,
      code: 3,
      message: `unrecognized signature algorithm: ${name}`,
      reason: "CSR_ALGORITHM_UNRECOGNIZED",
    });
  });
});

describe("[FE6] a key that is not there or cannot be read", () => {
  const content = (text: string): object => ({ publicKeyRequest: { publicKey: { content: text } } });
  const privateKey = p256.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const BODIES: readonly (readonly [string, object, Reason])[] = [
    ["[FC21] no key at all", {}, "KEY_MISSING"],
    ["[FC22] an empty publicKeyRequest", { publicKeyRequest: {} }, "KEY_MISSING"],
    ["an empty publicKey", { publicKeyRequest: { publicKey: {}, proofOfPossession: "AQ==" } }, "KEY_MISSING"],
    ["[FC243] an empty text", content(""), "KEY_MISSING"],
    ["an empty CSR", { certificateSigningRequest: "" }, "KEY_MISSING"],
    ["a text that is no PEM", content("key"), "KEY_NOT_PEM"],
    [
      "DER in base64 without PEM",
      content(p256.publicKey.export({ type: "spki", format: "der" }).toString("base64")),
      "KEY_NOT_PEM",
    ],
    ["[FC244] a private key", content(privateKey), "KEY_WRONG_PEM_TYPE"],
    ["a certificate request", content(p256Csr.toString()), "KEY_WRONG_PEM_TYPE"],
    ["PEM around something else", content(pem(Buffer.of(0x05, 0x00), "PUBLIC KEY")), "KEY_NOT_CANONICAL_DER"],
    [
      "a point beside its curve",
      content(pem(flipBit(p256.publicKey.export({ type: "spki", format: "der" }), 91 * 8 - 1), "PUBLIC KEY")),
      "KEY_POINT_INVALID",
    ],
  ];
  it.each(BODIES)("is refused: %s", async (_fault, body, reason) => {
    expectRefused(await call(body), { status: 400, code: 3, message: TEXT.publicKey, reason });
  });
});

describe("[FE9] a proof that is wrong", () => {
  const p521 = makeKey("ecdsa-p521");
  const ed25519 = makeKey("ed25519");
  const pss = { key: rsa.privateKey, padding: 6, saltLength: 32 };
  const PROOFS: readonly (readonly [string, CallerKey, Buffer, Reason])[] = [
    ["empty", p256, Buffer.alloc(0), "PROOF_MISSING"],
    ["junk", p256, Buffer.from("junk"), "PROOF_INVALID"],
    ["[FC23] by another key", p256, proofBy(makeKey("ecdsa-p256")), "PROOF_INVALID"],
    ["over another address", p256, proofBy(p256, "ev@example.com"), "PROOF_INVALID"],
    ["over the address and a newline", p256, proofBy(p256, `${CALLER}\n`), "PROOF_INVALID"],
    ["over the subject", p256, proofBy(p256, `user:${CALLER}`), "PROOF_INVALID"],
    ["[FC24] of P-521 with SHA-256", p521, proofBy(p521, CALLER, "sha256"), "PROOF_INVALID"],
    ["of RSA with SHA-512", rsa, proofBy(rsa, CALLER, "sha512"), "PROOF_INVALID"],
    ["of RSA with PSS", rsa, sign("sha256", Buffer.from(CALLER), pss), "PROOF_INVALID"],
    ["of Ed25519 by another key", ed25519, proofBy(makeKey("ed25519")), "PROOF_INVALID"],
  ];
  it.each(PROOFS)("is refused: %s", async (_fault, key, proof, reason) => {
    const answer = await call(rawKeyRequest(pemOf(key.publicKey), proof));
    expectRefused(answer, { status: 400, code: 3, message: TEXT.proofOfAddress, reason });
  });

  it("is refused with the kind of principal it should have signed, and no more of the token", async () => {
    const proof = proofBy(p256, "octocat@example.com");
    const answer = await askForCertificate(url, await mayfly.issuer.mintToken("github"), keyRequest(p256, proof));
    expectRefused(answer, { status: 400, code: 3, message: TEXT.proofOfSubject, reason: "PROOF_INVALID" });
    expect(TEXT.proofOfSubject.startsWith(TEXT.proof)).toBe(true);
  });
});

describe("[FE10] a key and digest that are not permitted", () => {
  let strict: TestService;
  beforeAll(async () => {
    strict = await startTestService(
      "clientKeys: { algorithms: [ecdsa-sha2-256-nistp256, rsa-sign-pkcs1-2048-sha256] }\n",
    );
  });
  afterAll(async () => {
    await strict.close();
  });
  const notPermitted = (pair: string) =>
    ({
      status: 400,
      code: 3,
      message: `signing algorithm not permitted: ${pair}`,
      reason: "ALGORITHM_NOT_PERMITTED",
    }) as const;

  it.each([
    ["ecdsa-p384", "*ecdsa.PublicKey, SHA-384"],
    ["ecdsa-p521", "*ecdsa.PublicKey, SHA-512"],
    ["rsa-3072", "*rsa.PublicKey, SHA-256"],
    ["ed25519", "ed25519.PublicKey, unknown hash value 0"],
  ])("is refused by configuration with Go's names: %s", async (type, pair) => {
    const key = makeKey(type);
    const token = await strict.issuer.mintToken("email");
    const { publicUrl } = strict.service;
    expectRefused(await askForCertificate(publicUrl, token, keyRequest(key)), notPermitted(pair));
    const wrongProof = rawKeyRequest(pemOf(key.publicKey), Buffer.of(1));
    expectRefused(await askForCertificate(publicUrl, token, wrongProof), notPermitted(pair));
  });

  it("[FC27] is refused in a P-521 CSR", async () => {
    const csr = opensslCsr(makeKey("ecdsa-p521"), { args: ["-sha512"] });
    const answer = await askForCertificate(
      strict.service.publicUrl,
      await strict.issuer.mintToken("email"),
      csrRequest(csr),
    );
    expectRefused(answer, notPermitted("*ecdsa.PublicKey, SHA-512"));
  });

  it.each(["ecdsa-p256", "rsa-2048"])("leaves what is permitted: %s", async (type) => {
    const body = keyRequest(makeKey(type));
    const answer = await askForCertificate(strict.service.publicUrl, await strict.issuer.mintToken("email"), body);
    expect(pemsIn(answer)).toHaveLength(3);
  });

  it.each([
    ["a P-256 CSR with SHA-384", p256, "-sha384", "*ecdsa.PublicKey, SHA-384"],
    ["an RSA CSR with SHA-512", rsa, "-sha512", "*rsa.PublicKey, SHA-512"],
  ])("is refused by default: %s", async (_csr, key, digest, pair) => {
    expectRefused(await call(csrRequest(opensslCsr(key, { args: [digest] }))), notPermitted(pair));
  });
});

describe("a failure behind a request that is good", () => {
  const callRig = (server: Server) =>
    request(server)
      .post("/api/v2/signingCert")
      .set("Authorization", "Bearer a.b.c")
      .send(keyRequest(p256, proofBy(p256, EMAIL)));

  /** The public app around real issuance, one of whose ports fails. */
  async function callWith(overrides: Partial<IssuanceDeps>) {
    const { deps } = await makeIssuanceDeps(overrides);
    const rig = makeRig(makeIssueCertificate(deps));
    return callRig(bare(rig));
  }
  const failing = (error: Error) => () => Promise.reject(error);
  const internal = { status: 500, code: 13, message: TEXT.ca } as const;

  /** The CA's signer, whose nth signature fails. */
  async function signerFailingAt(nth: number, error: Error): Promise<Partial<IssuanceDeps>> {
    const { signer, issuer } = (await makeIssuanceDeps()).deps;
    let signatures = 0;
    return {
      issuer,
      signer: { ...signer, sign: (tbs) => (++signatures === nth ? Promise.reject(error) : signer.sign(tbs)) },
    };
  }

  it("is none when nothing fails", async () => {
    expect(pemsIn(await callWith({}))).toHaveLength(3);
  });

  it.each([
    ["FE11", 1],
    ["FE13", 2],
  ])("[%s] is a 500 without its text when signature %d fails", async (_row, nth) => {
    const refused = await callWith(await signerFailingAt(nth, new MayflyError("SIGNER_REFUSED", "secret")));
    expectRefused(refused, { ...internal, reason: "SIGNER_REFUSED" });
    const broken = await callWith(await signerFailingAt(nth, new Error("secret")));
    expectRefused(broken, { ...internal, reason: "UNEXPECTED" });
    const late = await callWith(await signerFailingAt(nth, new MayflyError("SIGNER_TIMEOUT", "secret")));
    expectRefused(late, { status: 503, code: 14, message: TEXT.ca, reason: "SIGNER_TIMEOUT" });
  });

  it("[FE11] is a 503 when the CA has expired", async () => {
    const { issuer } = (await makeIssuanceDeps()).deps;
    const answer = await callWith({ issuer: { ...issuer, notAfterMs: NOW_MS } });
    expectRefused(answer, { status: 503, code: 14, message: TEXT.ca, reason: "CA_EXPIRED" });
    expect(answer.headers["retry-after"]).toBe("60");
  });

  it.each([
    ["an address beyond ASCII", "email", { email: "jösé@example.com" }, "TOKEN_EMAIL_INVALID"],
    ["a name above 1 KiB", "github", { workflow: "w".repeat(1_025) }, "TOKEN_CLAIM_INVALID"],
    ["a ref that no URI can hold", "github", { job_workflow_ref: "o/r/w.yml@a/../b" }, "SAN_NOT_PERMITTED"],
  ] as const)("[FE11] is the token's when it comes from a claim: %s", async (_claim, kind, claims, reason) => {
    const token = await mayfly.issuer.mintToken(kind, claims);
    const answer = await askForCertificate(url, token, keyRequest(p256));
    expectRefused(answer, { status: 400, code: 3, message: TEXT.token, reason });
  });

  it("[FE12] is a 500 when the log fails", async () => {
    const answer = await callWith({
      log: { ...OPEN_LOG, add: failing(new MayflyError("LOG_WRITE_FAILED", "secret")) },
    });
    expectRefused(answer, { status: 500, code: 13, message: TEXT.log, reason: "LOG_WRITE_FAILED" });
  });

  it("[FE12] is a 503 when the log cannot take work now", async () => {
    const full = new MayflyError("LOG_QUEUE_FULL", "secret", { retryAfterMs: 3_000 });
    const answer = await callWith({ log: { ...OPEN_LOG, add: failing(full) } });
    expectRefused(answer, { status: 503, code: 14, message: TEXT.log, reason: "LOG_QUEUE_FULL" });
    expect(answer.headers["retry-after"]).toBe("3");
  });

  it("[FC43] is one log line, with reason and detail and nothing of the request", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-rows-log-"));
    const telemetry = openTelemetry({ version: "1", logLevel: "info", destination: join(folder, "log") });
    const { deps } = await makeIssuanceDeps({
      log: { ...OPEN_LOG, add: failing(new MayflyError("LOG_WRITE_FAILED", "disk on fire")) },
    });
    const rig = makeRig(makeIssueCertificate(deps), { telemetry });
    expect((await callRig(bare(rig))).status).toBe(500);
    await telemetry.close();
    const lines = readFileSync(join(folder, "log"), "utf8").trimEnd().split("\n");
    rmSync(folder, { recursive: true });
    const { time, ...members } = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(lines).toHaveLength(1);
    expect(typeof time).toBe("string");
    expect(members).toEqual({
      level: "error",
      requestId: "own-1",
      method: "POST",
      route: "/api/v2/signingCert",
      status: 500,
      durationMs: 1,
      code: "log_failed",
      reason: "LOG_WRITE_FAILED",
      detail: "disk on fire",
      msg: "request",
    });
  });

  it("[FE15] is a 500 when the answer cannot be written", async () => {
    const rig = makeRig(() =>
      Promise.resolve({
        ...ISSUED,
        get leaf(): Uint8Array {
          throw new RangeError("secret");
        },
      }),
    );
    const answer = await callRig(bare(rig));
    expectRefused(answer, { ...internal, reason: "UNEXPECTED" });
  });

  it("[FE20] is a 500 without its text when nobody foresaw it, and the next request is served", async () => {
    let isBroken = true;
    const { deps } = await makeIssuanceDeps();
    const issue = makeIssueCertificate({
      ...deps,
      serialNumber: () => {
        if (isBroken) throw new TypeError("secret /etc/key");
        return deps.serialNumber();
      },
    });
    const server = bare(makeRig(issue));
    expectRefused(await callRig(server), {
      ...internal,
      reason: "UNEXPECTED",
    });
    isBroken = false;
    expect(pemsIn(await callRig(server))).toHaveLength(3);
  });
});
