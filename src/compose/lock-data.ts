import { mkdirSync } from "node:fs";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { lockDataDirectory } from "../adapters/data-directory/lock-data-directory.ts";
import type { DataDirectoryLock } from "../adapters/data-directory/lock-data-directory.ts";
import type { Config } from "../config/schema.ts";

/**
 * Makes the data directory unless it is there, and takes it for this process alone, before anything in it is read or
 * written.
 *
 * @param pid of this process, for whoever finds the directory in use
 * @throws MayflyError `internal` (DATA_DIRECTORY_LOCKED)
 */
export function lockData({ dataDirectory }: Pick<Config, "dataDirectory">, pid?: number): DataDirectoryLock {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  return lockDataDirectory(dataDirectory, { nowMs: systemClock.now(), ...(pid === undefined ? {} : { pid }) });
}
