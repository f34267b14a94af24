import type { StaticFile, StaticFiles } from "../ports/static-files.ts";

/** Flushing many files together costs little more than flushing one; this many are enough. */
const MAX_FILES = 128;
const MAX_BYTES = 32 * 1_048_576;

/**
 * Gathers files that may be written in any order, and writes them together: one batch is on its way to the disk while the
 * next is gathered.
 */
export class FileBatch {
  readonly #files: StaticFiles;
  #gathered: StaticFile[] = [];
  #gatheredBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #count = 0;
  #bytes = 0;

  constructor(files: StaticFiles) {
    this.#files = files;
  }

  /** Files that were given so far, and their bytes. */
  get written(): { readonly files: number; readonly bytes: number } {
    return { files: this.#count, bytes: this.#bytes };
  }

  /** @throws what {@link StaticFiles.write} throws, for these or for earlier files */
  async add(file: StaticFile): Promise<void> {
    this.#gathered.push(file);
    this.#gatheredBytes += file.bytes.length;
    this.#count += 1;
    this.#bytes += file.bytes.length;
    if (this.#gathered.length >= MAX_FILES || this.#gatheredBytes >= MAX_BYTES) await this.#startWriting();
  }

  /**
   * When it returns, every file that was added is on the disk.
   *
   * @throws as {@link add}
   */
  async flush(): Promise<void> {
    await this.#startWriting();
    await this.#writing;
  }

  async #startWriting(): Promise<void> {
    await this.#writing;
    if (this.#gathered.length === 0) return;
    this.#writing = this.#files.write(this.#gathered);
    // Whoever adds or flushes next hears of it.
    this.#writing.catch(() => undefined);
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }
}
