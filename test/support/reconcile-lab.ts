import { X509Certificate } from "node:crypto";
import { splitCertificate } from "../../src/core/certificate/signed-certificate.ts";
import { decodeTileLeaf } from "../../src/core/ct/static-entry.ts";
import type { NamedLog } from "../../src/ctlog/reconcile/compared-log.ts";
import type { ReconcileGap } from "../../src/ctlog/reconcile/reconcile-gap.ts";
import {
  reconcileLogs,
  type ReconcileOptions,
  type ReconcileReport,
} from "../../src/ctlog/reconcile/reconcile-logs.ts";
import type { AuditTrailReader, TrailRecord } from "../../src/ports/audit-trail-reader.ts";
import type { LogRecords } from "../../src/ports/log-store.ts";
import type { Submission } from "../../src/tlog/build-batch.ts";
import { NOW_MS } from "./certificate-fixtures.ts";
import { precertificates } from "./growing-log.ts";
import { MANIFEST, sha256 } from "./log-fixtures.ts";

/** A certificate that may be logged, with what an audit trail says of it. */
export interface LabCertificate {
  readonly serialNumber: string;
  readonly tbsSha256: string;
  /** Bytes of its entry. */
  readonly stored: (index: number, timestampMs: number) => Uint8Array;
}

/** So many real precertificates; the serial numbers are those that OpenSSL reads. */
export async function labCertificates(count: number): Promise<readonly LabCertificate[]> {
  return (await precertificates(0, count)).map((submission: Submission) => {
    const stored = (index: number, timestampMs: number): Uint8Array => submission.encode(index, timestampMs).stored;
    const { preCertificate } = decodeTileLeaf(stored(0, NOW_MS));
    if (preCertificate === undefined) throw new TypeError("these are precertificates");
    return {
      serialNumber: new X509Certificate(preCertificate).serialNumber.toLowerCase().padStart(40, "0"),
      tbsSha256: Buffer.from(sha256(splitCertificate(preCertificate).tbsCertificate)).toString("hex"),
      stored,
    };
  });
}

/** A log as it is stored, entry by entry; undefined is a row that is gone. */
export interface LabLog {
  readonly name: string;
  readonly logId: string;
  readonly stored: (Uint8Array | undefined)[];
}

/** An empty log. */
export function makeLabLog(name = "2026"): LabLog {
  return { name, logId: Buffer.from(sha256(Buffer.from(name))).toString("hex"), stored: [] };
}

/** The log as it is opened now: its head stays, and entries that come later can be read. */
export function openLabLog({ name, logId, stored }: LabLog): NamedLog {
  const records: Pick<LogRecords, "entries" | "manifest" | "head"> = {
    manifest: { ...MANIFEST, logId: Buffer.from(logId, "hex") },
    head: { size: stored.length, root: new Uint8Array(32), rightEdge: [], partialTiles: [], timestampMs: NOW_MS },
    entries: (start, end) => Promise.resolve(stored.slice(start, end).filter((entry) => entry !== undefined)),
  };
  const unused = (): Promise<never> => Promise.reject(new TypeError("nobody reads this"));
  return {
    name,
    records: {
      ...records,
      published: undefined,
      endOfEntries: stored.length,
      tile: unused,
      issuer: unused,
      packedEntries: unused,
      indexesOfSubmissions: unused,
      submissionRows: unused,
    },
  };
}

/** A record of a trail without its place, which follows from where it stands. */
export type LabRecord = TrailRecord extends infer R
  ? R extends TrailRecord
    ? Omit<R, "file" | "lineNumber">
    : never
  : never;

/** Gives the records of these files, oldest first; the number of a file stands in its first record. */
export function labTrail(files: readonly (readonly LabRecord[])[]): AuditTrailReader {
  return {
    read: async ({ fromFile = 0, onRecords }) => {
      for (const file of files) {
        const [first] = file;
        if (first?.kind !== "file") throw new TypeError("a file begins with its number");
        const name = `audit-${first.number}.jsonl`;
        if (first.number < fromFile) continue;
        await onRecords(file.map((record, at) => ({ ...record, file: name, lineNumber: at + 1 })));
      }
    },
  };
}

/** Reconciles, and keeps the gaps. */
export async function reconcileLab(
  options: Pick<ReconcileOptions, "logs" | "trail"> & Partial<ReconcileOptions>,
): Promise<ReconcileReport & { readonly found: readonly ReconcileGap[] }> {
  const found: ReconcileGap[] = [];
  const report = await reconcileLogs({
    nowMs: NOW_MS,
    onGap: (gap) => {
      found.push(gap);
    },
    ...options,
  });
  return { ...report, found };
}
