import { dirname } from "node:path";
import { MayflyError } from "../core/errors.ts";
import { syncFolder, writeDurably } from "./write-durably.ts";

/**
 * Writes a file that must not exist yet, durably, readable by its owner only.
 *
 * @throws MayflyError `internal` (FILE_NOT_WRITTEN), naming the file
 */
export function writeNewFile(file: string, text: string): void {
  try {
    writeDurably(file, text, { flags: "wx", mode: 0o600 });
    syncFolder(dirname(file));
  } catch (cause) {
    throw new MayflyError("FILE_NOT_WRITTEN", `${file} was not written`, { cause });
  }
}
