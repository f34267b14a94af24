// Makes the keys of a development CA and of its log, and a Secret of them, unless there is one. Runs in a Job of the chart,
// with the Node.js of Mayfly's image. The root's key is forgotten.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FILES = ["passphrase", "chain.pem", "issuing.json", "log.json", "checkpoint.json"];

/** A variable of the environment that the chart, or Kubernetes, sets. */
function given(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** Keys and chain in a folder, under a passphrase that nobody has seen. */
function makeKeys(folder) {
  const file = (name) => join(folder, name);
  writeFileSync(file("passphrase"), randomBytes(32).toString("base64"), { mode: 0o600 });
  const mayfly = (...args) => {
    const all = [given("MAYFLY"), ...args, "--passphrase-file", file("passphrase")];
    execFileSync(process.execPath, all, { stdio: ["ignore", "ignore", "inherit"] });
  };
  mayfly("ca", "create", "--directory", folder, "--organization", given("ORGANIZATION"));
  mayfly("key", "create", "--algorithm", "ecdsa-p256", "--out", file("log.json"));
  mayfly("key", "create", "--algorithm", "ed25519", "--out", file("checkpoint.json"));
}

/** What the API server answers to a new Secret: 201, or 409 where there is one of that name. */
async function create(data) {
  const host = given("KUBERNETES_SERVICE_HOST");
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${given("KUBERNETES_SERVICE_PORT")}`;
  const answer = await globalThis.fetch(`${server}/api/v1/namespaces/${given("NAMESPACE")}/secrets`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${readFileSync(join(given("ACCOUNT"), "token"), "utf8").trim()}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: given("SECRET") },
      type: "Opaque",
      immutable: true,
      data,
    }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

const folder = mkdtempSync(join(tmpdir(), "development-ca-"));
try {
  makeKeys(folder);
  const data = Object.fromEntries(FILES.map((name) => [name, readFileSync(join(folder, name)).toString("base64")]));
  const status = await create(data);
  if (status !== 201 && status !== 409) throw new Error(`the API server answers ${status} to a new Secret`);
  console.log(`Secret ${given("SECRET")} ${status === 201 ? "created" : "is there already, and was left as it is"}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
