import { readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { startMayfly } from "./mayfly-process.ts";
import type { MayflyProcess } from "./mayfly-process.ts";
import { startDevelopmentIssuer } from "./oidc-issuer.ts";
import { planQuickstart } from "./quickstart-config.ts";
import type { QuickstartPlan } from "./quickstart-config.ts";
import { leafOf, signFile } from "./sign-file.ts";
import { readCertificate, verifyBundle, verifyChain } from "./verify-bundle.ts";
import type { CertificateSummary, TrustAnchors } from "./verify-bundle.ts";
import { verifyLogProof } from "./verify-log-proof.ts";
import type { LogProof } from "./verify-log-proof.ts";

const HELP = `Usage: npm run quickstart -- [FILE] [--once]

Starts Mayfly and a development OIDC issuer on loopback, signs FILE (default README.md) with the unmodified
@sigstore/sign client, verifies the result, prints what happened, and keeps serving until Ctrl-C.

  --once   leave after the summary: exit code 0 when everything was verified, 1 when anything failed
  --help   show this text
`;

const IDENTITY = "dev@example.com";

/** What one signing showed. */
interface Outcome {
  readonly certificate: CertificateSummary;
  readonly proof: LogProof;
  readonly bundleFile: string;
}

/** What a stop signal does; until there is something to finish it ends this process, which takes the server along. */
let stop = (): void => process.exit(130);
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    stop();
  });
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { once: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const file = positionals[0] ?? join(import.meta.dirname, "..", "README.md");
  const plan = await planQuickstart();
  const issuer = await startDevelopmentIssuer({ port: plan.issuerPort });
  try {
    const logFile = join(plan.dataDirectory, "mayfly.log");
    const mayfly = await startMayfly({ configFile: plan.configFile, logFile, operationsUrl: plan.operationsUrl });
    try {
      const outcome = await signAndVerify(file, plan, () => issuer.mintToken("email", { email: IDENTITY }));
      process.stdout.write(summary(file, outcome, plan));
      if (!values.once) await serveUntilStopped(mayfly, issuer.url);
    } finally {
      await mayfly.stop();
    }
    return 0;
  } finally {
    await issuer.close();
  }
}

async function signAndVerify(file: string, plan: QuickstartPlan, getToken: () => Promise<string>): Promise<Outcome> {
  // Trust comes from files that lie here, never from the server that is to be judged.
  const anchors: TrustAnchors = {
    chainPem: readFileSync(plan.chainFile, "utf8"),
    logPublicKey: readLogPublicKey(plan.logKeyFile),
  };
  const signed = await signFile(file, plan.mayflyUrl, getToken);
  const leaf = leafOf(signed.bundle);
  verifyBundle(signed, anchors, IDENTITY);
  verifyChain(leaf, anchors);
  const url = `${plan.mayflyUrl}${plan.logOrigin.slice(plan.logOrigin.indexOf("/"))}`;
  const proof = await verifyLogProof(leaf, anchors, { url, origin: plan.logOrigin });
  const bundleFile = join(plan.dataDirectory, `${basename(file)}.sigstore.json`);
  writeFileSync(bundleFile, signed.bundleJson);
  return { certificate: readCertificate(leaf), proof, bundleFile };
}

function readLogPublicKey(file: string): Buffer {
  const key: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (typeof key === "object" && key !== null && "publicKey" in key && typeof key.publicKey === "string") {
    return Buffer.from(key.publicKey, "base64");
  }
  throw new TypeError(`${file} names no public key`);
}

function summary(file: string, { certificate, proof, bundleFile }: Outcome, plan: QuickstartPlan): string {
  const here = (path: string): string => relative(process.cwd(), path) || path;
  const log = `${plan.mayflyUrl}${plan.logOrigin.slice(plan.logOrigin.indexOf("/"))}`;
  return `
Signed ${here(file)} and verified it.

  who          ${certificate.subjectAltName}
  certificate  serial ${certificate.serialNumber}
               valid ${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}
  log          entry ${String(proof.logIndex)} of ${String(proof.treeSize)}

  verified     signature, chain, SCT and identity  @sigstore/verify
               chain once more                     node:crypto
               the entry is under the log's signed checkpoint, by an audit path from its tiles
  asserted     the time of signing: without a timestamp authority nothing proves it, so the certificate's
               first second was taken

  bundle       ${here(bundleFile)}
  server log   ${here(join(plan.dataDirectory, "mayfly.log"))}
  look next    curl ${log}/checkpoint
               curl ${plan.mayflyUrl}/api/v2/trustBundle
               curl ${plan.operationsUrl}/metrics
`;
}

async function serveUntilStopped(mayfly: MayflyProcess, issuerUrl: string): Promise<void> {
  process.stdout.write(
    `\nStill serving; a token of one's own: curl '${issuerUrl}/token?email=you@example.com'. Ctrl-C ends.\n`,
  );
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const ended = mayfly.exited.then((code) => {
    throw new Error(`mayfly serve ended by itself with code ${String(code)}`);
  });
  await Promise.race([stopped, ended]);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`quickstart failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
