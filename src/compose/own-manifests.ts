import { openSqliteLogRecords } from "../adapters/log-store/sqlite/open-sqlite-log-records.ts";
import type { Config } from "../config/schema.ts";
import { MayflyError } from "../core/errors.ts";
import type { LogManifest } from "../ports/log-store.ts";
import { dataPaths } from "./data-paths.ts";

/**
 * What `log init` fixed for each shard of the configuration that there is on this machine: origins and public keys.
 *
 * @throws MayflyError `log_failed` when one of them cannot be read
 */
export async function readOwnManifests(config: Config): Promise<readonly LogManifest[]> {
  const manifests: LogManifest[] = [];
  for (const { directory } of config.log.shards) {
    const manifest = await readManifest(dataPaths(config, directory).database);
    if (manifest !== undefined) manifests.push(manifest);
  }
  return manifests;
}

/** A shard that was not made yet has none. */
async function readManifest(database: string): Promise<LogManifest | undefined> {
  try {
    const { records, close } = await openSqliteLogRecords(database);
    await close();
    return records.manifest;
  } catch (error) {
    if (error instanceof MayflyError && error.reason === "LOG_WRITE_FAILED") return undefined;
    throw error;
  }
}
