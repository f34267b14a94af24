import { hash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError } from "./config-error.ts";

/** Largest file of settings, or of something that settings name. */
export const MAX_SETTINGS_FILE_BYTES = 1024 * 1024;

/** Absolute paths of files, with the SHA-256 of what each held in lower-case hex, or why that is not known. */
export type FilesRead = ReadonlyMap<string, string>;

/** Stands for the digest of a file that could not be read. */
export const UNREADABLE = "unreadable";

let recording: Map<string, string> | undefined;

/**
 * Does work that reads a configuration, and tells of every file that it reads by {@link readSettingsFile}, whether it
 * returns or throws: files of a configuration name further ones, and who waits for a change of one waits for all of them.
 *
 * @param work is done when it returns
 */
export function recordFilesRead<T>(files: Map<string, string>, work: () => T): T {
  const outer = recording;
  recording = files;
  try {
    return work();
  } finally {
    recording = outer;
    for (const [file, digest] of files) outer?.set(file, digest);
  }
}

/**
 * Reads a file of settings, or one that settings name. A pipe is refused and not waited for.
 *
 * @throws ConfigError when it cannot be read, is no regular file or larger than `maxBytes`
 */
export function readSettingsFile(file: string, maxBytes = MAX_SETTINGS_FILE_BYTES): Uint8Array {
  recording?.set(resolve(file), UNREADABLE);
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new ConfigError(`${file}: not a regular file`);
    if (stat.size > maxBytes) throw new ConfigError(`${file}: larger than ${String(maxBytes)} bytes`);
    const bytes = readFileSync(file);
    recording?.set(resolve(file), hash("sha256", bytes, "hex"));
    return bytes;
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`${file}: cannot be read: ${Error.isError(cause) ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
