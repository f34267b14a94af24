import { hash, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { Validator as JsonSchema } from "@cfworker/json-schema";
import type { Schema } from "@cfworker/json-schema";
import { Validator as OpenApiSchema } from "@seriousme/openapi-schema-validator";
import Router from "router";
import { MayflyError } from "../../src/core/errors.ts";
import type { PublishedLog } from "../../src/http/routes/log-read.ts";
import { ask, askForCertificate } from "../support/ask.ts";
import type { Answer } from "../support/ask.ts";
import { GOLDEN_REQUESTS, withToken } from "../support/golden-requests.ts";
import { ANCHORS, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { bare, makeRig } from "./public-app.ts";
import request from "supertest";

interface Content {
  readonly [mediaType: string]: { readonly schema: Schema };
}
interface Response {
  readonly $ref?: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Absent where the answer has no body. */
  readonly content?: Content;
}
interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}
const METHODS = ["get", "head", "post"] as const;
type Method = (typeof METHODS)[number];
interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly example?: string;
}
type PathItem = Readonly<Partial<Record<Method, Operation>>> & { readonly parameters?: readonly Parameter[] };
interface OpenApi {
  readonly paths: Readonly<Record<string, PathItem>>;
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

function operationOf(path: string, method: Method): Operation {
  const operation = document.paths[path]?.[method];
  if (operation === undefined) throw new Error(`${method} ${path} is not described`);
  return operation;
}

/** What is said of an answer's status. */
function responseOf({ responses }: Operation, { status }: Answer): Response {
  const named = responses[String(status)] ?? responses["default"]!;
  return named.$ref === undefined ? named : document.components.responses[named.$ref.split("/").at(-1)!]!;
}

/** Holds an answer to have no header field of its own that is not described. */
function expectHeaderDescribed(response: Response, { headers }: Answer): void {
  const described = new Set(Object.keys(response.headers).map((name) => name.toLowerCase()));
  for (const name of ["x-request-id", "retry-after", "allow", "etag"]) {
    if (headers[name] !== undefined) expect([name, described.has(name)]).toEqual([name, true]);
  }
}

/** Holds an answer to what is said of its status: media type, body, header fields. */
function expectDescribed(operation: Operation, answer: Answer): void {
  const response = responseOf(operation, answer);
  const { content = {} } = response;
  const [mediaType = ""] = (answer.headers["content-type"] ?? "").split(";");
  expect([answer.status, Object.keys(content)]).toEqual([answer.status, [mediaType]]);
  const body = mediaType === "application/json" ? answer.body : answer.text;
  expect(violations(content[mediaType]!.schema, body)).toEqual([]);
  expectHeaderDescribed(response, answer);
}

/** The request target of a read of something that is there. */
async function targetOf(path: string): Promise<string> {
  const inLog = async (rest: string): Promise<Readonly<Record<string, string>>> =>
    (await get(`/test-log/ct/v1/${rest}`)).body as Readonly<Record<string, string>>;
  const size = (await inLog("get-sth"))["tree_size"];
  const { leaf_input: input = "" } = await inLog(`get-entry-and-proof?leaf_index=0&tree_size=${String(size)}`);
  // RFC 6962 §2.1.
  const leafHash = hash("sha256", Buffer.concat([Uint8Array.of(0), Buffer.from(input, "base64")]), "buffer");
  const [issuing] = ANCHORS.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/u);
  const values: Readonly<Record<string, string>> = {
    log: "test-log",
    level: "data",
    index: `000.p/${String(size)}`,
    sha256: hash("sha256", new X509Certificate(issuing!).raw),
    ...{ first: "0", second: "1", hash: leafHash.toString("base64") },
    ...{ tree_size: String(size), start: "0", end: "0", leaf_index: "0" },
  };
  const query = (document.paths[path]?.parameters ?? []).filter((parameter) => parameter.in === "query");
  const pairs = query.map(({ name }) => `${name}=${encodeURIComponent(values[name]!)}`);
  return (
    path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => values[name]!) + (pairs.length > 0 ? "?" : "") + pairs.join("&")
  );
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

  it("leaves out what a service does not offer", async () => {
    const answer = await request(bare(makeRig())).get("/openapi.json");
    const { paths } = JSON.parse(answer.text) as OpenApi;
    expect(Object.keys(paths).filter((path) => !/^\/(?:api\/|healthz|openapi\.json)/u.test(path))).toEqual([]);
    expect(Object.keys(paths)).toHaveLength(7);
  });

  it("names each operation once", () => {
    const ids = Object.values(document.paths).flatMap((path) =>
      METHODS.flatMap((method) => path[method]?.operationId ?? []),
    );
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });
});

describe("the routes of the server and the paths of the document", () => {
  const notRead = (): never => {
    throw new TypeError("is not read here");
  };
  const LOG: PublishedLog = {
    pathPrefix: "/log",
    roots: [],
    view: {
      staticCt: {
        ...{ checkpoint: notRead, cosignedCheckpoint: notRead, hashTile: notRead, dataTile: notRead, issuer: notRead },
      },
      rfc6962: {
        ...{ treeHead: notRead, consistency: notRead, proofByHash: notRead },
        ...{ entries: notRead, entryAndProof: notRead, roots: notRead },
      },
      logV3Json: notRead,
    },
  };
  const logs = [LOG];

  it("are the same, with the same methods", async () => {
    const mount = jest.spyOn(Router.prototype, "route");
    const server = bare(makeRig(undefined, { logs: () => logs, trustFiles: notRead }));
    const { paths } = JSON.parse((await request(server).get("/openapi.json")).text) as OpenApi;
    const targets: string[] = [];
    for (const [path, { parameters = [], ...operations }] of Object.entries(paths)) {
      const example = (name: string): string => parameters.find((each) => each.name === name)?.example ?? "?";
      const target = path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => example(name));
      // No path has this method, so each says which it has.
      const { status, headers } = await request(server).delete(target);
      const methods = Object.keys(operations).map((method) => method.toUpperCase());
      expect([path, status, headers["allow"]]).toEqual([path, 501, methods.join(", ")]);
      targets.push(target);
    }
    const places = mount.mock.calls.map(([place]) => place as RegExp | string);
    mount.mockRestore();
    const leadsTo = (place: RegExp | string, target: string): boolean =>
      typeof place === "string" ? place === target : place.test(target);
    expect(places.filter((place) => !targets.some((target) => leadsTo(place, target)))).toEqual([]);
    expect(places).toHaveLength(targets.length);
  });
});

describe("what is described is what is answered", () => {
  beforeAll(async () => {
    const answer = await askForCertificate(mayfly.service.publicUrl, await mayfly.issuer.mintToken("email"));
    expect(answer.status).toBe(200);
  });

  it("of every read, by GET and by HEAD, and of whoever has it already", async () => {
    const unanswered: string[] = [];
    for (const [path, item] of Object.entries(document.paths).filter(([, { get }]) => get !== undefined)) {
      const target = `${mayfly.service.publicUrl}${await targetOf(path)}`;
      const answer = await ask(target);
      expectDescribed(operationOf(path, "get"), answer);
      if (answer.status !== 200) unanswered.push(path);
      const { etag = "" } = answer.headers;
      // What readers may keep is answered to HEAD too, and not again to who has it. A checkpoint may be newer by then.
      expect([path, etag !== ""]).toEqual([path, item.head !== undefined && answer.status === 200]);
      if (etag === "") continue;
      const head = await ask(target, { method: "HEAD" });
      expect([head.status, head.text, (head.headers["etag"] ?? "").length]).toEqual([200, "", etag.length]);
      expectHeaderDescribed(responseOf(operationOf(path, "head"), head), head);
      for (const method of ["get", "head"] as const) {
        const again = await ask(target, { method: method.toUpperCase(), headers: { "if-none-match": "*" } });
        expect([again.status, again.text]).toEqual([304, ""]);
        expectHeaderDescribed(responseOf(operationOf(path, method), again), again);
      }
    }
    // No witness has cosigned anything here.
    expect(unanswered).toEqual(["/{log}/checkpoint.cosigned"]);
  });

  it.each([
    ["400", "/{log}/ct/v1/get-entries", "?start=1"],
    ["400", "/{log}/ct/v1/get-entries", "?start=1000000&end=1000000"],
    ["404", "/{log}/tile/{level}/{index}", "/001"],
  ])("of a read of the log that is refused with %s by %s%s", async (status, path, rest) => {
    const target = path.replace("{log}", "test-log").replace("/{level}/{index}", "/0") + rest;
    const answer = await get(target);
    expect(String(answer.status)).toBe(status);
    expectDescribed(operationOf(path, "get"), answer);
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

  it.each([
    ["a fault of the service", 500, new Error("fault")],
    ["too many calls of one subject", 429, new MayflyError("RATE_LIMITED_SUBJECT", "too many")],
    ["a log that is busy", 503, new MayflyError("LOG_BUSY", "busy")],
    ["header fields that are too large", 431, new MayflyError("HEADERS_TOO_LARGE", "too large")],
  ])("of %s, with %i", async (_name, expected, error) => {
    for (const path of ["/api/v1/signingCert", "/api/v2/signingCert"]) {
      const server = bare(makeRig(() => Promise.reject(error)));
      const sent = path.includes("/v1/") ? { publicKey: { content: "MAA=" } } : {};
      const { status, text, headers } = await request(server)
        .post(path)
        .set("Authorization", "Bearer a.b.c")
        .send(sent);
      expect(status).toBe(expected);
      const answer: Answer = { status, text, headers, body: JSON.parse(text) };
      expectDescribed(operationOf(path, "post"), answer);
      expect(answer.headers["retry-after"] !== undefined).toBe(status === 429 || status === 503);
    }
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
