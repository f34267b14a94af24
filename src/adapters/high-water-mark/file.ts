import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { decodeTreeHeadNoteSignature } from "../../core/ct/signed-tree-head.ts";
import { PresentationError } from "../../core/encoding/tls-presentation.ts";
import { MayflyError } from "../../core/errors.ts";
import { parseCheckpoint } from "../../core/note/checkpoint.ts";
import { NoteError } from "../../core/note/note-error.ts";
import { parseSignedNote, type NoteSignature } from "../../core/note/signed-note.ts";
import type { HighWaterMark } from "../../ports/high-water-mark.ts";
import type { PublishedCheckpoint } from "../../ports/log-store.ts";

/** What {@link openFileHighWaterMark} needs. */
export interface FileHighWaterMarkOptions {
  /** The file that holds the newest checkpoint, a signed note; on another volume than the log if possible. */
  readonly path: string;
  /** Told of each write that failed; the next one is tried all the same. */
  readonly onFailure: (error: unknown) => void;
}

/** The file is at most this much behind the log. */
const INTERVAL_MS = 1_000;

/**
 * Keeps the newest published checkpoint in a file beside the log's database, so that a database that was rolled back or
 * swapped is noticed. Each write replaces the whole file and is on the disk before the next one begins.
 */
export function openFileHighWaterMark(options: FileHighWaterMarkOptions): HighWaterMark {
  return new FileHighWaterMark(options);
}

class FileHighWaterMark implements HighWaterMark {
  readonly #path: string;
  readonly #onFailure: (error: unknown) => void;
  #pending: PublishedCheckpoint | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;
  #isClosed = false;

  constructor({ path, onFailure }: FileHighWaterMarkOptions) {
    this.#path = path;
    this.#onFailure = onFailure;
  }

  async read(): Promise<PublishedCheckpoint | undefined> {
    const note = await readFile(this.#path).catch((cause: unknown) => {
      if (isMissing(cause)) return undefined;
      throw new MayflyError("LOG_READ_FAILED", `cannot read ${this.#path}`, { cause });
    });
    if (note === undefined) return undefined;
    try {
      return parseMark(note);
    } catch (cause) {
      if (!(cause instanceof NoteError)) throw cause;
      throw new MayflyError("LOG_CORRUPT", `${this.#path} holds no checkpoint of the log`, { cause });
    }
  }

  advance(checkpoint: PublishedCheckpoint): void {
    this.#pending = checkpoint;
    // The first one after a quiet time is written at once, the others gather behind the timer.
    if (this.#timer !== undefined) return;
    this.#write();
    this.#startTimer();
  }

  failure(): unknown {
    return this.#failure;
  }

  async flush(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.flush();
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#pending === undefined) return;
      this.#write();
      this.#startTimer();
    }, INTERVAL_MS).unref();
  }

  #write(): void {
    const checkpoint = this.#pending;
    if (checkpoint === undefined) return;
    this.#pending = undefined;
    this.#writing = this.#writing.then(async () => {
      try {
        await replaceFile(this.#path, checkpoint.note);
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error;
        this.#pending ??= checkpoint;
        // A write that took longer than the interval outlived the timer.
        if (this.#timer === undefined && !this.#isClosed) this.#startTimer();
        this.#onFailure(error);
      }
    });
  }
}

/** Replaces a file so that after a power cut either the old or the new one is there, whole. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** @throws NoteError */
function parseMark(bytes: Uint8Array): PublishedCheckpoint {
  const { text, signatures } = parseSignedNote(bytes);
  const { origin, size, root } = parseCheckpoint(text);
  const times = signatures.filter(({ name }) => name === origin).flatMap(treeHeadTime);
  if (times.length === 0) throw new NoteError("no tree head signature");
  return { size, root, timestampMs: Math.max(...times), note: Buffer.from(bytes).toString() };
}

/** The time that a tree head signature carries (C2SP static-ct-api); none for signatures of other types. */
function treeHeadTime({ signature }: NoteSignature): number[] {
  try {
    return [decodeTreeHeadNoteSignature(signature).timestampMs];
  } catch (error) {
    if (error instanceof PresentationError) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";
}
