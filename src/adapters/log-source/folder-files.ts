import { constants } from "node:fs";
import { open, realpath, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { LogFiles } from "./log-files.ts";
import { sourceInvalid, sourceUnavailable } from "./source-failure.ts";

/** Neither follows a link nor waits for the other end of a pipe. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The files of a log in a folder. The folder may come from anybody: only regular files of bounded length are read, and no
 * symbolic link beneath the folder is followed, so that nothing outside it is.
 *
 * @throws MayflyError `log_failed` (SOURCE_UNAVAILABLE) when there is no such folder
 */
export async function openFolderFiles(folder: string): Promise<LogFiles> {
  const root = await realpath(folder).catch((cause: unknown) => {
    throw sourceUnavailable(folder, "cannot be opened", cause);
  });
  return {
    location: folder,
    read: (path, maxBytes) => readFileOf(root, path, maxBytes),
    close: () => Promise.resolve(),
  };
}

async function readFileOf(root: string, path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const location = join(root, path);
  try {
    if ((await realpath(location)) !== location) throw sourceInvalid(location, "is reached by a symbolic link");
    await using file = await open(location, READ_FLAGS);
    return await readBounded(file, location, maxBytes);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === undefined || !/^E[A-Z0-9]+$/u.test(code)) throw cause;
    throw sourceUnavailable(location, "cannot be read", cause);
  }
}

async function readBounded(file: FileHandle, location: string, maxBytes: number): Promise<Uint8Array> {
  const status = await file.stat();
  if (!status.isFile()) throw sourceInvalid(location, "is no regular file");
  if (status.size > maxBytes) throw sourceInvalid(location, `is longer than ${maxBytes} bytes`);
  const bytes = new Uint8Array(status.size);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length);
    if (bytesRead === 0) throw sourceInvalid(location, "became shorter while it was read");
    length += bytesRead;
  }
  return bytes;
}
