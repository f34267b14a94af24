import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { openFileHighWaterMark } from "../../../src/adapters/high-water-mark/file.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { openFileSigner } from "../../../src/adapters/signers/file.ts";
import { dataPaths } from "../../../src/compose/data-paths.ts";
import { parseIssuerChain } from "../../../src/core/certificate/issuer-chain.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import { openCertificateLog } from "../../../src/ctlog/submit-precertificate.ts";
import { makeTreeHeadCheckpointSigner } from "../../../src/ctlog/tree-head-checkpoint-signer.ts";
import { signCertificate, signPrecertificate } from "../../../src/issuance/sign-certificate.ts";
import type { CertificateLog } from "../../../src/ports/certificate-log.ts";
import type { Signer } from "../../../src/ports/signer.ts";
import { makeEd25519CheckpointSigner } from "../../../src/tlog/ed25519-checkpoint-signer.ts";
import { startSequencer } from "../../../src/tlog/sequencer.ts";
import { ALL_EXTENSIONS, proven, serialNumber, WORKFLOW_URI, type KeyPair } from "../certificate-fixtures.ts";
import { PASSPHRASE } from "../operator-keys.ts";

/** Callers at once: as many as a batch holds. */
const AT_ONCE = 256;

/** The log to be written to: it was made by `mayfly log init`, and nobody has it open. */
export interface LargeLog {
  readonly dataDirectory: string;
  readonly origin: string;
  /** Folder with chain.pem, issuing.json, log.json and checkpoint.json. */
  readonly keys: string;
}

/** What is written. */
export interface LargeLogContent {
  /** How many certificates. */
  readonly count: number;
  /** Key of every certificate. */
  readonly key: KeyPair;
  /** Told of each certificate, in the order in which they were finished. */
  readonly onCertificate: (certificate: Uint8Array, identity: string, logIndex: number) => void;
}

/**
 * Issues certificates into a log on disk along the way of every issuance (template, precertificate, sequencer, SCT,
 * certificate), only without a caller's token and key to be verified. Every fourth is a workflow's, the others persons'.
 */
export async function writeLargeLog(log: LargeLog, content: LargeLogContent): Promise<void> {
  const paths = dataPaths(log);
  const signer = (name: string): Promise<Signer> =>
    openFileSigner({ path: join(log.keys, `${name}.json`), passphrase: PASSPHRASE });
  const [issuing, logSigner, checkpointSigner] = await Promise.all(["issuing", "log", "checkpoint"].map(signer));
  if (issuing === undefined || logSigner === undefined || checkpointSigner === undefined) throw new TypeError("no key");
  const onFatal = (error: Error): never => {
    throw error;
  };
  const store = await openSqliteLogStore({ path: paths.database, onFatal, allowAnyFilesystem: true });
  const mark = openFileHighWaterMark({ path: paths.headMark, onFailure: onFatal as (error: unknown) => void });
  const sequencer = await startSequencer({
    store,
    clock: systemClock,
    origin: log.origin,
    checkpointSigners: [
      makeTreeHeadCheckpointSigner(log.origin, logSigner),
      makeEd25519CheckpointSigner(log.origin, checkpointSigner),
    ],
    onTheWay: () => AT_ONCE,
    onPublish: (checkpoint) => {
      mark.advance(checkpoint);
    },
    onFatal,
  });
  try {
    const certificateLog = await openCertificateLog({ sequencer, store, logSigner });
    await issueAll({ issuing, certificateLog, chainPem: readFileSync(join(log.keys, "chain.pem"), "utf8") }, content);
  } finally {
    await sequencer.close();
    await mark.close();
    await store.close();
  }
}

interface IssuingParts {
  readonly issuing: Signer;
  readonly certificateLog: CertificateLog;
  readonly chainPem: string;
}

async function issueAll(parts: IssuingParts, { count, key, onCertificate }: LargeLogContent): Promise<void> {
  const { issuing, certificateLog, chainPem } = parts;
  const issuer = parseIssuerChain(chainPem, Date.now());
  const provenKey = proven(key, "ecdsa-p256");
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      const notBeforeMs = Math.floor(Date.now() / 1_000) * 1_000;
      const isWorkflow = at % 4 === 0;
      const email = `signer-${String(at)}@example.com`;
      const template = lintTemplate({
        serialNumber: serialNumber(),
        issuer,
        notBeforeMs,
        notAfterMs: notBeforeMs + 600_000,
        key: provenKey,
        subjectAltName: isWorkflow ? WORKFLOW_URI : { kind: "email", value: email },
        extensions: isWorkflow ? ALL_EXTENSIONS : { issuer: "https://accounts.example.com", tokenSubject: String(at) },
      });
      const precertificate = await signPrecertificate(template, issuing);
      const sct = await certificateLog.add(precertificate);
      const certificate = await signCertificate(precertificate, sct, issuing);
      if (sct.leafIndex === undefined) throw new TypeError("an SCT of our log names its entry");
      onCertificate(certificate, isWorkflow ? WORKFLOW_URI.value : email, sct.leafIndex);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
}
