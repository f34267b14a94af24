import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { execFile } from "node:child_process";
import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leafOf, signFile } from "../../dev/sign-file.ts";
import { FULCIO_FLAG_NAMES } from "../../src/config/fulcio-flags.ts";
import { startHttpsIssuer } from "../support/https-issuer.ts";
import type { HttpsIssuer } from "../support/https-issuer.ts";
import { startMayflyProcess } from "../support/mayfly-process.ts";
import { writeMayflyCommand } from "../support/mayfly-command.ts";
import { openssl } from "../support/openssl.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const PAGE = readFileSync(join(ROOT, "docs", "migrate-from-fulcio.md"), "utf8");
const PASSWORD = "the password of the old CA";
const OLD_LOG = "https://ctlog.example.com/2026";

/** Commands of the page that are run, by the names of their blocks. */
const BLOCKS: ReadonlyMap<string, string> = new Map(
  Array.from(PAGE.matchAll(/^```sh (?<name>[a-z]+)\n(?<text>[\s\S]*?)^```$/gmu), ({ groups }) => [
    groups?.["name"] ?? "",
    groups?.["text"] ?? "",
  ]),
);

const folder = mkdtempSync(join(tmpdir(), "mayfly-migrate-"));
const at = (...names: readonly string[]): string => join(folder, ...names);
let issuer: HttpsIssuer;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a block of the page in the folder; its first command that fails ends it. */
function run(name: string): Promise<Outcome> {
  const script = BLOCKS.get(name);
  if (script === undefined) throw new TypeError(`the page has no block ${name}`);
  const env = { PATH: `${at("bin")}:${process.env["PATH"] ?? ""}`, HOME: folder };
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  execFile("bash", ["--norc", "-euc", script], { cwd: folder, env }, (error, stdout, stderr) => {
    resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
  });
  return promise;
}

/** The old installation: a lone root that signs leaves, its key under a password, and a log's key. */
function installFulcio(): void {
  openssl([
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "30"],
    ...["-subj", "/O=Example Ltd/CN=Example Ltd Fulcio", "-passout", `pass:${PASSWORD}`],
    ...["-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    ...["-keyout", at("ca-key.pem"), "-out", at("ca-chain.pem")],
  ]);
  writeFileSync(at("fulcio-password"), `${PASSWORD}\n`, { mode: 0o600 });
  openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at("ctlog.key")]);
  openssl(["pkey", "-in", at("ctlog.key"), "-pubout", "-out", at("ctlog.pub")]);
  const flags = {
    host: "127.0.0.1",
    port: "5555",
    "grpc-host": "127.0.0.1",
    "grpc-port": "5554",
    ca: "fileca",
    "fileca-cert": "ca-chain.pem",
    "fileca-key": "ca-key.pem",
    "fileca-key-passwd": PASSWORD,
    "ct-log-url": OLD_LOG,
    "ct-log-public-key-path": "ctlog.pub",
  };
  writeFileSync(
    at("fulcio.args"),
    `serve\n${Object.entries(flags)
      .map(([name, value]) => `--${name}=${value}\n`)
      .join("")}`,
  );
  const caCert = issuer.certificate.replaceAll(/^/gmu, "      ").trimStart();
  writeFileSync(
    at("issuers.yaml"),
    `oidc-issuers:\n  ${issuer.url}:\n    issuer-url: ${issuer.url}\n    client-id: sigstore\n    type: email\n` +
      `    ca-cert: |\n      ${caCert}\n` +
      "  https://accounts.google.com:\n    issuer-url: https://accounts.google.com\n    client-id: sigstore\n    type: email\n",
  );
}

/** What a test's machine has not: the folder of the data, fixed ports, an operations network. */
function adaptToThisMachine(): void {
  const text = readFileSync(at("mayfly.yaml"), "utf8");
  const adapted = text
    .replace("dataDirectory: /var/lib/mayfly", "dataDirectory: data")
    .replace('listen: "127.0.0.1:5555"', 'listen: "127.0.0.1:0"')
    .replace('listen: "127.0.0.1:5554"', 'listen: "127.0.0.1:0"')
    .replace('listen: "0.0.0.0:2112"', 'listen: "127.0.0.1:0"')
    .replace("\nlog:\n", "\nlog:\n  store: { kind: sqlite, allowAnyFilesystem: true }\n");
  expect(adapted.split("\n").filter((line) => !text.split("\n").includes(line))).toHaveLength(5);
  writeFileSync(at("mayfly.yaml"), adapted);
}

const trustedRoot = (): TrustedRoot => TrustedRoot.fromJSON(JSON.parse(readFileSync(at("trusted_root.json"), "utf8")));
const spkiOf = (pem: string): Buffer => createPublicKey(pem).export({ type: "spki", format: "der" });

beforeAll(async () => {
  writeMayflyCommand(at("bin"));
  issuer = await startHttpsIssuer(folder);
  installFulcio();
});

afterAll(async () => {
  await issuer.close();
  rmSync(folder, { recursive: true });
});

describe("the way from Fulcio to Mayfly", () => {
  it("begins with a configuration, and no password in what is said", async () => {
    const { code, stdout, stderr } = await run("translate");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("https://accounts.google.com (email): left out as asked");
    expect(stderr + readFileSync(at("mayfly.yaml"), "utf8")).not.toContain(PASSWORD);
    adaptToThisMachine();
  });

  it("goes on with the keys, the CA's among them", async () => {
    expect(await run("keys")).toMatchObject({ code: 0, stderr: "" });
    const imported = JSON.parse(readFileSync(at("keys", "issuing.json"), "utf8")) as { publicKey: string };
    expect(imported.publicKey).toBe(spkiOf(readFileSync(at("ca-chain.pem"), "utf8")).toString("base64"));
  });

  it("has a trusted root with the CA and both logs before the switch", async () => {
    const { code, stdout, stderr } = await run("check");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("mayfly.yaml: good (production, 1 issuer)\n");
    const { certificateAuthorities, ctlogs } = trustedRoot();
    expect(certificateAuthorities.map((ca) => ca.certChain?.certificates.map(({ rawBytes }) => rawBytes))).toEqual([
      [new X509Certificate(readFileSync(at("ca-chain.pem"))).raw],
    ]);
    expect(ctlogs.map(({ baseUrl }) => baseUrl).sort()).toEqual(["https://ca.example.com/log", OLD_LOG]);
    const old = ctlogs.find(({ baseUrl }) => baseUrl === OLD_LOG);
    expect(old?.publicKey?.rawBytes).toEqual(spkiOf(readFileSync(at("ctlog.pub"), "utf8")));
    expect(old?.publicKey?.validFor?.end).toBeUndefined();
  });

  it("[FC273] ends with certificates under the root that everybody trusts already", async () => {
    const mayfly = startMayflyProcess({ configFile: at("mayfly.yaml") });
    try {
      const { fields } = await mayfly.line("ready");
      writeFileSync(at("artifact"), "an artifact\n");
      const { bundle } = await signFile(at("artifact"), fields?.["publicUrl"] ?? "", () =>
        issuer.mintToken("me@example.com"),
      );
      const leaf = new X509Certificate(leafOf(bundle));
      writeFileSync(at("leaf.pem"), leaf.toString());
      expect(
        openssl(["verify", "-x509_strict", "-purpose", "any", "-CAfile", at("ca-chain.pem"), at("leaf.pem")]),
      ).toContain("OK");
      expect(leaf.subjectAltName).toBe("email:me@example.com");
      const logs = trustedRoot().ctlogs.map(({ logId }) =>
        Buffer.from(logId?.keyId ?? [])
          .toString("hex")
          .toUpperCase(),
      );
      const sct = openssl(["x509", "-in", at("leaf.pem"), "-noout", "-text"]).replaceAll(/[\s:]/gu, "");
      expect(logs.filter((id) => sct.includes(`LogID${id}`))).toHaveLength(1);
    } finally {
      mayfly.signal("SIGTERM");
      await mayfly.exited;
    }
  });

  it("closes the old log at the time that the page shows", async () => {
    const shown = /^```yaml\notherLogs:\n {2}- (?<entry>.*)\n```$/mu.exec(PAGE)?.groups?.["entry"] ?? "";
    const text = readFileSync(at("mayfly.yaml"), "utf8");
    const closed = text.replace(/^( {4}- )\{ baseUrl: .*$/mu, `$1${shown}`);
    expect(closed).not.toBe(text);
    writeFileSync(at("mayfly.yaml"), closed);
    expect(await run("close")).toMatchObject({ code: 0, stderr: "" });
    const old = trustedRoot().ctlogs.find(({ baseUrl }) => baseUrl === OLD_LOG);
    expect(old?.publicKey?.validFor?.end).toEqual(new Date("2026-11-30T12:00:00Z"));
  });

  it("left Fulcio's key and chain as they were, so that it can go back", () => {
    const key = openssl(["pkey", "-in", at("ca-key.pem"), "-passin", `pass:${PASSWORD}`, "-pubout"]);
    expect(spkiOf(key)).toEqual(spkiOf(readFileSync(at("ca-chain.pem"), "utf8")));
  });
});

describe("the page on the way from Fulcio", () => {
  it("has every block of commands run", () => {
    expect([...BLOCKS.keys()]).toEqual(["translate", "keys", "check", "close"]);
    expect(PAGE.match(/^```sh/gmu)).toHaveLength(BLOCKS.size);
  });

  it("names flags that Fulcio has", () => {
    const ours = new Set(["shared-issuers", "config", "public-url"]);
    const flags = Array.from(PAGE.matchAll(/`--(?<name>[a-z_.-]+)`/gu), ({ groups }) => groups?.["name"] ?? "");
    expect(flags.length).toBeGreaterThan(4);
    const known: ReadonlySet<string> = new Set(FULCIO_FLAG_NAMES);
    expect(flags.filter((flag) => !known.has(flag) && !ours.has(flag))).toEqual([]);
  });
});
