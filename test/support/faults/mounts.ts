import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Whether /dev/shm is a file system that forgets; TMPFS_MAGIC of statfs(2). */
export const IS_SHM_IN_MEMORY = existsSync("/dev/shm") && statfsSync("/dev/shm").type === 0x01021994;

/** Something that was done to a place on the file system, and is undone. */
export interface Undo {
  readonly undo: () => void;
}

/** Whether this process may mount file systems; in most containers it may not, even as root. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/bin/mount")) return false;
  const folder = mkdtempSync(join(tmpdir(), "mayfly-mount-"));
  try {
    mountTmpfs(folder, "64k").undo();
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Lays an empty file system of this size over a directory. */
export function mountTmpfs(directory: string, size: string): Undo {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory], { stdio: "pipe" });
  return unmount(directory);
}

/** Takes the right to write to a file or directory away, from root too where it may mount. */
export function makeReadOnly(path: string): Undo {
  if (process.getuid?.() !== 0) {
    const { mode } = statSync(path);
    chmodSync(path, mode & 0o555);
    return {
      undo: () => {
        chmodSync(path, mode);
      },
    };
  }
  execFileSync("mount", ["--bind", path, path], { stdio: "pipe" });
  execFileSync("mount", ["-o", "remount,bind,ro", path], { stdio: "pipe" });
  return unmount(path);
}

function unmount(path: string): Undo {
  return {
    undo: () => {
      execFileSync("umount", ["-l", path], { stdio: "pipe" });
    },
  };
}
