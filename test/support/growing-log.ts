import { makeKeyObjectSigner } from "../../src/adapters/signers/key-object-signer.ts";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { encodeTbs } from "../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../src/core/certificate/lint-template.ts";
import { encodeCtExtensions } from "../../src/core/ct/ct-extensions.ts";
import { encodeEntry } from "../../src/core/ct/static-entry.ts";
import { signPrecertificate } from "../../src/issuance/sign-certificate.ts";
import { submissionKey } from "../../src/ctlog/submission-key.ts";
import { makeTreeHeadCheckpointSigner } from "../../src/ctlog/tree-head-checkpoint-signer.ts";
import type { LogManifest, LogStore, PublishedCheckpoint } from "../../src/ports/log-store.ts";
import type { ExportedRecords } from "../../src/ctlog/export-log.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { buildBatch, type Submission } from "../../src/tlog/build-batch.ts";
import { makeEd25519CheckpointSigner } from "../../src/tlog/ed25519-checkpoint-signer.ts";
import { signCheckpoint } from "../../src/tlog/sign-checkpoint.ts";
import { makeCa, makeTemplate, NOW_MS } from "./certificate-fixtures.ts";
import { sha256 } from "./log-fixtures.ts";

/** Origin of these logs unless they are given another. */
export const GROWING_ORIGIN = "log.test/2026";

const ca = makeCa();
const caSigner = makeKeyObjectSigner(ca.issuingKey.privateKey);

/** The keys of a log, and what it is with them. */
export interface LogKeys {
  readonly manifest: LogManifest;
  readonly signers: { readonly log: Signer; readonly checkpoint: Signer };
}

/** Fresh keys. */
export function makeLogKeys(origin = GROWING_ORIGIN): LogKeys {
  const signers = { log: createMemorySigner("ecdsa-p256-sha256"), checkpoint: createMemorySigner("ed25519") };
  const manifest: LogManifest = {
    formatVersion: 1,
    origin,
    logId: sha256(signers.log.publicKey),
    logPublicKey: signers.log.publicKey,
    checkpointPublicKey: signers.checkpoint.publicKey,
    createdMs: NOW_MS - 1_000,
  };
  return { manifest, signers };
}

/** A precertificate on its way into a log. */
export async function makePrecertificateSubmission(): Promise<Submission> {
  const { der, encoded } = await signPrecertificate(lintTemplate(makeTemplate(ca)), caSigner);
  const { issuer } = encoded.template;
  const signedEntry = {
    kind: "precert_entry",
    issuerKeyHash: issuer.issuerKeyHash,
    tbsCertificate: encodeTbs(encoded, { kind: "none" }),
  } as const;
  return {
    submissionKey: submissionKey(signedEntry),
    issuers: issuer.certificates.map((each) => ({ fingerprint: sha256(each), der: each })),
    encode: (index, timestampMs) =>
      encodeEntry({
        timestampedEntry: { timestampMs, signedEntry, extensions: encodeCtExtensions(index) },
        preCertificate: der,
        certificateChain: issuer.fingerprints,
      }),
  };
}

/** By series: precertificates that were made before, because making them takes longer than what is tested with them. */
const made: Submission[][] = [];

/** The submissions that the logs of a series are made of, those `start` ≤ index < `end`. */
export async function precertificates(start: number, end: number, series = 0): Promise<readonly Submission[]> {
  const known = (made[series] ??= []);
  while (known.length < end) known.push(await makePrecertificateSubmission());
  return known.slice(start, end);
}

/**
 * Puts so many more precertificates into a log and publishes it, without a sequencer; batches are a millisecond apart.
 *
 * @param series logs of one series have the same entries, as far as they go
 */
export async function growLog(
  store: LogStore,
  { manifest, signers }: LogKeys,
  count: number,
  series = 0,
): Promise<PublishedCheckpoint> {
  const { size } = await store.head();
  const submissions = await precertificates(size, size + count, series);
  const head = await store.append((previous) => ({
    ...buildBatch(previous, Math.max(NOW_MS, previous.timestampMs) + 1, submissions),
    issuers: submissions[0]?.issuers ?? [],
  }));
  return publishHead(store, { manifest, signers }, head.timestampMs);
}

/** Signs and publishes a log's committed head. */
export async function publishHead(
  store: LogStore,
  { manifest, signers }: LogKeys,
  timestampMs: number,
): Promise<PublishedCheckpoint> {
  const { origin } = manifest;
  const { size, root } = await store.head();
  const checkpoint = await signCheckpoint({ origin, size, root, timestampMs }, [
    makeTreeHeadCheckpointSigner(origin, signers.log),
    makeEd25519CheckpointSigner(origin, signers.checkpoint),
  ]);
  await store.publish(checkpoint);
  return checkpoint;
}

/** What of a log in any store is exported. */
export async function recordsOf(store: LogStore): Promise<ExportedRecords> {
  const snapshot = await store.snapshot();
  return {
    manifest: await store.manifest(),
    published: snapshot.checkpoint,
    entries: (start, end) => snapshot.entries(start, end),
    tile: (level, index) => snapshot.tile(level, index),
    issuer: (fingerprint) => snapshot.issuer(fingerprint),
  };
}
