// Records what a client sends to sign: `node tools/record-request.mjs [--grpc] NAME KIND -- COMMAND…` runs the command with MAYFLY
// (the address to sign at), TOKEN (an ID token, also in the file `token`), CHALLENGE (what a proof must sign) and, for clients that
// want one, SIGNING_CONFIG (also the file `signing_config.json`) in its environment, and writes the first request that it makes to
// test/vectors/clients/NAME.json. The token in it becomes `{token}`; keys and proofs stay, for a proof covers who signs and no time.
// The client is refused and fails: nobody signs anything here.
//
// With --grpc it is answered over gRPC and TLS: `tls.pem` is the certificate to trust, and `trusted_root.json` a trusted root for
// clients that read one first. The message is written in its JSON form, after that gave the same octets again.
import { fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDevelopmentIssuer } from "../dev/oidc-issuer.ts";
import { CreateSigningCertificateRequestSchema } from "../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";

const isGrpc = process.argv[2] === "--grpc";
const [name, kind, separator, ...command] = process.argv.slice(isGrpc ? 3 : 2);
if (!/^[a-z0-9.-]+$/u.test(name ?? "") || !["email", "github"].includes(kind) || separator !== "--") {
  console.error("usage: node tools/record-request.mjs [--grpc] NAME email|github -- COMMAND…");
  process.exit(2);
}

const withoutToken = (text) => text.replaceAll(token, "{token}");

async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The request as it came, but for the token and what depends on where it went. */
async function record(request) {
  const own = new Set(["host", "content-length", "connection", "accept-encoding"]);
  const headers = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [field, value] = request.rawHeaders.slice(at, at + 2);
    if (!own.has(field.toLowerCase())) headers.push([field, withoutToken(value)]);
  }
  const body = withoutToken((await readAll(request)).toString("utf8"));
  return { method: request.method, path: request.url, headers, body };
}

/** The message of a call as a gateway would be sent it: its JSON form, and the token's metadata as a header field. */
async function recordCall(stream, metadata) {
  if (metadata[":path"] !== "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate") {
    throw new Error(`a call of ${metadata[":path"]}`);
  }
  // Behind a flag and a length (gRPC over HTTP/2, Length-Prefixed-Message).
  const bytes = (await readAll(stream)).subarray(5);
  const message = fromBinary(CreateSigningCertificateRequestSchema, bytes);
  if (!bytes.equals(toBinary(CreateSigningCertificateRequestSchema, message))) throw new Error("has no JSON form");
  const authorization =
    metadata.authorization === undefined ? [] : [["Authorization", withoutToken(metadata.authorization)]];
  return {
    method: "POST",
    path: "/api/v2/signingCert",
    headers: [...authorization, ["Content-Type", "application/json"]],
    body: withoutToken(toJsonString(CreateSigningCertificateRequestSchema, message)),
  };
}

function makeHttpServer() {
  return createServer((request, response) => {
    void record(request).then((recorded) => {
      first ??= recorded;
      response.writeHead(400, { "Content-Type": "application/json", Connection: "close" });
      response.end('{"code":3,"message":"recorded","details":[]}');
    });
  });
}

function makeGrpcServer() {
  const [keyFile, certificateFile] = [join(folder, "tls.key"), join(folder, "tls.pem")];
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
    ...["-subj", "/CN=recorder", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", keyFile, "-out", certificateFile],
  ]);
  const server = createSecureServer({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) });
  server.on("stream", (stream, metadata) => {
    void recordCall(stream, metadata).then((recorded) => {
      first ??= recorded;
      const refusal = { "grpc-status": "3", "grpc-message": "recorded" };
      stream.respond({ ":status": 200, "content-type": "application/grpc", ...refusal }, { endStream: true });
    });
  });
  server.on("session", (session) => sessions.add(session));
  return server;
}

const issuer = await startDevelopmentIssuer();
const token = await issuer.mintToken(kind);
const folder = mkdtempSync(join(tmpdir(), "mayfly-record-"));
const sessions = new Set();
let first;
const server = isGrpc ? makeGrpcServer() : makeHttpServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const MAYFLY = `${isGrpc ? "https" : "http"}://127.0.0.1:${server.address().port}`;
const validFor = { start: "2026-01-01T00:00:00Z" };
const at = { majorApiVersion: 1, validFor, operator: "example.test" };
const SIGNING_CONFIG = join(folder, "signing_config.json");
writeFileSync(
  SIGNING_CONFIG,
  JSON.stringify({
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [{ url: MAYFLY, ...at }],
    oidcUrls: [{ url: issuer.url, ...at }],
    tsaUrls: [{ url: `${MAYFLY}/api/v1/timestamp`, ...at }],
    tsaConfig: { selector: "ANY" },
    // sigstore-java starts with nothing less.
    ...(isGrpc && {
      rekorTlogUrls: [{ url: MAYFLY, ...at, majorApiVersion: 2 }],
      rekorTlogConfig: { selector: "ANY" },
    }),
  }),
);
if (isGrpc) {
  const trust = ["trust", "trusted-root", "--config", "config/mayfly.dev.yaml"];
  writeFileSync(join(folder, "trusted_root.json"), execFileSync(process.execPath, ["src/bin.ts", ...trust]));
}
writeFileSync(join(folder, "token"), token);
writeFileSync(join(folder, "artifact"), "an artifact\n");
const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString("utf8"));
const CHALLENGE = claims.email ?? claims.sub;
const environment = {
  ...process.env,
  MAYFLY,
  TOKEN: token,
  CHALLENGE,
  SIGNING_CONFIG,
  ISSUER: claims.iss,
  HOME: folder,
};
const client = spawn(command[0], command.slice(1), { cwd: folder, env: environment, stdio: ["ignore", 2, 2] });
await once(client, "exit");
server.close();
if (isGrpc) for (const session of sessions) session.destroy();
else server.closeAllConnections();
await issuer.close();
rmSync(folder, { recursive: true, force: true });
if (first === undefined) {
  console.error("the client made no request");
  process.exit(1);
}
const vector = {
  name,
  source: `recorded: node tools/record-request.mjs${isGrpc ? " --grpc" : ""}`,
  specification: `dev.sigstore.fulcio.${first.path.includes("/v1/") ? "v1beta" : "v2"}.CreateSigningCertificateRequest, ProtoJSON`,
  kind,
  ...first,
};
writeFileSync(`test/vectors/clients/${name}.json`, `${JSON.stringify(vector, null, 2)}\n`);
console.log(`${first.method} ${first.path}, ${first.body.length} characters`);
