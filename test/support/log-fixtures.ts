import { createHash } from "node:crypto";
import type { LogManifest, PublishedCheckpoint, StoredIssuer, TreeHead } from "../../src/ports/log-store.ts";
import type { Submission } from "../../src/tlog/build-batch.ts";

/** SHA-256, 32 bytes. */
export const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(bytes).digest());

/** 2026-01-01T00:00:00Z, when the logs of the tests are made. */
export const CREATED_MS = 1_767_225_600_000;

/** What the logs of the tests are; nobody has their keys. */
export const MANIFEST: LogManifest = {
  formatVersion: 1,
  origin: "log.test/2026",
  logId: sha256(Buffer.from("log id")),
  logPublicKey: Buffer.from("log key"),
  checkpointPublicKey: Buffer.from("checkpoint key"),
  createdMs: CREATED_MS,
};

/** A certificate that entries refer to; no parser would take it. */
export function makeIssuer(name: string): StoredIssuer {
  const der = new Uint8Array(Buffer.from(`certificate of ${name}`));
  return { fingerprint: sha256(der), der };
}

/**
 * A submission whose stored bytes are its leaf input: text, index and time, filled up to `length` bytes. Submissions of
 * one text are the same submission.
 */
export function makeSubmission(text: string, { issuers = [] as readonly StoredIssuer[], length = 0 } = {}): Submission {
  return {
    submissionKey: sha256(Buffer.from(text)),
    issuers,
    encode: (index, timestampMs) => {
      const bytes = new Uint8Array(Buffer.from(`${text} at ${index}, ${timestampMs} `.padEnd(length, ".")));
      return { leafInput: bytes, stored: bytes };
    },
  };
}

/** So many submissions, each another one. */
export function makeSubmissions(prefix: string, count: number): Submission[] {
  return Array.from({ length: count }, (_, at) => makeSubmission(`${prefix} ${at}`));
}

/** A checkpoint of a head as stores see it: they do not look into the note. */
export function checkpointOf(head: TreeHead, timestampMs = head.timestampMs): PublishedCheckpoint {
  return { size: head.size, root: head.root, timestampMs, note: `${head.size} at ${timestampMs}\n` };
}
