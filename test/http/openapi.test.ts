import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Validator as JsonSchema } from "@cfworker/json-schema";
import type { Schema } from "@cfworker/json-schema";
import { Validator as OpenApiSchema } from "@seriousme/openapi-schema-validator";
import { ask } from "../support/ask.ts";
import type { Answer } from "../support/ask.ts";
import { GOLDEN_REQUESTS, withToken } from "../support/golden-requests.ts";
import { startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { bare, makeRig } from "./public-app.ts";
import request from "supertest";

interface Content {
  readonly [mediaType: string]: { readonly schema: Schema };
}
interface Response {
  readonly $ref?: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content: Content;
}
interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}
interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<"get" | "post", Operation>>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Response>>;
  };
}

let mayfly: TestService;
let document: OpenApi;
beforeAll(async () => {
  mayfly = await startTestService('trust: { publicUrl: "https://ca.example.com", operator: example.com }\n');
  document = (await get("/openapi.json")).body as OpenApi;
});
afterAll(() => mayfly.close());

const get = (path: string): Promise<Answer> => ask(`${mayfly.service.publicUrl}${path}`);

/** The schema with every object closed, and with what it refers to: an answer may hold nothing that is not described. */
function closed(schema: Schema): Schema {
  const close = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(close);
    if (typeof value !== "object" || value === null) return value;
    const members = Object.entries(value).map(([name, member]) => [name, close(member)]);
    return Object.fromEntries(
      "properties" in value ? [...members, ["additionalProperties", false]] : members,
    ) as unknown;
  };
  return close({ ...schema, components: { schemas: document.components.schemas } }) as Schema;
}

function violations(schema: Schema, value: unknown): readonly string[] {
  const { errors } = new JsonSchema(closed(schema), "2020-12", false).validate(value);
  return errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

function operationOf(path: string, method: "get" | "post"): Operation {
  const operation = document.paths[path]?.[method];
  if (operation === undefined) throw new Error(`${method} ${path} is not described`);
  return operation;
}

/** Holds an answer to what is said of its status: media type, body, header fields. */
function expectDescribed(operation: Operation, answer: Answer): void {
  const named = operation.responses[String(answer.status)] ?? operation.responses["default"]!;
  const response = named.$ref === undefined ? named : document.components.responses[named.$ref.split("/").at(-1)!]!;
  const [mediaType = ""] = (answer.headers["content-type"] ?? "").split(";");
  expect([answer.status, Object.keys(response.content)]).toEqual([answer.status, [mediaType]]);
  const body = mediaType === "application/json" ? answer.body : answer.text;
  expect(violations(response.content[mediaType]!.schema, body)).toEqual([]);
  const described = new Set(Object.keys(response.headers).map((name) => name.toLowerCase()));
  for (const name of ["x-request-id", "retry-after", "allow"]) {
    if (answer.headers[name] !== undefined) expect([name, described.has(name)]).toEqual([name, true]);
  }
}

describe("GET /openapi.json", () => {
  it("is a valid OpenAPI 3.1 document, judged by the specification's own schema", async () => {
    const validator = new OpenApiSchema();
    const result = await validator.validate({ ...document });
    expect(result.errors ?? []).toEqual([]);
    expect([result.valid, validator.version]).toEqual([true, "3.1"]);
  });

  it("is constant, and stored for a minute at most", async () => {
    const [one, other] = [await get("/openapi.json"), await get("/openapi.json?x=1")];
    expect(other.text).toBe(one.text);
    expect(one.headers).toMatchObject({ "content-type": "application/json", "cache-control": "public, max-age=60" });
  });

  it("describes the whole public API", () => {
    expect(Object.keys(document.paths).sort()).toEqual([
      "/api/v1/rootCert",
      "/api/v1/signingCert",
      "/api/v2/configuration",
      "/api/v2/signingCert",
      "/api/v2/trustBundle",
      "/healthz",
      "/openapi.json",
      "/trust/chain.pem",
      "/trust/client_trust_config.json",
      "/trust/ct_log.pem",
      "/trust/ct_logs.pem",
      "/trust/fingerprints.txt",
      "/trust/signing_config.v0.2.json",
      "/trust/trusted_root.json",
      "/{log}/checkpoint",
      "/{log}/ct/v1/get-entries",
      "/{log}/ct/v1/get-entry-and-proof",
      "/{log}/ct/v1/get-proof-by-hash",
      "/{log}/ct/v1/get-roots",
      "/{log}/ct/v1/get-sth",
      "/{log}/ct/v1/get-sth-consistency",
      "/{log}/issuer/{sha256}",
      "/{log}/log.v3.json",
    ]);
  });

  it("leaves out what a service does not offer", async () => {
    const answer = await request(bare(makeRig())).get("/openapi.json");
    const { paths } = JSON.parse(answer.text) as OpenApi;
    expect(Object.keys(paths).filter((path) => !/^\/(?:api\/|healthz|openapi\.json)/u.test(path))).toEqual([]);
    expect(Object.keys(paths)).toHaveLength(7);
  });

  it("names each operation once", () => {
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });
});

describe("what is described is what is answered", () => {
  it("of every read", async () => {
    const reads = Object.keys(document.paths).filter((path) => document.paths[path]?.get && !path.includes("{sha256}"));
    const asked: string[] = [];
    for (const path of reads) {
      const query = path.includes("get-sth-consistency") ? "?first=0&second=0" : "";
      const answer = await get(path.replace("{log}", "test-log") + query);
      expectDescribed(operationOf(path, "get"), answer);
      if (answer.status === 200) asked.push(path);
    }
    // The others need an entry to be there.
    expect(reads.filter((path) => !asked.includes(path))).toEqual([
      "/{log}/ct/v1/get-proof-by-hash",
      "/{log}/ct/v1/get-entries",
      "/{log}/ct/v1/get-entry-and-proof",
    ]);
  });

  it("of every client's request and its answer", async () => {
    for (const golden of GOLDEN_REQUESTS) {
      const { path, headers, body } = withToken(golden, await mayfly.issuer.mintToken(golden.kind));
      const operation = operationOf(path, "post");
      // Its names are those of the .proto file, which are taken and not described.
      if (golden.name !== "sigstore-ruby") {
        const sent = JSON.parse(body) as Record<string, unknown>;
        const given = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== null));
        const { schema } = operation.requestBody!.content["application/json"]!;
        expect([golden.name, violations(schema, given)]).toEqual([golden.name, []]);
      }
      const fields = headers.map(([name, value]): [string, string] => [name, value]);
      const answer = await ask(`${mayfly.service.publicUrl}${path}`, { method: "POST", headers: fields, body });
      expect([golden.name, answer.status]).toEqual([golden.name, path.includes("/v1/") ? 201 : 200]);
      expectDescribed(operation, answer);
    }
  });

  const JSON_TYPE = { "content-type": "application/json" };
  const REFUSALS = [
    ["400", "/api/v2/signingCert", { method: "POST", headers: JSON_TYPE, body: "{}" }],
    ["400", "/api/v1/signingCert", { method: "POST", headers: JSON_TYPE, body: "{}" }],
    ["413", "/api/v2/signingCert", { method: "POST", headers: JSON_TYPE, body: "x".repeat(131_073) }],
    ["415", "/api/v1/signingCert", { method: "POST", headers: { "content-type": "text/plain" }, body: "{}" }],
    ["501", "/api/v2/signingCert", { method: "PUT" }],
  ] as const;
  it.each(REFUSALS)("of a refusal with %s by %s", async (status, path, init) => {
    const answer = await ask(`${mayfly.service.publicUrl}${path}`, init);
    expect(String(answer.status)).toBe(status);
    expectDescribed(operationOf(path, "post"), answer);
  });

  it("of a fault of the service", async () => {
    const server = bare(makeRig(() => Promise.reject(new Error("fault"))));
    const failed = await request(server).post("/api/v2/signingCert").set("Authorization", "Bearer a.b.c").send({});
    const { status, text } = failed;
    const headers = failed.headers as Record<string, string>;
    expect(status).toBe(500);
    const answer: Answer = { status, text, headers, body: JSON.parse(text) };
    expectDescribed(operationOf("/api/v2/signingCert", "post"), answer);
  });
});

describe("the check of answers", () => {
  it.each([
    ["a member that nobody described", { status: "SERVING", more: 1 }],
    ["another value", { status: "NOT_SERVING" }],
    ["a missing member", {}],
    ["another type", []],
  ])("finds %s", (_name, value) => {
    expect(violations({ $ref: "#/components/schemas/Health" }, value)).not.toEqual([]);
  });
});
