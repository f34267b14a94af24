import { join } from "node:path";
import type { Config } from "../config/schema.ts";

/** Files in the data directory. */
export interface DataPaths {
  /** The log's SQLite database; `-wal` and `-shm` files stand beside it while it is open. */
  readonly database: string;
  /** The newest published checkpoint, kept outside the database. */
  readonly headMark: string;
  /** The newest checkpoint that a quorum of witnesses has cosigned. */
  readonly cosignedMark: string;
  /** The newest file of the hash-chained audit trail, JSON lines; full ones stand beside it with their number. */
  readonly auditTrail: string;
}

/** Folder of a log that has only one shard, within the data directory: that directory itself. */
export const LOG_DIRECTORY = ".";

/**
 * Where the configuration's data directory keeps what.
 *
 * @param directory folder of a shard within the data directory; the audit trail is one for all of them
 */
export function dataPaths(
  { dataDirectory }: Pick<Config, "dataDirectory">,
  directory: string = LOG_DIRECTORY,
): DataPaths {
  const folder = join(dataDirectory, directory);
  return {
    database: join(folder, "log.sqlite"),
    headMark: join(folder, "head.note"),
    cosignedMark: join(folder, "cosigned.note"),
    auditTrail: join(dataDirectory, "audit.jsonl"),
  };
}

/**
 * Where the checkpoint stands that a log was frozen with. Not in the shard's folder, and under the log's id: who puts an older
 * copy of that folder in place, or the same log in another one, still finds it frozen.
 *
 * @param logId SHA-256 of the log's key (RFC 6962 §3.2)
 */
export function finalNotePath({ dataDirectory }: Pick<Config, "dataDirectory">, logId: Uint8Array): string {
  return join(dataDirectory, `frozen-${Buffer.from(logId).toString("hex")}.note`);
}
