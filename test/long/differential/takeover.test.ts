import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { signFile } from "../../../dev/sign-file.ts";
import type { SignedFile } from "../../../dev/sign-file.ts";
import { verifyBundleUnder } from "../../../dev/verify-bundle.ts";
import { makeKeyObjectSigner } from "../../../src/adapters/signers/key-object-signer.ts";
import { generatePrivateKey } from "../../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../../src/compose/make-ca.ts";
import { ask } from "../../support/ask.ts";
import { pemOf } from "../../support/caller-keys.ts";
import { certificateParts } from "../../support/differential/certificate.ts";
import { compareCertificates } from "../../support/differential/compare.ts";
import { FULCIO } from "../../support/differential/fulcio-program.ts";
import { startFulcio } from "../../support/differential/real-fulcio.ts";
import type { RunningFulcio } from "../../support/differential/real-fulcio.ts";
import { send } from "../../support/differential/send.ts";
import { sendGrpc } from "../../support/differential/send-grpc.ts";
import { signingCall } from "../../support/differential/signing-call.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { CTFE } from "../../support/foreign-log/trillian-log.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { startHttpsIssuer } from "../../support/https-issuer.ts";
import type { HttpsIssuer } from "../../support/https-issuer.ts";
import { itWhen } from "../../support/it-when.ts";
import { startMayflyProcess } from "../../support/mayfly-process.ts";
import type { MayflyProcess } from "../../support/mayfly-process.ts";
import { keys } from "../../support/refused-proofs.ts";
import { CALLER, proofBy } from "../../support/signing-body.ts";

const isGoThere = goVersion() !== undefined;
const [itWithGo, skipped] = itWhen(isGoThere, "no Go to build Fulcio");

const ROOT = join(import.meta.dirname, "..", "..", "..");
const KEY = keys["ecdsa-p256"];

const folder = mkdtempSync(join(tmpdir(), "mayfly-takeover-"));
const at = (...names: readonly string[]): string => join(folder, ...names);

/** What a service says of itself, and gives for one token and key. */
interface Seen {
  readonly trustBundle: unknown;
  readonly rootCert: string;
  readonly configuration: unknown;
  /** By gRPC, at the same address. */
  readonly trustBundleMessage: Buffer | undefined;
  readonly leaf: string | undefined;
  readonly signed: SignedFile;
}

let issuer: HttpsIssuer;
let fulcio: RunningFulcio;
let mayfly: MayflyProcess | undefined;
let token: string;
let before: Seen;

beforeAll(async () => {
  if (!isGoThere) return;
  for (const tool of [CTFE, FULCIO]) buildGoTool(tool);
  issuer = await startHttpsIssuer(folder);
  token = await issuer.mintToken(CALLER);
  writeFileSync(at("artifact"), "an artifact\n");
  const issuingKey = generatePrivateKey("ecdsa-p256-sha256");
  const chain = await makeCaChain({
    organization: "Mayfly tests",
    root: makeKeyObjectSigner(generatePrivateKey("ecdsa-p384-sha384")),
    issuing: makeKeyObjectSigner(issuingKey),
    nowMs: Date.now(),
  });
  fulcio = await startFulcio({ folder, chain, issuingKey, issuers: issuerFile() });
  before = await look(fulcio.url, fulcio.grpcTarget);
  await fulcio.close();
});

afterAll(async () => {
  mayfly?.signal("SIGTERM");
  await mayfly?.exited;
  if (isGoThere) await issuer.close();
  rmSync(folder, { recursive: true });
});

const issuerFile = (): string =>
  `oidc-issuers:\n  ${issuer.url}:\n    issuer-url: ${issuer.url}\n    client-id: sigstore\n    type: email\n` +
  `    ca-cert: ${JSON.stringify(issuer.certificate)}\n`;

async function look(url: string, grpcTarget: string): Promise<Seen> {
  const call = signingCall("http-v2", { token, publicKey: pemOf(KEY.publicKey), proof: proofBy(KEY) });
  const method = "/dev.sigstore.fulcio.v2.CA/GetTrustBundle";
  return {
    trustBundle: (await ask(`${url}/api/v2/trustBundle`)).body,
    rootCert: (await ask(`${url}/api/v1/rootCert`)).text,
    configuration: (await ask(`${url}/api/v2/configuration`)).body,
    trustBundleMessage: (await sendGrpc(grpcTarget, { kind: "grpc", method, metadata: [], message: Buffer.alloc(0) }))
      .message,
    leaf: (await send({ url, grpcTarget, legacyGrpcTarget: grpcTarget }, call, issuer.url)).leaf,
    signed: await signFile(at("artifact"), url, () => issuer.mintToken(CALLER)),
  };
}

/** Runs shell commands in the folder, as an operator would; gives what they said on standard error. */
async function run(script: string): Promise<string> {
  const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}`, HOME: folder };
  return (await promisify(execFile)("bash", ["--norc", "-euc", script], { cwd: folder, env })).stderr;
}

/** What a test's machine has not: the folder of the data, and a network for probes. */
function adaptToThisMachine(): void {
  const text = readFileSync(at("mayfly.yaml"), "utf8");
  const adapted = text
    .replace("dataDirectory: /var/lib/mayfly", "dataDirectory: data")
    .replace(/(?<=^operations:[^]*?listen: )"0\.0\.0\.0:/mu, '"127.0.0.1:')
    .replace("\nlog:\n", "\nlog:\n  store: { kind: sqlite, allowAnyFilesystem: true }\n");
  expect(adapted.split("\n").filter((line) => !text.split("\n").includes(line))).toHaveLength(3);
  writeFileSync(at("mayfly.yaml"), adapted);
}

const shellWord = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

describe("a Mayfly in the place of a Fulcio that ran", () => {
  itWithGo(`is configured by Fulcio's own flags, and by the commands that the report names${skipped}`, async () => {
    const program = `#!/bin/sh\nexec ${process.execPath} ${join(ROOT, "src", "bin.ts")} "$@"\n`;
    writeFileSync(at("mayfly"), program, { mode: 0o755 });
    const flags = fulcio.flags.map(shellWord).join(" ");
    const report = await run(
      `mayfly config from-fulcio --public-url https://ca.example.com --out mayfly.yaml -- serve ${flags}`,
    );
    expect(report).not.toContain("must be decided:");
    adaptToThisMachine();
    const password = fulcio.flags[fulcio.flags.indexOf("--fileca-key-passwd") + 1] ?? "";
    writeFileSync(at("fulcio-password"), password, { mode: 0o600 });
    const next = report.slice(report.indexOf("\nnext, in the folder")).split("\n").slice(2, -1);
    expect(next).toHaveLength(6);
    await run(next.join("\n"));
    await run("mayfly trust trusted-root --config mayfly.yaml --out trusted_root.json");
  });

  itWithGo(`says the same of itself at the same addresses${skipped}`, async () => {
    mayfly = startMayflyProcess({ configFile: at("mayfly.yaml") });
    await mayfly.line("ready");
    const after = await look(fulcio.url, fulcio.grpcTarget);
    for (const name of ["trustBundle", "rootCert", "configuration", "trustBundleMessage"] as const) {
      expect({ [name]: after[name] }).toEqual({ [name]: before[name] });
      expect(after[name]).not.toBeFalsy();
    }
    const certificates = { fulcio: certificateParts(before.leaf ?? ""), mayfly: certificateParts(after.leaf ?? "") };
    expect(compareCertificates(certificates).problems).toEqual([]);
    const root = TrustedRoot.fromJSON(JSON.parse(readFileSync(at("trusted_root.json"), "utf8")));
    for (const { signed } of [before, after]) verifyBundleUnder(root, signed, CALLER);
    recordEvidence(
      "a Mayfly that `config from-fulcio` made of the flags of a running Fulcio answers at its addresses with the same trust " +
        "bundle, configuration and certificates; its trusted root verifies what both signed",
    );
  });

  itWithGo(`has a trusted root in which each log is needed${skipped}`, async () => {
    const after = await signFile(at("artifact"), fulcio.url, () => issuer.mintToken(CALLER));
    const root = TrustedRoot.fromJSON(JSON.parse(readFileSync(at("trusted_root.json"), "utf8")));
    expect(root.ctlogs).toHaveLength(2);
    const logOf = (signed: SignedFile): boolean[] =>
      root.ctlogs.map((log) => {
        try {
          verifyBundleUnder({ ...root, ctlogs: [log] }, signed, CALLER);
          return true;
        } catch {
          return false;
        }
      });
    expect([logOf(before.signed), logOf(after)]).toContainEqual([true, false]);
    expect([logOf(before.signed), logOf(after)]).toContainEqual([false, true]);
  });
});
