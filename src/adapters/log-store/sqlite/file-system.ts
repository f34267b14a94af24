import { access, constants, lstat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { MayflyError } from "../../../core/errors.ts";

/**
 * File systems on which a log would not be durable, or on which SQLite's locks and shared memory do not work between
 * processes: type numbers of statfs(2) on Linux.
 */
const UNSAFE_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE"],
  [0x01021997, "9p"],
  [0x794c7630, "overlayfs, a container's own layer without a volume"],
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
]);

/**
 * Refuses to keep a log where it could be lost.
 *
 * @param directory that holds the log's database
 * @throws MayflyError `log_failed` (LOG_WRITE_FAILED)
 */
export async function requireDurableFileSystem(directory: string): Promise<void> {
  const { type } = await statfs(directory).catch((cause: unknown) => {
    throw new MayflyError("LOG_WRITE_FAILED", `no directory ${directory} for the log`, { cause });
  });
  const name = UNSAFE_FILE_SYSTEMS.get(type);
  if (name !== undefined)
    throw new MayflyError("LOG_WRITE_FAILED", `${directory} is on ${name}, where a log could be lost`);
}

/**
 * Refuses anything but a regular file: a symbolic link may point elsewhere tomorrow.
 *
 * @throws MayflyError `log_failed` (LOG_WRITE_FAILED) when there is none at `path`
 */
export async function requireRegularFile(path: string): Promise<void> {
  const stats = await lstat(path).catch((cause: unknown) => {
    throw new MayflyError("LOG_WRITE_FAILED", `no log at ${path}; a log is made on purpose, never by starting`, {
      cause,
    });
  });
  if (!stats.isFile()) throw new MayflyError("LOG_WRITE_FAILED", `${path} is no regular file`);
}

/**
 * Refuses a log that cannot be written: SQLite would open it all the same and fail over the first entry.
 *
 * @param path of the log's database, beside which SQLite makes files of its own
 * @throws MayflyError `log_failed` (LOG_WRITE_FAILED)
 */
export async function requireWritable(path: string): Promise<void> {
  for (const place of [path, dirname(path)]) {
    await access(place, constants.R_OK | constants.W_OK).catch((cause: unknown) => {
      throw new MayflyError("LOG_WRITE_FAILED", `${place} cannot be written to`, { cause });
    });
  }
}
