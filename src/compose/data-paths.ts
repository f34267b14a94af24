import { join } from "node:path";
import type { Config } from "../config/schema.ts";

/** Files in the data directory. */
export interface DataPaths {
  /** The log's SQLite database; `-wal` and `-shm` files stand beside it while it is open. */
  readonly database: string;
  /** The newest published checkpoint, kept outside the database. */
  readonly headMark: string;
  /** The newest file of the hash-chained audit trail, JSON lines; full ones stand beside it with their number. */
  readonly auditTrail: string;
}

/** Where the configuration's data directory keeps what. */
export function dataPaths({ dataDirectory }: Pick<Config, "dataDirectory">): DataPaths {
  return {
    database: join(dataDirectory, "log.sqlite"),
    headMark: join(dataDirectory, "head.note"),
    auditTrail: join(dataDirectory, "audit.jsonl"),
  };
}
