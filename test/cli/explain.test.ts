import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePem } from "../../src/core/encoding/pem.ts";
import { runCli, type CliOutcome } from "../support/run-cli.ts";
import { fromBase64, readVector } from "../support/vectors.ts";

const vector = readVector("valid/sigstore-staging-sct.json") as { certificate: string };
/** Issued by Sigstore's staging CA to a GitHub workflow; not by us. */
const der = fromBase64(vector.certificate);
const pem = `${encodePem("CERTIFICATE", der)}\n`;
const x509 = new X509Certificate(der);

const WORKFLOW =
  "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER = "https://token.actions.githubusercontent.com";
const LOG_ID = "KzC83GiIyeLh2CYpXnQfSDkxlgLynDPLXkNA/rKshno=";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-explain-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(content: string | Uint8Array): string {
  const path = join(folder, "input");
  writeFileSync(path, content);
  return path;
}

const explain = (content: string | Uint8Array, ...args: string[]): Promise<CliOutcome> =>
  runCli(["explain", file(content), ...args]);

const certificate = { rawBytes: vector.certificate };
const bundle = (verificationMaterial: unknown, version = "0.3"): string =>
  JSON.stringify({ mediaType: `application/vnd.dev.sigstore.bundle.v${version}+json`, verificationMaterial });

describe("mayfly explain", () => {
  it("says who signed, by which issuer, when, with what, and how to ask for exactly that", async () => {
    const { code, stdout, stderr } = await explain(pem);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const fingerprint = x509.fingerprint256.replaceAll(":", "").toLowerCase();
    for (const line of [
      "certificate in a PEM; nothing of it is verified here",
      `  identity       ${WORKFLOW} (uri)`,
      `  vouched for by ${ISSUER}`,
      `  valid          ${x509.validFromDate.toISOString()} to ${x509.validToDate.toISOString()}`,
      "  issued by      O=sigstore.dev, CN=sigstore-intermediate",
      `  serial number  ${x509.serialNumber}`,
      `  sha256         ${fingerprint}`,
      "  key            EC prime256v1",
      "  GitHub Workflow SHA: 9739798945b2a848e911bcf1dddb97298cade0b1",
      "  Source Repository Visibility At Signing: public",
      `  gitsign verify --certificate-identity '${WORKFLOW}' --certificate-oidc-issuer '${ISSUER}'`,
    ]) {
      expect(stdout.split("\n")).toContain(line);
    }
    expect(stdout).toContain(`  log            ${LOG_ID}, at 2025-07-25T19:53:04.078Z`);
    expect(stdout).toContain("--certificate-github-workflow-ref 'refs/heads/main'");
  });

  it.each([
    ["DER", "DER", der],
    ["PEM of a chain, of which the first counts", "PEM", `${pem}${pem}`],
    ["a bundle of version 0.3", "Sigstore bundle", bundle({ certificate })],
    [
      "a bundle of version 0.1",
      "Sigstore bundle",
      bundle({ x509CertificateChain: { certificates: [certificate] } }, "0.1"),
    ],
    ["a bundle of cosign's own", "cosign bundle", JSON.stringify({ cert: Buffer.from(pem).toString("base64") })],
  ])("reads %s", async (_, form, content) => {
    const { code, stdout } = await explain(content, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      form,
      serialNumber: x509.serialNumber,
      names: [{ kind: "uri", value: WORKFLOW }],
      scts: [{ logId: LOG_ID, time: "2025-07-25T19:53:04.078Z", logIndex: null, entry: null }],
    });
  });

  it("names the log by a trusted root that knows it", async () => {
    const root = join(folder, "trusted_root.json");
    writeFileSync(
      root,
      JSON.stringify({ ctlogs: [{ baseUrl: "https://ct.example.com/2025/", logId: { keyId: LOG_ID } }] }),
    );
    const { stdout } = await explain(pem, "--trusted-root", root);
    expect(stdout).toContain("  log            https://ct.example.com/2025, at 2025-07-25T19:53:04.078Z");
  });

  it.each([
    ["no JSON", "certificate"],
    ["no list of logs", "{}"],
    ["a log without an id", JSON.stringify({ ctlogs: [{ baseUrl: "https://ct.example.com" }] })],
    ["a log whose id is not base64", JSON.stringify({ ctlogs: [{ baseUrl: "x", logId: { keyId: "?" } }] })],
  ])("refuses a trusted root that is %s", async (_, text) => {
    const root = join(folder, "trusted_root.json");
    writeFileSync(root, text);
    const { code, stdout, stderr } = await explain(pem, "--trusted-root", root);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^mayfly: no trusted root: /u);
  });

  it("prints nothing of a certificate that could move the cursor, turn text round or end a shell's word", async () => {
    const forged = Buffer.from(der);
    // 17 octets for 17 octets; nobody checks the signature here.
    const evil = "\u001b[2J\u202e'; rm -rf/";
    const at = forged.indexOf("workflow_dispatch");
    expect(forged.write(evil, at, "utf8")).toBe(17);
    const { code, stdout } = await explain(forged);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/[^\n\P{Cc}]|\u202e/u);
    expect(stdout).toContain("  GitHub Workflow Trigger: \\u{1b}[2J\\u{202e}'; rm -rf/");
    expect(stdout).toContain("--certificate-github-workflow-trigger '\\u{1b}[2J\\u{202e}'\\''; rm -rf/'");
  });

  it.each([
    ["nothing", ""],
    ["text", "hello"],
    ["PEM of a key", `${encodePem("PUBLIC KEY", x509.publicKey.export({ type: "spki", format: "der" }))}\n`],
    ["PEM that is cut off", pem.slice(0, 200)],
    ["DER that is cut off", der.subarray(0, -1)],
    ["DER with an octet behind it", Buffer.concat([der, Uint8Array.of(0)])],
    ["a certificate's key alone", x509.publicKey.export({ type: "spki", format: "der" })],
    ["JSON that is cut off", bundle({ certificate }).slice(0, -1)],
    ["a bundle with a member twice", bundle({ certificate }).replace("{", '{"mediaType":"",')],
    ["a bundle with a public key", bundle({ publicKey: { hint: "x" } })],
    ["a bundle whose certificate is no base64", bundle({ certificate: { rawBytes: "%" } })],
    ["a bundle with an empty chain", bundle({ x509CertificateChain: { certificates: [] } })],
    ["other JSON", "{}"],
    [
      "a text in it that is not UTF-8",
      Buffer.from(Buffer.from(der).toString("latin1").replace("workflow_d", "\xff"), "latin1"),
    ],
  ])("refuses %s in one line", async (_, content) => {
    const { code, stdout, stderr } = await explain(content);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^mayfly: [^\n]+\n$/u);
  });

  it("refuses a file that is not there, one of more than 16 MiB, and no file at all", async () => {
    expect(await runCli(["explain", join(folder, "none")])).toMatchObject({ code: 1, stdout: "" });
    const large = await explain(Buffer.alloc(16 * 1024 * 1024 + 1, 0x30));
    expect(large.code).toBe(1);
    expect(large.stderr).toContain("larger than 16 MiB");
    expect(await runCli(["explain"])).toMatchObject({ code: 2 });
  });
});
