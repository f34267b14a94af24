import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bitString,
  contextTag,
  integer,
  oid,
  sequence,
  utcOrGeneralizedTime,
} from "../../src/core/encoding/der-writer.ts";
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

const SMALL_KEYS: Readonly<Record<string, () => KeyObject>> = {
  DSA: () => generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 }).publicKey,
  RSA: () => generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey,
  "RSA-PSS": () => generateKeyPairSync("rsa-pss", { modulusLength: 1024 }).publicKey,
};

/** A certificate without any name, signed by nobody. */
function certificateWith(spki: Uint8Array): Uint8Array {
  const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
  const one = integer(Uint8Array.of(1));
  const validity = sequence(utcOrGeneralizedTime(0), utcOrGeneralizedTime(1_000));
  const version = contextTag(0, integer(Uint8Array.of(2)));
  const tbs = sequence(version, one, algorithm, sequence(), validity, sequence(), spki);
  return sequence(tbs, algorithm, bitString(Uint8Array.of(1)));
}

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

  it("prints no such text as JSON either, and programs read all of it", async () => {
    const forged = Buffer.from(der);
    // A control of eight bits, a mark of direction, a private character and one that is not assigned.
    const evil = "\u009b2J\u202e\u{f0000}\u{e0080}x";
    expect(Buffer.byteLength(evil)).toBe(16);
    forged.write(`${evil}.`, forged.indexOf("workflow_dispatch"), "utf8");
    const { code, stdout } = await explain(forged, "--json");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[ -~]+\n$/u);
    const { fulcio } = JSON.parse(stdout) as { fulcio: { oid: string; value: string }[] };
    expect(fulcio.find(({ oid }) => oid === "1.3.6.1.4.1.57264.1.2")?.value).toBe(`${evil}.`);
  });

  it("prints no commands where the two extensions name two issuers, and both of them", async () => {
    const forged = Buffer.from(der);
    forged.write("https://evil", forged.indexOf(ISSUER), "latin1");
    const other = `https://evil${ISSUER.slice("https://evil".length)}`;
    const { code, stdout } = await explain(forged);
    expect(code).toBe(0);
    const either = `two issuers, of which verifiers may take either: ${ISSUER} and ${other}`;
    expect(stdout).toContain(`\n  vouched for by ${either}\n`);
    expect(stdout).not.toContain("cosign");
  });

  it("names the issuer also where there is no name to verify by", async () => {
    const forged = Buffer.from(der);
    // The URI becomes a registered identifier, which names nobody.
    forged[forged.indexOf(WORKFLOW) - 3] = 0x88;
    const { stdout } = await explain(forged);
    expect(stdout).toMatch(/^ {2}identity {7}tag 136, [0-9a-f]+ \(other\)$/mu);
    expect(stdout).toContain(`\n  vouched for by ${ISSUER}\n`);
    expect(stdout).not.toContain("cosign");
  });

  it("explains a certificate of a key that nobody here can read", async () => {
    const forged = Buffer.from(der);
    forged[forged.indexOf("2a8648ce3d030107", 0, "hex") + 7] = 0x7f;
    const { code, stdout } = await explain(forged);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("\n  key            unknown\n") });
  });

  it.each(Object.entries(SMALL_KEYS))("tells a key of %s from others", async (type, make) => {
    const spki = make().export({ type: "spki", format: "der" });
    const { stdout } = await explain(certificateWith(spki));
    expect(stdout).toContain(`\n  key            ${type} 1024\n`);
    expect(stdout).toContain("\n  issued by      an empty name\n");
  });

  it("refuses an SCT of a time that no calendar has", async () => {
    const forged = Buffer.from(der);
    const at = forged.indexOf(fromBase64(LOG_ID)) + 32;
    forged.writeBigUInt64BE(8_640_000_000_000_000n, at);
    expect((await explain(forged)).stdout).toContain("at +275760-09-13T00:00:00.000Z");
    forged.writeBigUInt64BE(8_640_000_000_000_001n, at);
    const refused = {
      code: 1,
      stdout: "",
      stderr: "mayfly: no certificate that can be read: a time in it is none (CERTIFICATE_UNREADABLE)\n",
    };
    for (const args of [[], ["--json"]]) expect(await explain(forged, ...args)).toEqual(refused);
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
