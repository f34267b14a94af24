import { pemOf } from "../../caller-keys.ts";
import { keys } from "../../refused-proofs.ts";
import { proofBy } from "../../signing-body.ts";
import type { HeaderField } from "../call.ts";
import { http, SIGNING } from "../request.ts";
import type { DifferentialRequest, HttpParts } from "../request.ts";
import { jsonV1, jsonV2 } from "../signing-call.ts";
import type { TokenSource } from "../token-source.ts";

const p256 = keys["ecdsa-p256"];
const fields = { publicKey: pemOf(p256.publicKey), proof: proofBy(p256) };
const BODY_V2 = JSON.stringify(jsonV2(fields));
const BODY_V1 = JSON.stringify(jsonV1(fields));

const bearer = (source: TokenSource): HeaderField => ["Authorization", `Bearer ${source.token()}`];
const JSON_TYPE: HeaderField = ["Content-Type", "application/json"];

/** A good signing call but for these parts. */
const call = (
  name: string,
  parts: (source: TokenSource) => HttpParts,
  rows: readonly string[] = [],
): DifferentialRequest =>
  http(name, (source) => ({ headers: [JSON_TYPE, bearer(source)], body: BODY_V2, ...parts(source) }), rows);

/** A good signing call with one more header field. */
const field = (name: string, extra: HeaderField, rows: readonly string[] = []): DifferentialRequest =>
  call(name, (source) => ({ headers: [JSON_TYPE, bearer(source), extra] }), rows);

const contentType = (type: string, rows: readonly string[] = []): DifferentialRequest =>
  call(`Content-Type ${type}`, (source) => ({ headers: [["Content-Type", type], bearer(source)] }), rows);

/** How the token may stand in the header. */
const authorization = (
  name: string,
  value: (token: string) => string,
  rows: readonly string[] = [],
): DifferentialRequest =>
  call(
    `Authorization: ${name}`,
    (source) => ({ headers: [JSON_TYPE, ["Authorization", value(source.token())]] }),
    rows,
  );

const get = (path: string, rows: readonly string[] = [], headers: readonly HeaderField[] = []): DifferentialRequest =>
  http(
    `GET ${path}${headers.length === 0 ? "" : ` with ${headers.map(([name]) => name).join(", ")}`}`,
    { method: "GET", path, headers },
    rows,
  );

const method = (name: string, path: string, rows: readonly string[], body?: string): DifferentialRequest =>
  http(`${name} ${path}`, { method: name, path, headers: [], ...(body === undefined ? {} : { body }) }, rows);

const SCHEME = ["scheme of Authorization"];

/** Header fields of a signing call. */
export const HEADER_FIELDS: readonly DifferentialRequest[] = [
  call("no Content-Type", (source) => ({ headers: [bearer(source)] })),
  contentType("application/json; charset=utf-8"),
  contentType("application/json;charset=UTF-8"),
  contentType("APPLICATION/JSON"),
  contentType("text/plain", ["Content-Type"]),
  contentType("application/x-www-form-urlencoded", ["Content-Type"]),
  contentType("application/grpc", ["Content-Type"]),
  contentType("nonsense", ["Content-Type"]),
  contentType("application/json; charset=utf-16", ["charset"]),
  field("Accept: application/pem-certificate-chain", ["Accept", "application/pem-certificate-chain"]),
  field("Accept: text/html", ["Accept", "text/html"]),
  field("Accept-Encoding: gzip", ["Accept-Encoding", "gzip"]),
  field("Content-Encoding: identity", ["Content-Encoding", "identity"]),
  field("Content-Encoding: gzip", ["Content-Encoding", "gzip"], ["Content-Encoding"]),
  field("Origin", ["Origin", "https://example.com"]),
  field("User-Agent", ["User-Agent", "client/1"]),
  field("a cookie", ["Cookie", "a=b"]),
  field("Expect: 100-continue", ["Expect", "100-continue"]),
  field("Expect: something", ["Expect", "something"], ["`Expect`"]),
  field("X-Request-Id", ["X-Request-Id", "abc"]),
  field("Grpc-Timeout: 10S", ["Grpc-Timeout", "10S"]),
  field(
    "Grpc-Timeout: nonsense",
    ["Grpc-Timeout", "nonsense"],
    ["`Grpc-Metadata-*`, `Grpc-Timeout`, `X-HTTP-Method-Override`"],
  ),
  field(
    "Grpc-Metadata-Oidcidentitytoken",
    ["Grpc-Metadata-Oidcidentitytoken", "a.b.c"],
    ["`Grpc-Metadata-*`, `Grpc-Timeout`, `X-HTTP-Method-Override`"],
  ),
  field("X-HTTP-Method-Override: GET", ["X-HTTP-Method-Override", "GET"]),
  field("TE: trailers", ["TE", "trailers"]),
  authorization("bearer in small letters", (token) => `bearer ${token}`, SCHEME),
  authorization("BEARER", (token) => `BEARER ${token}`, SCHEME),
  authorization("no scheme", (token) => token, SCHEME),
  authorization("Basic", (token) => `Basic ${token}`),
  authorization("two spaces", (token) => `Bearer  ${token}`, SCHEME),
  authorization("a tab", (token) => `Bearer\t${token}`, ["token with bytes that cannot be printed"]),
  authorization("the scheme alone", () => "Bearer"),
  authorization("the scheme and a space", () => "Bearer "),
  authorization("the scheme twice", (token) => `Bearer Bearer ${token}`),
  authorization("a scheme in front", (token) => `x Bearer ${token}`),
  authorization("the scheme behind the token", (token) => `${token}Bearer `),
  authorization("a parameter behind the token", (token) => `Bearer ${token}, realm="x"`),
  authorization("nothing", () => ""),
  authorization("letters beyond ASCII", (token) => `Bearer ${token}é`, ["token with bytes that cannot be printed"]),
  call("no Authorization", () => ({ headers: [JSON_TYPE] })),
  call(
    "two Authorization fields, the first one good",
    (source) => ({ headers: [JSON_TYPE, bearer(source), ["Authorization", "Bearer a.b.c"]] }),
    ["two Authorization fields"],
  ),
  call("two Authorization fields, the second one good", (source) => ({
    headers: [JSON_TYPE, ["Authorization", "Bearer a.b.c"], bearer(source)],
  })),
  call("the token in the query", (source) => ({
    path: `${SIGNING}?access_token=${source.token()}`,
    headers: [JSON_TYPE],
  })),
  call("a query", (source) => ({ path: `${SIGNING}?x=y`, headers: [JSON_TYPE, bearer(source)] })),
  call("a chunked body", (source) => ({ headers: [JSON_TYPE, bearer(source), ["Transfer-Encoding", "chunked"]] })),
  call(
    "a length beside chunks",
    (source) => ({ headers: [JSON_TYPE, bearer(source), ["Transfer-Encoding", "chunked"], ["Content-Length", "5"]] }),
    ["request target and header"],
  ),
  call("a body of 100 KiB", () => ({ body: BODY_V2 + " ".repeat(100_000) })),
  expected("a body of 200 KiB", BODY_V2 + " ".repeat(200_000)),
  expected("a body of 5 MiB", " ".repeat(5 << 20) + BODY_V2),
];

/** A body that is larger than it may be, sent once the server asks for it. */
function expected(name: string, body: string): DifferentialRequest {
  const headers = (source: TokenSource): HeaderField[] => [JSON_TYPE, bearer(source), ["Expect", "100-continue"]];
  return call(name, (source) => ({ headers: headers(source), body }), ["body size"]);
}

const POSTED_FORM: readonly HeaderField[] = [["Content-Type", "application/x-www-form-urlencoded"]];

/** Paths and methods. */
export const ROUTES: readonly DifferentialRequest[] = [
  get("/"),
  get("/api"),
  get("/api/v2"),
  get("/api/v2/"),
  get("/api/v3/trustBundle"),
  get("/api/v2/trustBundle/"),
  get("/api/v2/trustbundle"),
  get("/api/v2/trustBundle/x"),
  get("/API/v2/trustBundle"),
  get("/api/v2/signingCert/"),
  get("//api/v2/trustBundle", ["leading slashes"]),
  get("/api//v2/trustBundle"),
  get("/api/./v2/trustBundle"),
  get("/api/x/../v2/trustBundle"),
  get("/api/v2/%74rustBundle", ["escapes in paths"]),
  get("/api/v2/trustBundle%2f"),
  get("/api/v2/trustBundle%zz", ["escapes in paths"]),
  get("/api/v2/trustBundle;x=y"),
  get("/favicon.ico"),
  get("/metrics"),
  get("/swagger.json"),
  get("/readyz"),
  ...["GET", "PUT", "DELETE", "PATCH"].map((name) => method(name, SIGNING, ["`Allow`"])),
  ...["POST", "PUT", "DELETE", "PATCH"].map((name) => method(name, "/api/v2/trustBundle", ["`Allow`"], "{}")),
  ...["POST", "PUT", "DELETE"].map((name) => method(name, "/api/v2/configuration", ["`Allow`"], "{}")),
  ...["POST", "PUT", "DELETE"].map((name) => method(name, "/healthz", ["`Allow`"], "{}")),
  ...[SIGNING, "/api/v2/trustBundle", "/api/v2/configuration", "/healthz"].map((path) =>
    method("HEAD", path, ["`Allow`"]),
  ),
  ...[SIGNING, "/api/v2/trustBundle", "/nothing"].map((path) =>
    method("OPTIONS", path, path === "/nothing" ? [] : ["`Allow`"]),
  ),
  method("HEAD", "/nothing", []),
  method("POST", "/nothing", [], "{}"),
  method("PROPFIND", "/api/v2/trustBundle", ["`Allow`"]),
  http("a form posted to trustBundle", { path: "/api/v2/trustBundle", headers: POSTED_FORM, body: "" }, [
    "form POST to a GET path",
  ]),
  http("a form posted to configuration", { path: "/api/v2/configuration", headers: POSTED_FORM, body: "a=b" }, [
    "form POST to a GET path",
  ]),
  http("a preflight", preflight("POST", "content-type")),
  http("a preflight for authorization", preflight("POST", "authorization,content-type"), ["CORS"]),
  http("a preflight for DELETE", preflight("DELETE", "content-type"), ["CORS"]),
];

/** What is read without a token. */
export const READS: readonly DifferentialRequest[] = [
  get("/api/v2/trustBundle"),
  get("/api/v2/trustBundle?x=y"),
  get("/api/v2/trustBundle", [], [["Accept", "application/pem-certificate-chain"]]),
  get("/api/v2/trustBundle", [], [["Authorization", "Bearer a.b.c"]]),
  get("/api/v2/trustBundle", [], [["Origin", "https://example.com"]]),
  get("/api/v2/configuration"),
  get("/healthz"),
  get("/healthz?service=nonsense"),
];

/** The same of version 1. */
export const VERSION_ONE: readonly DifferentialRequest[] = [
  get("/api/v1/rootCert"),
  get("/api/v1/rootCert?x=y"),
  get("/api/v1/rootCert/"),
  get("/api/v1/trustBundle"),
  get("/api/v1/signingCert/"),
  get("/api/v1/rootCert", [], [["Accept", "application/json"]]),
  ...["POST", "PUT", "DELETE", "HEAD", "OPTIONS"].map((name) => method(name, "/api/v1/rootCert", ["`Allow`"])),
  ...["GET", "PUT", "DELETE", "HEAD", "OPTIONS"].map((name) => method(name, "/api/v1/signingCert", ["`Allow`"])),
  v1("a good body", BODY_V1),
  v1("the names of version 2", BODY_V2),
  v1("names with underscores", JSON.stringify({ public_key: { content: "AQID" }, signed_email_address: "AQID" })),
  v1(
    "a key in the URL-safe alphabet",
    JSON.stringify({ ...jsonV1(fields), publicKey: { content: fields.publicKey.toString("base64url") } }),
  ),
  v1(
    "a key that is PEM in place of base64",
    JSON.stringify({ ...jsonV1(fields), publicKey: { content: fields.publicKey.toString() } }),
    ["text of a malformed request"],
  ),
  v1(
    "an algorithm that is a number",
    JSON.stringify({ ...jsonV1(fields), publicKey: { algorithm: 2, content: fields.publicKey.toString("base64") } }),
    ["text of a malformed request"],
  ),
  v1("a key that is null", JSON.stringify({ publicKey: null, signedEmailAddress: "AQID" })),
  v1("a key without content", JSON.stringify({ publicKey: {}, signedEmailAddress: "AQID" })),
  v1(
    "an empty certification request and a good key",
    JSON.stringify({ ...jsonV1(fields), certificateSigningRequest: "" }),
  ),
  v1("a token in the body", JSON.stringify({ ...jsonV1(fields), credentials: { oidcIdentityToken: "a.b.c" } })),
  v1("an empty body", "", ["empty body"]),
  v1("{}", "{}"),
  v1("half a body", BODY_V1.slice(0, -5), ["text of a malformed request"]),
];

function v1(name: string, body: string, rows: readonly string[] = []): DifferentialRequest {
  const made = http(
    name,
    (source) => ({ path: "/api/v1/signingCert", headers: [JSON_TYPE, bearer(source)], body }),
    rows,
  );
  return { ...made, entrances: ["http-v1"] };
}

function preflight(wanted: string, fieldsWanted: string): HttpParts {
  const headers: readonly HeaderField[] = [
    ["Origin", "https://example.com"],
    ["Access-Control-Request-Method", wanted],
    ["Access-Control-Request-Headers", fieldsWanted],
  ];
  return { method: "OPTIONS", headers };
}
