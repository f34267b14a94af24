import { existsSync, linkSync, readFileSync, renameSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { MayflyError } from "../../core/errors.ts";
import { syncFolder, writeDurably } from "../write-durably.ts";

/** Whether a file was written now, or stood there from an earlier run. */
export type Kept = "made" | "there";

/** A file of a ceremony that is there; undefined when it is not. */
export function readKept(file: string): Buffer | undefined {
  try {
    return existsSync(file) ? readFileSync(file) : undefined;
  } catch (cause) {
    throw new MayflyError("FILE_NOT_READ", `${file} cannot be read`, { cause });
  }
}

/**
 * Writes a public file once: durably, whole or not at all. One that is there with these bytes is left alone.
 *
 * @throws MayflyError `internal`: CEREMONY_CONFLICT when something else is in its place, FILE_NOT_WRITTEN
 */
export function keepFile(file: string, bytes: Uint8Array): Kept {
  const there = readKept(file);
  if (there !== undefined) {
    if (there.equals(bytes)) return "there";
    throw new MayflyError("CEREMONY_CONFLICT", `${file} is there with another content; it was not touched`);
  }
  const unfinished = join(dirname(file), `.${basename(file)}.unfinished`);
  try {
    writeDurably(unfinished, bytes, { flags: "w", mode: 0o644 });
    putInPlace(unfinished, file);
    syncFolder(dirname(file));
    return "made";
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    throw new MayflyError("FILE_NOT_WRITTEN", `${file} was not written`, { cause });
  }
}

/** A link, unlike a rename, never replaces what a second run at the same time has put there. */
function putInPlace(unfinished: string, file: string): void {
  try {
    linkSync(unfinished, file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new MayflyError("CEREMONY_CONFLICT", `${file} was written by another run`, { cause });
    // File systems of memory sticks have no links.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP") throw cause;
    renameSync(unfinished, file);
    return;
  }
  unlinkSync(unfinished);
}
