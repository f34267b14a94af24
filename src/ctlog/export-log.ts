import { dirname } from "node:path/posix";
import { MayflyError } from "../core/errors.ts";
import { tilePath, type TileName } from "../core/merkle/tile.ts";
import type { LogManifest, LogRecords, PublishedCheckpoint } from "../ports/log-store.ts";
import type { StaticFiles } from "../ports/static-files.ts";
import { openTrustedTiles } from "../tlog/trusted-tiles.ts";
import { CHECKPOINT_PATH, readExportedCheckpoint, requireContinued } from "./exported-checkpoint.ts";
import { encodeLogV3Json, type LogMetadata } from "./log-v3-json.ts";
import { requireSameEncoding, TileExport, type Scrutiny } from "./export-tiles.ts";
import { countFullTilesBetween, fullTilesBetween, partialTilesOf } from "./static-directory-tiles.ts";
import { verifyCheckpoint } from "./verify-checkpoint.ts";

/** How a log is exported. */
export interface LogExportOptions {
  readonly files: StaticFiles;
  /** Compress data tiles (RFC 1952); must be the same each time. */
  readonly gzip: boolean;
  /** Compare tiles that are there already with the log, byte by byte, and not only their lengths. */
  readonly compare: boolean;
  /** Leave partial tiles where they are when nobody needs them any more. */
  readonly keepPartials: boolean;
  /** What the log does not know of itself and `log.v3.json` says. */
  readonly metadata: Pick<LogMetadata, "window" | "state">;
  /** Told again and again how many full tiles of how many are there. */
  readonly onProgress?: (tiles: number, of: number) => void;
}

/** What one export did. */
export interface ExportReport {
  /** The checkpoint that is in the folder now. */
  readonly checkpoint: PublishedCheckpoint;
  /** The one that was there before. */
  readonly previous: PublishedCheckpoint | undefined;
  readonly written: WrittenFiles;
}

/** How many files were written, and bytes of them. */
export interface WrittenFiles {
  readonly files: number;
  readonly bytes: number;
}

const NOTHING: WrittenFiles = { files: 0, bytes: 0 };

/** Where a log's folder says what the log is; no part of C2SP static-ct-api, but every such log has it. */
const LOG_V3_JSON_PATH = "log.v3.json";

/** What of a log an export reads. */
export type ExportedRecords = Pick<LogRecords, "manifest" | "published" | "entries" | "tile" | "issuer">;

/**
 * Exports a log into a folder as C2SP static-ct-api lays it out, again and again: each time what is new.
 *
 * At any moment the folder holds a whole log, whose newest state its checkpoint names. That is a matter of order: first the
 * certificates that entries refer to, then full tiles, then the partial tiles of the new checkpoint, each on the disk before
 * the next step begins, and the checkpoint last, after what the log says of itself. A process that ends anywhere in between leaves files that no checkpoint
 * names yet, and the next export finds and keeps them. Partial tiles are removed only when their full tile was there under
 * the previous checkpoint already: who reads with that one finds what it names as well.
 */
export class LogExport {
  readonly #options: LogExportOptions;
  /** Entries below which every file was looked at by this process. */
  #surveyed = 0;
  /** Entries below which partial tiles were removed by this process. */
  #swept = 0;

  constructor(options: LogExportOptions) {
    this.#options = options;
  }

  /**
   * Brings the folder up to the published checkpoint.
   *
   * @throws MayflyError `log_unavailable` when nothing was published yet; `log_failed`: EXPORT_CONFLICT when the folder
   *   holds something else, LOG_ROLLED_BACK when it holds more of this log than there is, LOG_CORRUPT when the log is damaged
   */
  async run(records: ExportedRecords): Promise<ExportReport> {
    const checkpoint = requirePublished(records);
    const { files } = this.#options;
    const previous = await readExportedCheckpoint(files, records.manifest);
    const isSurveyed = this.#surveyed === previous?.size;
    const tiles = previous?.note === checkpoint.note && isSurveyed ? NOTHING : await this.#growTiles(records, previous);
    const described = await this.#describe(records.manifest, checkpoint);
    const replaced = await this.#replaceCheckpoint(previous, checkpoint);
    await this.#removePartialTiles(previous?.size ?? 0);
    return { checkpoint: replaced.checkpoint, previous, written: sum([tiles, described, replaced.written]) };
  }

  async #growTiles(records: ExportedRecords, previous: PublishedCheckpoint | undefined): Promise<WrittenFiles> {
    const { files, gzip } = this.#options;
    const checkpoint = requirePublished(records);
    const size = previous?.size ?? 0;
    const tiles = await openTrustedTiles(checkpoint, (level, index) => records.tile(level, index));
    if (previous !== undefined) await requireContinued(previous, checkpoint, tiles);
    await requireSameEncoding(files, size, gzip);
    const tileExport = new TileExport({ records, tiles, files, gzip });
    await this.#exportTiles(tileExport, size, checkpoint.size);
    return tileExport.written;
  }

  async #exportTiles(tileExport: TileExport, before: number, after: number): Promise<void> {
    const { compare, onProgress } = this.#options;
    const of = countFullTilesBetween(this.#surveyed, after);
    let done = 0;
    const add = async (names: Iterable<TileName>, scrutiny: Scrutiny): Promise<void> => {
      for (const name of names) {
        await tileExport.add(name, scrutiny);
        onProgress?.(++done, of);
      }
    };
    await add(fullTilesBetween(this.#surveyed, before), compare ? "content" : "length");
    // What no checkpoint has named yet was left by an export that did not end; only its content tells what it is.
    await add(fullTilesBetween(Math.max(before, this.#surveyed), after), "content");
    await tileExport.flush();
    for (const name of partialTilesOf(after)) await tileExport.add(name, "content");
    await tileExport.flush();
    this.#surveyed = after;
  }

  /** Says what the log is, for those who keep lists of logs; a frozen one says which tree was its last. */
  async #describe(manifest: LogManifest, { size, root }: PublishedCheckpoint): Promise<WrittenFiles> {
    const { files, metadata } = this.#options;
    const { frozenMs } = manifest;
    const final = frozenMs === undefined ? {} : { final: { frozenMs, treeHead: { size, root } } };
    const bytes = encodeLogV3Json({ manifest, ...metadata, ...final });
    const there = await files.read(LOG_V3_JSON_PATH);
    if (there !== undefined && Buffer.compare(there, bytes) === 0) return NOTHING;
    await files.write([{ path: LOG_V3_JSON_PATH, bytes }]);
    return { files: 1, bytes: bytes.length };
  }

  /** @returns the checkpoint that is in the folder then */
  async #replaceCheckpoint(
    previous: PublishedCheckpoint | undefined,
    checkpoint: PublishedCheckpoint,
  ): Promise<{ readonly checkpoint: PublishedCheckpoint; readonly written: WrittenFiles }> {
    if (previous !== undefined && !isNewerThan(previous, checkpoint)) return { checkpoint: previous, written: NOTHING };
    const bytes = Buffer.from(checkpoint.note);
    await this.#options.files.write([{ path: CHECKPOINT_PATH, bytes }]);
    return { checkpoint, written: { files: 1, bytes: bytes.length } };
  }

  /** Removes partial tiles that the tree of `size` entries, whose checkpoint was replaced, did not need any more. */
  async #removePartialTiles(size: number): Promise<void> {
    if (this.#options.keepPartials) return;
    for (const name of fullTilesBetween(this.#swept, size)) {
      await this.#options.files.removeFolder(dirname(tilePath({ ...name, width: 1 })));
    }
    this.#swept = size;
  }
}

function requirePublished({ published, manifest }: ExportedRecords): PublishedCheckpoint {
  if (published === undefined) throw new MayflyError("LOG_CLOSED", "nothing was published yet");
  verifyCheckpoint(published, manifest);
  return published;
}

function sum(all: readonly WrittenFiles[]): WrittenFiles {
  return all.reduce((one, other) => ({ files: one.files + other.files, bytes: one.bytes + other.bytes }));
}

/** Newer by size, then by time; of two with one time the other may have gained signatures of witnesses. */
function isNewerThan(previous: PublishedCheckpoint, checkpoint: PublishedCheckpoint): boolean {
  if (checkpoint.size !== previous.size) return checkpoint.size > previous.size;
  return checkpoint.timestampMs >= previous.timestampMs && checkpoint.note !== previous.note;
}
