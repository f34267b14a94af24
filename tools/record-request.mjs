// Records what a client sends to sign: `node tools/record-request.mjs NAME KIND -- COMMAND…` runs the command with MAYFLY (the
// address to sign at), TOKEN (an ID token, also in the file `token`) and, for clients that want one, SIGNING_CONFIG in its
// environment, and writes the first POST it makes to test/vectors/clients/NAME.json. The token in it becomes `{token}`; keys and
// proofs stay, for a proof covers who signs and no time. The client is told 400 and fails: nobody signs anything here.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDevelopmentIssuer } from "../dev/oidc-issuer.ts";

const [name, kind, separator, ...command] = process.argv.slice(2);
if (!/^[a-z0-9.-]+$/u.test(name ?? "") || !["email", "github"].includes(kind) || separator !== "--") {
  console.error("usage: node tools/record-request.mjs NAME email|github -- COMMAND…");
  process.exit(2);
}

/** The request as it came, but for the token and what depends on where it went. */
async function record(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const own = new Set(["host", "content-length", "connection", "accept-encoding"]);
  const headers = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [field, value] = request.rawHeaders.slice(at, at + 2);
    if (!own.has(field.toLowerCase())) headers.push([field, value.replaceAll(token, "{token}")]);
  }
  const body = Buffer.concat(chunks).toString("utf8").replaceAll(token, "{token}");
  return { method: request.method, path: request.url, headers, body };
}

const issuer = await startDevelopmentIssuer();
const token = await issuer.mintToken(kind);
const folder = mkdtempSync(join(tmpdir(), "mayfly-record-"));
const server = createServer((request, response) => {
  void record(request).then((recorded) => {
    first ??= recorded;
    response.writeHead(400, { "Content-Type": "application/json", Connection: "close" });
    response.end('{"code":3,"message":"recorded","details":[]}');
  });
});
let first;
server.listen(0, "127.0.0.1");
await once(server, "listening");
const MAYFLY = `http://127.0.0.1:${server.address().port}`;
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
  }),
);
writeFileSync(join(folder, "token"), token);
writeFileSync(join(folder, "artifact"), "an artifact\n");
const environment = { ...process.env, MAYFLY, TOKEN: token, SIGNING_CONFIG, ISSUER: issuer.url, HOME: folder };
const client = spawn(command[0], command.slice(1), { cwd: folder, env: environment, stdio: ["ignore", 2, 2] });
await once(client, "exit");
server.close();
server.closeAllConnections();
await issuer.close();
rmSync(folder, { recursive: true, force: true });
if (first === undefined) {
  console.error("the client made no request");
  process.exit(1);
}
const vector = {
  name,
  source: "recorded: node tools/record-request.mjs",
  specification: `dev.sigstore.fulcio.${first.path.includes("/v1/") ? "v1beta" : "v2"}.CreateSigningCertificateRequest, ProtoJSON`,
  kind,
  ...first,
};
writeFileSync(`test/vectors/clients/${name}.json`, `${JSON.stringify(vector, null, 2)}\n`);
console.log(`${first.method} ${first.path}, ${first.body.length} characters`);
