import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openSqliteLogRecords } from "../adapters/log-store/sqlite/open-sqlite-log-records.ts";
import type { Config } from "../config/schema.ts";
import { findCertificate } from "../core/certificate/find-certificate.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { decodePrecertEntry } from "../ctlog/decode-precert-entry.ts";
import { readTrustedRoot } from "../trust/read-trusted-root.ts";
import { describeShards } from "./describe-shards.ts";
import { describeTrust } from "./describe-trust.ts";
import { prepareJudge } from "./judge-stored-certificate.ts";
import type { JudgeStored } from "./judge-stored-certificate.ts";

/** What is judged, and by what. */
export interface RehearseRotationOptions {
  /** The configuration that is to come into force; its log is where entries are read. */
  readonly config: Config;
  /** Folder of certificates and bundles to be judged in the place of the log. */
  readonly bundles?: string;
  /** A trusted root to judge by in the place of the configuration's. */
  readonly trustedRoot?: string;
  readonly onProgress?: (certificates: number, of: number) => void;
}

/** A certificate that verifiers would not take. */
export interface LostCertificate {
  /** `2026 entry 17`, or the name of a file. */
  readonly where: string;
  readonly what: string;
}

/** What would become of certificates. */
export interface RotationReport {
  readonly judged: number;
  readonly lost: number;
  /** The first of them. */
  readonly examples: readonly LostCertificate[];
}

const MAX_EXAMPLES = 20;
const ENTRIES_AT_ONCE = 256;

/**
 * `mayfly ca rotate --dry-run`: judges certificates that were issued by the trust files that are to come. Only reads; a service
 * may be running.
 *
 * @throws MayflyError naming what cannot be read: trust files, log, folder
 */
export async function rehearseRotation(options: RehearseRotationOptions): Promise<RotationReport> {
  const judge = prepareJudge(readTrustedRoot(await readTrust(options)));
  const tally = new Tally();
  const { bundles } = options;
  if (bundles === undefined) await judgeLog(options, judge, tally);
  else judgeFolder(bundles, judge, tally);
  return tally;
}

async function readTrust({ config, trustedRoot }: RehearseRotationOptions): Promise<Uint8Array> {
  return trustedRoot === undefined ? (await describeTrust(config))["trusted_root.json"] : readFile(trustedRoot);
}

/** Counts; keeps as many examples as somebody would read. */
class Tally implements RotationReport {
  judged = 0;
  lost = 0;
  readonly examples: LostCertificate[] = [];

  add(where: string, what: string | undefined): void {
    this.judged += 1;
    if (what === undefined) return;
    this.lost += 1;
    if (this.examples.length < MAX_EXAMPLES) this.examples.push({ where, what });
  }
}

async function judgeLog(
  { config, onProgress }: RehearseRotationOptions,
  judge: JudgeStored,
  tally: Tally,
): Promise<void> {
  const shards = (await describeShards(config)).flatMap(({ config: shard, path, log }) =>
    log === undefined ? [] : [{ name: shard.name, path, logId: log.manifest.logId, size: log.published?.size ?? 0 }],
  );
  if (shards.length === 0) throw new MayflyError("LOG_MISSING", "there is no log to read certificates from");
  const of = shards.reduce((sum, { size }) => sum + size, 0);
  for (const { name, path, logId, size } of shards) {
    const { records, close } = await openSqliteLogRecords(path);
    try {
      for (let start = 0; start < size; start += ENTRIES_AT_ONCE) {
        const entries = await records.entries(start, Math.min(start + ENTRIES_AT_ONCE, size));
        entries.forEach((stored, at) => {
          tally.add(`${name} entry ${String(start + at)}`, judgeEntry(stored, logId, judge));
        });
        onProgress?.(tally.judged, of);
      }
    } finally {
      await close();
    }
  }
}

function judgeEntry(stored: Uint8Array, logId: Uint8Array, judge: JudgeStored): string | undefined {
  try {
    const { preCertificate, timestampedEntry } = decodePrecertEntry(stored);
    return judge({ der: preCertificate, logged: { logId, timestampMs: timestampedEntry.timestampMs } });
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error;
    return describeCauses(error);
  }
}

function judgeFolder(folder: string, judge: JudgeStored, tally: Tally): void {
  for (const name of filesOf(folder)) {
    try {
      tally.add(name, judge({ der: findCertificate(readFile(join(folder, name))).der }));
    } catch (error) {
      if (!(error instanceof MayflyError)) throw error;
      tally.add(name, describeCauses(error));
    }
  }
}

function filesOf(folder: string): readonly string[] {
  try {
    const found = readdirSync(folder, { withFileTypes: true });
    return found
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    throw new MayflyError("FILE_NOT_READ", `${folder} cannot be read`, { cause });
  }
}

function readFile(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MayflyError("FILE_NOT_READ", `${file} cannot be read`, { cause });
  }
}
