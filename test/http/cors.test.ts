import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { MayflyError } from "../../src/core/errors.ts";
import { ask } from "../support/ask.ts";
import type { Answer } from "../support/ask.ts";
import { startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { keyRequest } from "../support/signing-body.ts";
import request from "supertest";
import { bare, makeRig } from "./public-app.ts";

const ORIGIN = "https://pages.example.com";

let mayfly: TestService;
beforeAll(async () => {
  mayfly = await startTestService('trust: { publicUrl: "https://ca.example.com", operator: example.com }\n');
});
afterAll(() => mayfly.close());

type Fields = Readonly<Record<string, string>>;
const listOf = (fields: Fields, name: string): readonly string[] =>
  (fields[name] ?? "").split(",").map((each) => each.trim().toLowerCase());

/** Fetch §4.10, CORS check, for a request without credentials. */
const passesCorsCheck = ({ headers }: Answer): boolean =>
  ["*", ORIGIN].includes(headers["access-control-allow-origin"] ?? "");

/** Fetch §4.8, CORS-preflight fetch: whether a browser goes on to send this request after such an answer. */
function passesPreflight(answer: Answer, method: string, unsafeFields: readonly string[]): boolean {
  const methods = listOf(answer.headers, "access-control-allow-methods");
  const fields = listOf(answer.headers, "access-control-allow-headers");
  const isMethodAllowed = ["GET", "HEAD", "POST"].includes(method) || methods.includes(method.toLowerCase());
  // A wildcard stands for every field but Authorization.
  const isAllowed = (name: string): boolean =>
    fields.includes(name) || (fields.includes("*") && name !== "authorization");
  const isOk = answer.status >= 200 && answer.status <= 299;
  return passesCorsCheck(answer) && isOk && isMethodAllowed && unsafeFields.every(isAllowed);
}

const preflight = (path: string, method: string, fields: readonly string[]): Promise<Answer> =>
  ask(`${mayfly.service.publicUrl}${path}`, {
    method: "OPTIONS",
    headers: {
      origin: ORIGIN,
      "access-control-request-method": method,
      ...(fields.length > 0 ? { "access-control-request-headers": fields.join(",") } : {}),
    },
  });

const SIGNING = ["/api/v2/signingCert", "/api/v1/signingCert"];
const READS = [
  "/api/v2/trustBundle",
  "/api/v2/configuration",
  "/api/v1/rootCert",
  "/healthz",
  "/openapi.json",
  "/trust/trusted_root.json",
  "/trust/signing_config.v0.2.json",
  "/trust/client_trust_config.json",
  "/trust/chain.pem",
  "/test-log/checkpoint",
  "/test-log/ct/v1/get-sth",
];

describe("a page of another origin", () => {
  it.each(SIGNING)("may send token and JSON to %s", async (path) => {
    const answer = await preflight(path, "POST", ["authorization", "content-type"]);
    expect(passesPreflight(answer, "POST", ["authorization", "content-type"])).toBe(true);
    expect(answer.headers).toMatchObject({ "access-control-max-age": "600" });
  });

  it("may send the fields that it may send to Fulcio", async () => {
    const fields = ["accept", "content-type", "x-requested-with"];
    expect(passesPreflight(await preflight("/api/v2/signingCert", "POST", fields), "POST", fields)).toBe(true);
  });

  it.each([...SIGNING, ...READS])("may name its request to %s", async (path) => {
    const method = SIGNING.includes(path) ? "POST" : "GET";
    expect(passesPreflight(await preflight(path, method, ["x-request-id"]), method, ["x-request-id"])).toBe(true);
  });

  it.each(READS)("may read %s without a preflight", async (path) => {
    const answer = await ask(`${mayfly.service.publicUrl}${path}`, { headers: { origin: ORIGIN } });
    expect([answer.status, passesCorsCheck(answer)]).toEqual([200, true]);
  });

  it.each([
    ["a method that no path has", "DELETE", []],
    ["a field that nobody asked for", "POST", ["authorization", "x-forwarded-for"]],
    ["cookies by a field", "POST", ["cookie"]],
  ])("may not send %s", async (_name, method, fields) => {
    expect(passesPreflight(await preflight("/api/v2/signingCert", method, fields), method, fields)).toBe(false);
  });

  it("may not send credentials of its own, with any answer", async () => {
    const answers = [
      await preflight("/api/v2/signingCert", "POST", ["authorization"]),
      await ask(`${mayfly.service.publicUrl}/api/v2/trustBundle`, { headers: { origin: ORIGIN, cookie: "a=b" } }),
    ];
    for (const { headers } of answers) expect(headers["access-control-allow-credentials"]).toBeUndefined();
  });

  it.each(SIGNING)("may read the answer of %s, and what it is called in the log", async (path) => {
    const token = await mayfly.issuer.mintToken("email");
    const { publicKeyRequest } = keyRequest();
    const v1 = {
      publicKey: { content: Buffer.from(publicKeyRequest?.publicKey.content ?? "").toString("base64") },
      signedEmailAddress: publicKeyRequest?.proofOfPossession,
    };
    const answer = await ask(`${mayfly.service.publicUrl}${path}`, {
      method: "POST",
      headers: { origin: ORIGIN, authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(path.includes("/v1/") ? v1 : { publicKeyRequest }),
    });
    expect([answer.status < 300, passesCorsCheck(answer)]).toEqual([true, true]);
    expect(listOf(answer.headers, "access-control-expose-headers")).toContain("x-request-id");
  });

  it("may read a refusal, and when to come again", async () => {
    const refused = () => Promise.reject(new MayflyError("LOG_BUSY", "busy", { retryAfterMs: 2_000 }));
    const answer = await request(bare(makeRig(refused)))
      .post("/api/v2/signingCert")
      .set("Origin", ORIGIN)
      .set("Authorization", "Bearer a.b.c")
      .send({});
    const headers = answer.headers as Fields;
    expect([answer.status, headers["retry-after"], headers["access-control-allow-origin"]]).toEqual([503, "2", "*"]);
    expect(listOf(headers, "access-control-expose-headers")).toContain("retry-after");
  });

  it("may not read metrics or readiness, which are elsewhere", async () => {
    for (const path of ["/metrics", "/readyz"]) {
      expect((await ask(`${mayfly.service.publicUrl}${path}`, { headers: { origin: ORIGIN } })).status).toBe(404);
    }
  });
});
