import { existsSync } from "node:fs";
import { openAuditTrailReader } from "../adapters/audit/verify-audit-trail.ts";
import { openSqliteLogRecords } from "../adapters/log-store/sqlite/open-sqlite-log-records.ts";
import { MayflyError } from "../core/errors.ts";
import type { NamedLog } from "../ctlog/reconcile/compared-log.ts";
import { reconcileLogs, type ReconcileOptions, type ReconcileReport } from "../ctlog/reconcile/reconcile-logs.ts";
import type { DataPaths } from "./data-paths.ts";

/** A log in a data folder. */
export interface LogInFolder {
  /** Configured name of the shard. */
  readonly name: string;
  /** Origin that the log must have. */
  readonly origin: string;
  readonly paths: Pick<DataPaths, "database">;
}

/** Which data folder is compared, and how. */
export interface ReconcileDataFolderOptions extends Omit<ReconcileOptions, "logs" | "trail"> {
  /** Those that were not made yet are left out. */
  readonly logs: readonly LogInFolder[];
  /** Path of the audit trail's newest file. */
  readonly auditTrail: string;
}

/**
 * Compares the logs of a data folder with the audit trail beside them; see {@link reconcileLogs}. Only reads, so a service
 * may be running on the folder.
 *
 * @throws MayflyError `log_failed` when a log is another one than is configured or cannot be read; `internal` (AUDIT_FAILED)
 *   when a file of the trail cannot be read
 */
export async function reconcileDataFolder(options: ReconcileDataFolderOptions): Promise<ReconcileReport> {
  await using opened = new AsyncDisposableStack();
  const logs: NamedLog[] = [];
  for (const { name, origin, paths } of options.logs) {
    if (!existsSync(paths.database)) continue;
    const { records, close } = await openSqliteLogRecords(paths.database);
    opened.defer(close);
    if (records.manifest.origin !== origin) {
      const detail = `the log of shard ${name} was made as ${records.manifest.origin}, not as ${origin}`;
      throw new MayflyError("LOG_WRONG_KEY", detail);
    }
    logs.push({ name, records });
  }
  return await reconcileLogs({ ...options, logs, trail: openAuditTrailReader(options.auditTrail) });
}
