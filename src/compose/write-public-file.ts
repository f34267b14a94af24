import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { MayflyError } from "../core/errors.ts";

/**
 * Writes a file that everybody may read, or replaces it, so that whoever reads it finds the old one or the new one, whole.
 *
 * @throws MayflyError `internal` (FILE_NOT_WRITTEN), naming the file
 */
export async function writePublicFile(file: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${file}.new`;
  try {
    const handle = await open(unfinished, "w", 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, file);
    const folder = await open(dirname(file), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (cause) {
    throw new MayflyError("FILE_NOT_WRITTEN", `${file} was not written`, { cause });
  }
}
