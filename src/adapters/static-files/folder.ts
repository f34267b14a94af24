import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MayflyError } from "../../core/errors.ts";
import type { StaticFile, StaticFiles } from "../../ports/static-files.ts";

/** Everything in it is for everybody to read, whatever the umask. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

/**
 * A folder on a local disk. A file is written under another name in the working folder, flushed, and only then renamed to
 * where it belongs; then the folder it is in is flushed, and when that was made, so is the one around it (fsync(2)). All
 * files of one call go these steps together, so that the file system flushes its journal a few times and not for each.
 *
 * @param folder must be there
 * @param workingFolder for unfinished files: on the same file system, used by one process at a time. What is in it after a
 *   crash is overwritten.
 */
export function openStaticFolder(folder: string, workingFolder: string): StaticFiles {
  return new StaticFolder(resolve(folder), resolve(workingFolder));
}

class StaticFolder implements StaticFiles {
  readonly location: string;
  readonly #workingFolder: string;
  /** Folders that are known to be on the disk. */
  readonly #durableFolders = new Set<string>();

  constructor(location: string, workingFolder: string) {
    this.location = location;
    this.#workingFolder = workingFolder;
    this.#durableFolders.add(location);
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return unlessMissing(join(this.location, path), (file) => readFile(file));
  }

  async size(path: string): Promise<number | undefined> {
    return (await unlessMissing(join(this.location, path), (file) => stat(file)))?.size;
  }

  async write(files: readonly StaticFile[]): Promise<void> {
    try {
      const targets = files.map(({ path }) => join(this.location, path));
      const folders = [...new Set(targets.map((target) => dirname(target)))];
      for (const folder of folders) await this.#makeFolder(folder);
      await Promise.all(files.map(({ bytes }, at) => writeFlushed(this.#unfinished(at), bytes)));
      for (const [at, target] of targets.entries()) await rename(this.#unfinished(at), target);
      await Promise.all(folders.map(flush));
    } catch (cause) {
      throw new MayflyError("FILE_NOT_WRITTEN", `not all files below ${this.location} were written`, { cause });
    }
  }

  async removeFolder(path: string): Promise<void> {
    const folder = join(this.location, path);
    try {
      // Not flushed: a folder that comes back after a power cut holds what it held.
      await rm(folder, { recursive: true, force: true });
      this.#durableFolders.delete(folder);
    } catch (cause) {
      throw new MayflyError("FILE_NOT_WRITTEN", `${folder} cannot be removed`, { cause });
    }
  }

  #unfinished(at: number): string {
    return join(this.#workingFolder, `${at}.new`);
  }

  /** A folder may have been made by a process that was killed before it flushed the one around it. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#durableFolders.has(folder)) return;
    await this.#makeFolder(dirname(folder));
    await mkdir(folder, { mode: FOLDER_MODE }).catch((error: unknown) => {
      if (!hasCode(error, "EEXIST")) throw error;
    });
    await changeMode(folder, FOLDER_MODE);
    await flush(dirname(folder));
    this.#durableFolders.add(folder);
  }
}

async function unlessMissing<T>(file: string, read: (file: string) => Promise<T>): Promise<T | undefined> {
  try {
    return await read(file);
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return undefined;
    throw new MayflyError("FILE_NOT_READ", `${file} cannot be read`, { cause });
  }
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "w", FILE_MODE);
  await file.writeFile(bytes);
  await file.chmod(FILE_MODE);
  await file.sync();
}

async function changeMode(folder: string, mode: number): Promise<void> {
  await using directory = await open(folder, "r");
  await directory.chmod(mode);
}

async function flush(folder: string): Promise<void> {
  await using directory = await open(folder, "r");
  await directory.sync();
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === code;
}
