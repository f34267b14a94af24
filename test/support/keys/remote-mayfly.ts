import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import { leafOf, signFile } from "../../../dev/sign-file.ts";
import { verifyBundle, verifyChain, type TrustAnchors } from "../../../dev/verify-bundle.ts";
import { createMemorySigner } from "../../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../../src/compose/make-ca.ts";
import { openSigner } from "../../../src/compose/open-signer.ts";
import { SIGNER_ROLES } from "../../../src/compose/signer-roles.ts";
import { startService } from "../../../src/compose/start-service.ts";
import { activeAuthority } from "../../../src/config/active-authority.ts";
import { parseConfig } from "../../../src/config/load-config.ts";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { ask, askForCertificate, type Answer } from "../ask.ts";
import { keepOutput } from "../keep-output.ts";
import { keyRequest } from "../signing-body.ts";

/** Signers of a whole Mayfly, as YAML in one line each. */
export interface RemoteSigners {
  readonly ca: string;
  readonly log: string;
  readonly checkpoint: string;
}

/** What a whole Mayfly is made of beside its signers. */
export interface RemoteMayflyOptions {
  /** YAML appended to the configuration. */
  readonly more?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly rootAlgorithm?: SignatureAlgorithm;
}

/** A whole Mayfly whose keys are in key services, and Sigstore's client in front of it. */
export interface RemoteMayfly {
  readonly url: string;
  readonly anchors: TrustAnchors;
  /** Signs a file with Sigstore's client, and holds what comes to what Sigstore's verifier, Node and the anchors say. */
  readonly sign: () => Promise<void>;
  /** Asks for a certificate. */
  readonly request: () => Promise<Answer>;
  readonly metrics: () => Promise<string>;
  /** What `/readyz` says. */
  readonly readiness: () => Promise<{
    readonly ok: boolean;
    readonly checks: readonly Readonly<Record<string, unknown>>[];
  }>;
  /** Entries that are published. */
  readonly treeSize: () => Promise<number>;
  /** Everything that was written to the log; complete once it has stopped. */
  readonly logText: () => string;
  /** Every byte of the data directory as text: database, audit trail, marks. */
  readonly close: () => Promise<void>;
}

/** An answer, kept for the search for secrets. */
function kept(answer: Answer): Answer {
  keepOutput(`${answer.text}\n`);
  return answer;
}

const ORIGIN = "localhost/remote-log";
const CALLER = "dev@example.com";

/**
 * Starts one in this process, on free ports and in a folder of its own. Its root is in memory, its issuing CA's key and both
 * keys of the log are where the signers say.
 */
export async function startRemoteMayfly(
  signers: RemoteSigners,
  options: RemoteMayflyOptions = {},
): Promise<RemoteMayfly> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-remote-"));
  const issuer = await startDevelopmentIssuer();
  const env = options.env ?? {};
  const text = `environment: development
dataDirectory: ${join(folder, "data")}
http: { listen: "127.0.0.1:0" }
operations: { listen: "127.0.0.1:0" }
ca: { chain: chain.pem, signer: ${signers.ca} }
log:
  origin: ${ORIGIN}
  store: { kind: sqlite, allowAnyFilesystem: true }
  signer: ${signers.log}
  checkpointSigner: ${signers.checkpoint}
issuers: [{ url: "${issuer.url}", identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true }]
shutdown: { lameDuckSeconds: 0 }
${options.more ?? ""}
`;
  const config = parseConfig(
    text.includes("limits:") ? text : `${text}limits: { rates: { enabled: false } }\n`,
    join(folder, "m.yaml"),
  );
  const logFile = join(folder, "mayfly.log");
  const opening = { env, development: true, onMismatch: () => undefined };
  try {
    const issuing = await openSigner(activeAuthority(config).signer, SIGNER_ROLES.ca, opening);
    const root = createMemorySigner(options.rootAlgorithm ?? "ecdsa-p384-sha384");
    const chainPem = await makeCaChain({ organization: "Remote", root, issuing, nowMs: Date.now() });
    writeFileSync(join(folder, "chain.pem"), chainPem);
    await issuing.close();
    const logSigner = await openSigner(config.log.shards[0]!.signer!, SIGNER_ROLES.log, opening);
    await logSigner.close();
    const service = await startService(config, { env, destination: logFile });
    const anchors: TrustAnchors = { chainPem, logPublicKey: Buffer.from(logSigner.publicKey) };
    const artifact = join(folder, "artifact");
    writeFileSync(artifact, "what is signed\n");
    const mint = (): Promise<string> => issuer.mintToken("email");
    return {
      url: service.publicUrl,
      anchors,
      sign: async () => {
        const signed = await signFile(artifact, service.publicUrl, mint);
        verifyBundle(signed, anchors, CALLER);
        verifyChain(leafOf(signed.bundle), anchors);
      },
      request: async () => kept(await askForCertificate(service.publicUrl, await mint(), keyRequest())),
      metrics: async () => kept(await ask(`${service.operationsUrl}/metrics`)).text,
      readiness: async () =>
        kept(await ask(`${service.operationsUrl}/readyz`)).body as Awaited<ReturnType<RemoteMayfly["readiness"]>>,
      treeSize: async () => Number((await ask(`${service.publicUrl}/remote-log/checkpoint`)).text.split("\n")[1]),
      logText: () => readFileSync(logFile, "utf8"),
      close: async () => {
        service.shutdown.stop();
        await service.shutdown.stopped;
        await issuer.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await issuer.close();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
