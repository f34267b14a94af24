import { closeSync, fsyncSync, openSync, writeFileSync } from "node:fs";

/**
 * Writes a file, and returns when its bytes are on the disk; its name is only after {@link syncFolder}.
 *
 * @param flags `wx` for a file that must not exist yet, `w` for one that is replaced
 * @throws Error of the file system
 */
export function writeDurably(
  file: string,
  bytes: string | Uint8Array,
  { flags, mode }: { readonly flags: "w" | "wx"; readonly mode: number },
): void {
  const handle = openSync(file, flags, mode);
  try {
    writeFileSync(handle, bytes);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Returns when the names of a folder are on the disk. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
