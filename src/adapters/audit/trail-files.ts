import { open, readdir, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { MayflyError } from "../../core/errors.ts";

/** A file of the trail that is full. */
export interface FullFile {
  /** From 1. */
  readonly number: number;
  readonly path: string;
}

/** The files of a trail at one moment, also while a process writes to it. */
export interface TrailFiles extends AsyncDisposable {
  /** Those that are full and still here, oldest first. */
  readonly full: readonly FullFile[];
  /** The one that is written; undefined when there is none or nothing in it. */
  readonly newest: FileHandle | undefined;
}

/** Where file `number` of the trail stands once it is full: `audit.jsonl` becomes `audit-000001.jsonl`. */
export function fullFilePath(path: string, number: number): string {
  return path.replace(/(\.jsonl)?$/u, `-${String(number).padStart(6, "0")}$1`);
}

/**
 * Finds the files of a trail.
 *
 * @param path of the file that is written
 * @throws MayflyError `internal` (AUDIT_FAILED) when they cannot be read
 */
export async function openTrailFiles(path: string): Promise<TrailFiles> {
  for (;;) {
    const newest = await openWithContent(path);
    const full = await listFullFiles(path);
    // Put aside between the two, it would be missing or be there twice.
    if ((await inodeOf(path)) === (await newest?.stat())?.ino) {
      return { full, newest, [Symbol.asyncDispose]: async () => newest?.close() };
    }
    await newest?.close();
  }
}

/** @throws MayflyError `internal` (AUDIT_FAILED) when it cannot be opened */
export async function openTrailFile(path: string): Promise<FileHandle> {
  return open(path, "r").catch(fail);
}

/** Whether there is a file of this name that holds anything. */
export async function hasContent(path: string): Promise<boolean> {
  return (await inodeOf(path)) !== undefined;
}

async function openWithContent(path: string): Promise<FileHandle | undefined> {
  return (await hasContent(path)) ? openTrailFile(path) : undefined;
}

async function inodeOf(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(undefinedIfMissing);
  return stats === undefined || stats.size === 0 ? undefined : stats.ino;
}

async function listFullFiles(path: string): Promise<readonly FullFile[]> {
  const directory = dirname(path);
  const names = (await readdir(directory).catch(undefinedIfMissing)) ?? [];
  return names
    .flatMap((name): FullFile[] => {
      const number = Number(/-([0-9]{6,15})(?:\.jsonl)?$/u.exec(name)?.[1] ?? "0");
      const isOne = number > 0 && name === basename(fullFilePath(path, number));
      return isOne ? [{ number, path: join(directory, name) }] : [];
    })
    .sort((one, other) => one.number - other.number);
}

function undefinedIfMissing(cause: unknown): undefined {
  if (Error.isError(cause) && "code" in cause && cause.code === "ENOENT") return undefined;
  fail(cause);
}

function fail(cause: unknown): never {
  throw new MayflyError("AUDIT_FAILED", "the audit trail cannot be read", { cause });
}
