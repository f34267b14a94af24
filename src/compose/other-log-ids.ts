import { existsSync } from "node:fs";
import { openSqliteLogRecords } from "../adapters/log-store/sqlite/open-sqlite-log-records.ts";
import type { ShardConfig } from "../config/log-schema.ts";
import type { Config } from "../config/schema.ts";
import { MayflyError } from "../core/errors.ts";
import { dataPaths } from "./data-paths.ts";

/**
 * Lower-case hex ids of the logs beside one shard's, which the audit trail tells of too. A log that cannot be read has none:
 * what was issued in it cannot be looked up.
 */
export async function otherLogIds(config: Config, shard: ShardConfig): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const other of config.log.shards) {
    const { database } = dataPaths(config, other.directory);
    if (other.origin === shard.origin || !existsSync(database)) continue;
    try {
      const { records, close } = await openSqliteLogRecords(database);
      ids.add(Buffer.from(records.manifest.logId).toString("hex"));
      await close();
    } catch (error) {
      if (!(error instanceof MayflyError)) throw error;
    }
  }
  return ids;
}
