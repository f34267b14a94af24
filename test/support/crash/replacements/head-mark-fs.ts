import { writeFileSync } from "node:fs";
import { open as openFile, rename as renameFile, type FileHandle } from "node:fs/promises";
import { crash, crashAt, isCrashDue } from "../crash-point.ts";

export * from "node:fs/promises";

/** Ends the process when half of a new head mark is in its temporary file. */
export async function open(path: string, flags: string, mode?: number): Promise<FileHandle> {
  if (flags === "w" && isCrashDue("half-head-mark")) {
    writeFileSync(path, "localhost/half-a-note\n12");
    crash();
  }
  return openFile(path, flags, mode);
}

/** Ends the process before the new head mark takes the old one's place, or before the directory is synced. */
export async function rename(from: string, to: string): Promise<void> {
  crashAt("before-head-mark-rename");
  await renameFile(from, to);
  crashAt("after-head-mark-rename");
}
