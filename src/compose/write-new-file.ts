import { closeSync, fsyncSync, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { MayflyError } from "../core/errors.ts";

/**
 * Writes a file that must not exist yet, durably, readable by its owner only.
 *
 * @throws MayflyError `internal` (FILE_NOT_WRITTEN), naming the file
 */
export function writeNewFile(file: string, text: string): void {
  try {
    const handle = openSync(file, "wx", 0o600);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    const folder = openSync(dirname(file), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (cause) {
    throw new MayflyError("FILE_NOT_WRITTEN", `${file} was not written`, { cause });
  }
}
