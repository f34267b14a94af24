import { splitDataTile } from "../../core/ct/static-entry.ts";
import { PresentationError } from "../../core/encoding/tls-presentation.ts";
import { TILE_WIDTH, tilePath, tileWidthAt } from "../../core/merkle/tile.ts";
import { HASH_LENGTH } from "../../core/merkle/tree.ts";
import type { LogSource } from "../../ports/log-source.ts";
import { openFolderFiles } from "./folder-files.ts";
import { inflate, isGzip } from "./inflate.ts";
import type { LogFiles } from "./log-files.ts";
import { sourceInvalid } from "./source-failure.ts";
import { MAX_CERTIFICATE_BYTES, MAX_ENTRIES_BYTES, MAX_NOTE_BYTES, type SourceOptions } from "./source-options.ts";
import { openUrlReader } from "./url-reader.ts";

/**
 * Opens a log that is published as files (C2SP static-ct-api), over HTTP or in a folder. Nothing is read yet.
 *
 * @param urlOrFolder the log's monitoring prefix, or the folder that holds its `checkpoint`
 * @throws MayflyError `log_failed` (SOURCE_INVALID for a URL that is none, SOURCE_UNAVAILABLE without such a folder)
 */
export async function openStaticCtSource(urlOrFolder: string, options: SourceOptions = {}): Promise<LogSource> {
  const files = isUrl(urlOrFolder) ? openUrlFiles(urlOrFolder, options) : await openFolderFiles(urlOrFolder);
  return new StaticCtSource(files);
}

/** Whether a location names a server, and not a folder. */
export function isUrl(location: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//iu.test(location);
}

function openUrlFiles(url: string, options: SourceOptions): LogFiles {
  const reader = openUrlReader(url, options);
  return {
    location: reader.base.href,
    read: (path, maxBytes) => reader.get(path, maxBytes),
    close: () => reader.close(),
  };
}

class StaticCtSource implements LogSource {
  readonly location: string;
  readonly #files: LogFiles;

  constructor(files: LogFiles) {
    this.location = files.location;
    this.#files = files;
  }

  async checkpoint(): Promise<Uint8Array> {
    const note = await this.#files.read("checkpoint", MAX_NOTE_BYTES);
    if (note === undefined) throw sourceInvalid(this.location, "has no checkpoint");
    return note;
  }

  async tile(level: number, index: number, width: number): Promise<Uint8Array> {
    const path = tilePath({ kind: "hash", level, index, width });
    const bytes = await this.#files.read(path, TILE_WIDTH * HASH_LENGTH);
    if (bytes !== undefined) return this.#requireHashes(path, bytes, width);
    if (width === TILE_WIDTH) throw sourceInvalid(this.location, `has no ${path}`);
    // A partial tile may go once the full one is there (C2SP tlog-tiles); it is that one's beginning.
    const fullPath = tilePath({ kind: "hash", level, index, width: TILE_WIDTH });
    const full = await this.#files.read(fullPath, TILE_WIDTH * HASH_LENGTH);
    if (full === undefined) throw sourceInvalid(this.location, `has neither ${path} nor ${fullPath}`);
    return this.#requireHashes(fullPath, full, TILE_WIDTH).subarray(0, width * HASH_LENGTH);
  }

  #requireHashes(path: string, bytes: Uint8Array, width: number): Uint8Array {
    if (bytes.length === width * HASH_LENGTH) return bytes;
    throw sourceInvalid(this.location, `has ${bytes.length} bytes as ${path}, instead of ${width} hashes`);
  }

  async entries(start: number, end: number, treeSize: number): Promise<readonly Uint8Array[]> {
    requireRange(start, end, treeSize);
    const index = Math.floor(start / TILE_WIDTH);
    const entries = await this.#dataTile(index, tileWidthAt(0, index, treeSize));
    return entries.slice(start - index * TILE_WIDTH, end - index * TILE_WIDTH);
  }

  async #dataTile(index: number, width: number): Promise<readonly Uint8Array[]> {
    const path = tilePath({ kind: "data", index, width });
    const bytes = await this.#files.read(path, MAX_ENTRIES_BYTES);
    if (bytes !== undefined) return this.#split(path, bytes, width);
    if (width === TILE_WIDTH) throw sourceInvalid(this.location, `has no ${path}`);
    const fullPath = tilePath({ kind: "data", index, width: TILE_WIDTH });
    const full = await this.#files.read(fullPath, MAX_ENTRIES_BYTES);
    if (full === undefined) throw sourceInvalid(this.location, `has neither ${path} nor ${fullPath}`);
    return (await this.#split(fullPath, full, TILE_WIDTH)).slice(0, width);
  }

  async #split(path: string, bytes: Uint8Array, width: number): Promise<readonly Uint8Array[]> {
    // Data tiles may be compressed without anything saying so (C2SP static-ct-api).
    const tile = isGzip(bytes) ? await inflate(`${this.location}: ${path}`, bytes, MAX_ENTRIES_BYTES) : bytes;
    const entries = this.#entriesOf(path, tile);
    if (entries.length === width) return entries;
    throw sourceInvalid(this.location, `has ${entries.length} entries in ${path}, instead of ${width}`);
  }

  #entriesOf(path: string, tile: Uint8Array): readonly Uint8Array[] {
    try {
      return splitDataTile(tile);
    } catch (cause) {
      if (!(cause instanceof PresentationError)) throw cause;
      throw sourceInvalid(this.location, `has something else than entries in ${path}`, cause);
    }
  }

  issuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#files.read(`issuer/${Buffer.from(fingerprint).toString("hex")}`, MAX_CERTIFICATE_BYTES);
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

function requireRange(start: number, end: number, treeSize: number): void {
  const isRange = [start, end, treeSize].every(Number.isSafeInteger) && start >= 0 && start < end && end <= treeSize;
  if (!isRange) throw new RangeError(`no entries ${start} to ${end} in a tree of ${treeSize}`);
}
