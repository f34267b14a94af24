import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodePem } from "../../src/core/encoding/pem.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import { CreateSigningCertificateRequestSchema } from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { describeRefusal } from "../../src/grpc/refusal.ts";
import { describeError } from "../../src/wire/errors.ts";
import { refusalOf } from "../grpc/grpc-rig.ts";
import { ask } from "../support/ask.ts";
import { flipBit, makeKey, pemOf, rsaSpki } from "../support/caller-keys.ts";
import { opensslCsr, putTogether, takeApart } from "../support/openssl-csr.ts";
import { reasonIn, TEXT } from "../support/refusal.ts";
import { ANCHORS, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { CALLER, csrRequest, keyRequest, proofBy, rawKeyRequest } from "../support/signing-body.ts";
import type { SigningBody } from "../support/signing-body.ts";

/** Stands in claims, keys' surroundings and names of rules; nobody is to be told of it. */
const CANARY = "canary-7f3a";
/** Nothing listens on the port that TCP keeps for the discard service. */
const DEAD = "http://127.0.0.1:9";

let mayfly: TestService;
let grpc: Client;

/** Further entries of the two issuers, each for an audience of its own, and issuers that are away. */
function withEntries(text: string): string {
  const url = /url: "(?<url>[^"]+)", identity: \{ kind: email \}/u.exec(text)?.groups?.["url"] ?? "";
  const reach = "allowInsecureHttp: true, allowPrivateNetwork: true";
  const entry = (issuer: string, more: string): string => `  - { url: "${issuer}", ${reach}, ${more} }\n`;
  const entries = [
    entry(url, "audience: azp, requireAzp: true, identity: { kind: email }"),
    entry(url, "audience: proof, requireKeyProof: true, identity: { kind: email }"),
    entry(url, "audience: domains, identity: { kind: email, domains: [example.org] }"),
    entry(url, "audience: forbidden, identity: { kind: email, emailTrust: forbidden }"),
    entry(
      url,
      `audience: rules, identity: { kind: email }, allow: [{ name: ${CANARY}-may, claims: { team: ${CANARY}-yes } }], ` +
        `deny: [{ name: ${CANARY}-not, claims: { team: ${CANARY}-no } }]`,
    ),
    entry(DEAD, "identity: { kind: email }"),
    entry(`${DEAD}/keys`, `jwksUrl: "${DEAD}/keys.json", identity: { kind: email }`),
  ];
  const clientKeys = "clientKeys: { algorithms: [ecdsa-sha2-256-nistp256, rsa-sign-pkcs1-2048-sha256] }\n";
  const grpcPort = 'grpc: { listen: "127.0.0.2:0" }\n';
  return text.replace("shutdown:", `${entries.join("")}${clientKeys}${grpcPort}shutdown:`);
}

beforeAll(async () => {
  mayfly = await startTestService(withEntries);
  grpc = new Client(new URL(mayfly.service.grpcUrl!).host, credentials.createInsecure());
});
afterAll(async () => {
  grpc.close();
  await mayfly.close();
});

type Claims = Readonly<Record<string, unknown>>;
const nowSeconds = Math.floor(Date.now() / 1_000);
const mint = (claims: Claims = {}): Promise<string> =>
  mayfly.issuer.mintToken("email", { [CANARY]: CANARY, ...claims });
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
/** A token as `mint` makes it, under another header and with a signature of nobody's. */
async function forge(header: Claims, claims: Claims = {}): Promise<string> {
  const [, payload = ""] = (await mint(claims)).split(".");
  return `${base64url(header)}.${payload}.${Buffer.alloc(256, 7).toString("base64url")}`;
}
/** A token whose signature has another bit. */
async function spoil(claims: Claims = {}): Promise<string> {
  const token = await mint(claims);
  const at = token.lastIndexOf(".") + 20;
  return token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
}

const p256 = makeKey("ecdsa-p256");
const csr = opensslCsr(p256);
const pem = (der: Uint8Array, label = "PUBLIC KEY"): string => `${encodePem(label, der)}\n`;
const spki = p256.publicKey.export({ type: "spki", format: "der" });
const keyOnly = (text: string): SigningBody => rawKeyRequest(text, Buffer.of(1));

/** A signing request that gets as far as issuance, and why it is refused there. */
type Row = readonly [reason: Reason, token: () => Promise<string>, body?: SigningBody];

const TOKENS: readonly Row[] = [
  ["AUDIENCE_AMBIGUOUS", () => mint({ aud: ["sigstore", "azp"] })],
  ["CLAIM_RULE_DENIED", () => mint({ aud: "rules", team: `${CANARY}-no` })],
  ["CLAIM_RULE_NO_MATCH", () => mint({ aud: "rules", team: CANARY })],
  ["DISCOVERY_FAILED", () => mint({ iss: DEAD })],
  ["EMAIL_DOMAIN_NOT_ALLOWED", () => mint({ aud: "domains" })],
  ["ISSUER_UNKNOWN", () => mint({ iss: `https://${CANARY}.example` })],
  ["JWKS_FAILED", () => mint({ iss: `${DEAD}/keys` })],
  ["KEY_PROOF_REQUIRED", () => mint({ aud: "proof" }), csrRequest(csr)],
  ["SAN_NOT_PERMITTED", () => mint({ aud: "forbidden" })],
  ["TOKEN_ALGORITHM", () => forge({ alg: "HS256" })],
  ["TOKEN_AUTHORIZED_PARTY", () => mint({ aud: "azp", azp: CANARY })],
  ["TOKEN_CLAIM_INVALID", () => mint({ sub: `${CANARY}\u0007` })],
  ["TOKEN_CLAIM_MISSING", () => mint({ email: undefined })],
  ["TOKEN_EMAIL_INVALID", () => mint({ email: `<${CANARY}>` })],
  ["TOKEN_EMAIL_UNVERIFIED", () => mint({ email_verified: false })],
  ["TOKEN_EXPIRED", () => mint({ iat: nowSeconds - 600, nbf: nowSeconds - 600, exp: nowSeconds - 1 })],
  ["TOKEN_HEADER_INVALID", () => forge({ alg: "RS256", crit: [CANARY] })],
  ["TOKEN_ISSUED_IN_FUTURE", () => mint({ iat: nowSeconds + 400, exp: nowSeconds + 500 })],
  ["TOKEN_KEY_UNKNOWN", () => forge({ alg: "RS256", kid: CANARY })],
  ["TOKEN_LIFETIME_TOO_LONG", () => mint({ exp: nowSeconds + 3 * 86_400 })],
  ["TOKEN_MALFORMED", () => Promise.resolve(`${CANARY}.e30`)],
  ["TOKEN_NOT_YET_VALID", () => mint({ nbf: nowSeconds + 400 })],
  ["TOKEN_SIGNATURE_INVALID", () => spoil()],
  ["TOKEN_TYPE", () => forge({ alg: "RS256", typ: "at+jwt" })],
  ["WRONG_AUDIENCE", () => mint({ aud: CANARY })],
];

const rsaWith = (publicExponent: number) => generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent });
const KEYS: readonly (readonly [Reason, () => SigningBody])[] = [
  ["ALGORITHM_NOT_PERMITTED", () => keyRequest(makeKey("ed25519"))],
  ["CSR_ALGORITHM_UNRECOGNIZED", () => csrRequest(opensslCsr(p256, { args: ["-sha1"] }))],
  ["CSR_MALFORMED", () => csrRequest(pem(Buffer.of(0x05, 0x00), "CERTIFICATE REQUEST"))],
  ["CSR_NOT_PEM", () => csrRequest(CANARY)],
  ["CSR_SIGNATURE_INVALID", () => csrRequest(pem(withOtherSignature(), "CERTIFICATE REQUEST"))],
  ["CSR_WRONG_PEM_TYPE", () => csrRequest(pem(spki))],
  [
    "ED25519_WEAK_POINT",
    () => keyOnly(pem(Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.alloc(32)]))),
  ],
  ["KEY_IS_OURS", () => keyOnly(ourKey())],
  ["KEY_NOT_CANONICAL_DER", () => keyOnly(pem(Buffer.of(0x05, 0x00)))],
  ["KEY_NOT_PEM", () => keyOnly(CANARY)],
  ["KEY_POINT_INVALID", () => keyOnly(pem(flipBit(spki, spki.length * 8 - 1)))],
  ["KEY_TYPE_UNSUPPORTED", () => keyOnly(pemOf(generateKeyPairSync("ed448").publicKey).toString())],
  ["KEY_WRONG_PEM_TYPE", () => keyOnly(csr.toString())],
  ["PROOF_INVALID", () => keyRequest(p256, proofBy(p256, CANARY))],
  ["PROOF_MISSING", () => keyRequest(p256, new Uint8Array(0))],
  ["RSA_EXPONENT", () => keyOnly(pemOf(rsaWith(3).publicKey).toString())],
  ["RSA_SIZE", () => keyOnly(pemOf(makeKey("rsa-1024").publicKey).toString())],
  ["RSA_SMALL_FACTOR", () => keyOnly(pem(rsaSpki(3n * (2n ** 2046n + 1n))))],
];

function withOtherSignature(): Uint8Array {
  const parts = takeApart(csr);
  return putTogether({ ...parts, signature: flipBit(parts.signature, parts.signature.length * 8 - 1) });
}

function ourKey(): string {
  const der = Buffer.from(ANCHORS.logPublicKey);
  return pem(der);
}

const SIGNING: readonly Row[] = [...TOKENS, ...KEYS.map(([reason, body]): Row => [reason, () => mint(), body()])];

/** What was asked, and under which identifier the service speaks of it. */
interface Asked {
  readonly id: string;
  readonly reason: Reason;
}
const asked: Asked[] = [];
/** Those that issuance itself refused, and so the audit trail knows. */
const audited: Reason[] = [];
const told: string[] = [];

function begin(reason: Reason, over: string): string {
  const id = `${over}-${reason}-${String(asked.length)}`;
  asked.push({ id, reason });
  return id;
}

async function expectOverHttp(
  reason: Reason,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array },
) {
  const headers = { "content-type": "application/json", ...init.headers, "x-request-id": begin(reason, "http") };
  const answer = await ask(`${mayfly.service.publicUrl}${path}`, { ...init, headers });
  told.push(answer.text, JSON.stringify(answer.headers));
  const { status, grpcCode } = describeError(new MayflyError(reason, ""));
  const { code } = (answer.body ?? {}) as { code?: number };
  expect({ status: answer.status, code, reason: reasonIn(answer.text) }).toEqual({ status, code: grpcCode, reason });
  return answer;
}

async function expectOverGrpc(reason: Reason, path: string, bytes: Uint8Array): Promise<string> {
  const metadata = new Metadata();
  metadata.set("x-request-id", begin(reason, "grpc"));
  const asItIs = (one: Buffer): Buffer => one;
  const refusal = await refusalOf(
    new Promise((resolve, reject) => {
      grpc.makeUnaryRequest(path, asItIs, asItIs, Buffer.from(bytes), metadata, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    }),
  );
  told.push(refusal.message, JSON.stringify(refusal.metadata.getMap()));
  const { code } = describeRefusal(new MayflyError(reason, ""));
  expect({ code: refusal.code, reason: refusal.reason }).toEqual({ code, reason });
  return refusal.message;
}

const SIGN = "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate";

/** The same request as a message of gRPC. */
function messageOf(token: string, { publicKeyRequest, certificateSigningRequest }: SigningBody): Uint8Array {
  const proof = Buffer.from(publicKeyRequest?.proofOfPossession ?? "", "base64");
  return toBinary(
    CreateSigningCertificateRequestSchema,
    create(CreateSigningCertificateRequestSchema, {
      credentials: { credentials: { case: "oidcIdentityToken", value: token } },
      key:
        publicKeyRequest === undefined
          ? {
              case: "certificateSigningRequest",
              value: Buffer.from(certificateSigningRequest ?? "", "base64"),
            }
          : {
              case: "publicKeyRequest",
              value: { publicKey: { content: publicKeyRequest.publicKey.content }, proofOfPossession: proof },
            },
    }),
  );
}

/** Asks over both entrances, which must say the same. */
async function expectRefusedTwice(
  reason: Reason,
  token: string,
  body: SigningBody = keyRequest(p256),
): Promise<string> {
  const { body: answer } = await expectOverHttp(reason, "/api/v2/signingCert", {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  const message = await expectOverGrpc(reason, SIGN, messageOf(token, body));
  expect((answer as { message: string }).message).toBe(message);
  audited.push(reason, reason);
  return message;
}

describe("a signing request that is refused", () => {
  it.each(SIGNING)("for %s is told so over both entrances", async (...[reason, token, body]: Row) => {
    const message = await expectRefusedTwice(reason, await token(), body);
    expect(
      message.startsWith(describeError(new MayflyError(reason, "")).message) || reason === "CSR_ALGORITHM_UNRECOGNIZED",
    ).toBe(true);
  });

  it("with a forged token does not learn whom the rules would take, nor how its key is", async () => {
    const forged: readonly Claims[] = [
      { aud: "rules", team: `${CANARY}-yes` },
      { aud: "rules", team: `${CANARY}-no` },
      { aud: "rules", team: CANARY },
      { aud: "domains" },
      { aud: "forbidden" },
      { aud: "proof" },
      { email_verified: false },
      { email: undefined },
    ];
    for (const claims of forged) {
      const token = await spoil(claims);
      for (const body of [keyRequest(p256), csrRequest(csr), keyOnly(CANARY), keyOnly(ourKey())]) {
        expect(await expectRefusedTwice("TOKEN_SIGNATURE_INVALID", token, body)).toBe(TEXT.token);
      }
    }
  });

  it("because issuance is paused is told so over both entrances", async () => {
    const resumed = mayfly;
    resumed.service.pauseIssuance();
    const body = JSON.stringify(keyRequest(p256));
    await expectOverHttp("ISSUANCE_PAUSED", "/api/v2/signingCert", {
      method: "POST",
      headers: { authorization: `Bearer ${await mint()}` },
      body,
    });
    await expectOverGrpc("ISSUANCE_PAUSED", SIGN, messageOf(await mint(), keyRequest(p256)));
  });
});

describe("a request that never gets to issuance", () => {
  const nested = "[".repeat(1_000) + "]".repeat(1_000);
  const BODIES: readonly (readonly [Reason, string | Uint8Array, Record<string, string>?])[] = [
    ["BODY_NOT_JSON", `{${CANARY}`],
    ["BODY_NOT_UTF8", Buffer.of(0x22, 0xff, 0x22)],
    ["BODY_TOO_LARGE", " ".repeat(130 * 1024)],
    ["DUPLICATE_MEMBER", `{"${CANARY}":1,"${CANARY}":2}`],
    ["INVALID_BASE64", `{"certificateSigningRequest":"${CANARY}!"}`],
    ["JSON_TOO_COMPLEX", nested],
    ["ONEOF_CONFLICT", JSON.stringify({ ...keyRequest(p256), ...csrRequest(csr) })],
    ["UNSUPPORTED_MEDIA_TYPE", "{}", { "content-type": "text/plain" }],
    ["WRONG_TYPE", `["${CANARY}"]`],
  ];
  it.each(BODIES)("because of its body is told %s", async (...[reason, body, headers = {}]) => {
    await expectOverHttp(reason, "/api/v2/signingCert", {
      method: "POST",
      headers: { authorization: "Bearer a.b.c", ...headers },
      body,
    });
  });

  it("because it brings no token is told TOKEN_MISSING", async () => {
    const body = JSON.stringify(keyRequest(p256));
    await expectOverHttp("TOKEN_MISSING", "/api/v2/signingCert", { method: "POST", body });
    await expectOverGrpc("TOKEN_MISSING", SIGN, messageOf("", keyRequest(p256)));
  });

  const READS: readonly (readonly [Reason, string])[] = [
    ["NOT_PUBLISHED", "/test-log/ct/v1/get-entries?start=1000000&end=1000001"],
    [
      "NO_SUCH_ENTRY",
      `/test-log/ct/v1/get-proof-by-hash?tree_size=1&hash=${encodeURIComponent(Buffer.alloc(32).toString("base64"))}`,
    ],
    ["NO_SUCH_PATH", `/${CANARY}`],
    ["NO_SUCH_TILE", "/test-log/tile/0/999"],
    ["PARAMETER_INVALID", `/test-log/ct/v1/get-entries?start=${CANARY}&end=1`],
  ];
  it.each(READS)("because of what it reads is told %s", async (reason, path) => {
    await expectOverHttp(reason, path, {});
  });

  it("because of its method is told METHOD_NOT_ALLOWED", async () => {
    await expectOverHttp("METHOD_NOT_ALLOWED", "/api/v2/signingCert", { method: "PUT", body: "{}" });
    await expectOverGrpc("METHOD_NOT_ALLOWED", `/${CANARY}/Method`, new Uint8Array(0));
  });

  it("because its message is none is told MESSAGE_MALFORMED", async () => {
    await expectOverGrpc("MESSAGE_MALFORMED", SIGN, Buffer.of(0x0a, 0xff));
  });
});

interface Line {
  readonly requestId?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly status?: number;
}

const linesOf = (text: string): readonly Line[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);

/** How often each thing is in a list. */
const countsOf = (names: readonly string[]): ReadonlyMap<string, number> =>
  new Map([...new Set(names)].sort().map((name) => [name, names.filter((one) => one === name).length]));

/** The values of a counter by its label `reason`; series without one are left out. */
function countedBy(metrics: string, name: string): ReadonlyMap<string, number> {
  const series = metrics.matchAll(
    new RegExp(`^${name}\\{[^}]*reason="(?<reason>[A-Z0-9_]+)"[^}]*\\} (?<count>\\d+)$`, "gmu"),
  );
  return new Map(
    Array.from(series, ({ groups }): [string, number] => [groups?.["reason"] ?? "", Number(groups?.["count"])]).sort(),
  );
}

describe("every refusal that was told", () => {
  it("has the same reason in metrics, audit trail and log, and none of them says more", async () => {
    const metrics = (await ask(`${mayfly.service.operationsUrl}/metrics`)).text;
    expect(countedBy(metrics, "mayfly_refusals_total")).toEqual(countsOf(asked.map(({ reason }) => reason)));
    expect(countedBy(metrics, "mayfly_issuances_total")).toEqual(countsOf(audited));

    const trail = readFileSync(join(mayfly.config.dataDirectory, "audit.jsonl"), "utf8");
    const reasons = linesOf(trail).flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
    expect(countsOf(reasons)).toEqual(countsOf(audited));

    await mayfly.stop();
    const log = mayfly.logText();
    const lines = new Map(linesOf(log).map((line) => [line.requestId, line]));
    const found = asked.map(({ id }) => ({ id, ...pick(lines.get(id)) }));
    expect(found).toEqual(
      asked.map(({ id, reason }) => {
        const error = new MayflyError(reason, "");
        return { id, code: error.code, reason, status: describeError(error).status };
      }),
    );

    expect(asked.length).toBeGreaterThan(150);
    const request = [...told, metrics, log].filter((text) => text.includes(CANARY) || text.includes(CALLER));
    expect(request).toEqual([]);
    // The trail names the rule that decided, for whoever runs the service; it has no value of a claim.
    const ruleNames = new RegExp(`${CANARY}-(?:may|not)\\b`, "gu");
    expect(trail.split("\n").filter((line) => line.replaceAll(ruleNames, "").includes(CANARY))).toEqual([]);
  });
});

const pick = (line: Line | undefined): Omit<Line, "requestId"> => ({
  ...(line?.code !== undefined && { code: line.code }),
  ...(line?.reason !== undefined && { reason: line.reason }),
  ...(line?.status !== undefined && { status: line.status }),
});
