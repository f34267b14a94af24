import { constants, writeSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

import { MayflyError } from "../../core/errors.ts";
import type { TrailLine } from "./audit-chain.ts";
import { fullFilePath, hasContent } from "./trail-files.ts";

/** The file of the trail that is written, which makes room for the next one when it is full. */
export class TrailAppender {
  readonly #path: string;
  #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** @throws MayflyError `internal` (AUDIT_FAILED) when it cannot be opened or is no regular file */
  static async open(path: string): Promise<TrailAppender> {
    return new TrailAppender(path, await openForAppending(path));
  }

  /** Bytes that the file holds. */
  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  /** Appends the lines, each to the file that it belongs to. */
  async append(lines: readonly TrailLine[]): Promise<void> {
    let from = 0;
    for (const [at, { afterFull }] of lines.entries()) {
      if (afterFull === undefined) continue;
      this.#write(lines.slice(from, at));
      from = at;
      await this.#putAside(afterFull);
    }
    this.#write(from === 0 ? lines : lines.slice(from));
  }

  /** Appends bytes as they are. */
  write(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) offset += writeSync(this.#file.fd, bytes, offset);
  }

  /** Takes back what was appended behind `size` and never acknowledged, if the file system allows it. */
  async takeBack(size: number): Promise<void> {
    await this.#file.truncate(size).catch(() => undefined);
  }

  /** @throws MayflyError `internal` (AUDIT_FAILED) when the disk does not take what was appended */
  async close(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (cause) {
      throw new MayflyError("AUDIT_FAILED", "the audit trail cannot be flushed to its disk", { cause });
    } finally {
      await this.#file.close();
    }
  }

  /**
   * On the calling thread: the bytes go into the page cache in about 4 µs, while handing them to the thread pool and waiting
   * for its answer would cost 25 µs, twice per certificate. Where the kernel makes writers wait for the disk, the log's
   * commits wait for it too.
   */
  #write(lines: readonly TrailLine[]): void {
    if (lines.length > 0) this.write(Buffer.from(`${lines.map(({ text }) => text).join("\n")}\n`, "utf8"));
  }

  /**
   * Gives the full file its number and begins the next one. The full one is on the disk first: after a power loss no file may
   * continue lines that are gone.
   */
  async #putAside(number: number): Promise<void> {
    const aside = fullFilePath(this.#path, number);
    if (await hasContent(aside)) throw new MayflyError("AUDIT_FAILED", `${aside} is there already`);
    await this.#file.datasync();
    await rename(this.#path, aside);
    const full = this.#file;
    this.#file = await openForAppending(this.#path);
    await full.close();
    const directory = await open(dirname(this.#path), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

async function openForAppending(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_RDWR, O_NONBLOCK } = constants;
  try {
    const file = await open(path, O_APPEND | O_CREAT | O_RDWR | O_NONBLOCK, 0o600);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (cause) {
    throw new MayflyError("AUDIT_FAILED", "the audit trail cannot be opened", { cause });
  }
  throw new MayflyError("AUDIT_FAILED", "the audit trail is not a regular file");
}
