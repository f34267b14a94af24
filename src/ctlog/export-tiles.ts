import { hash } from "node:crypto";
import { MayflyError } from "../core/errors.ts";
import { tilePath, type TileName } from "../core/merkle/tile.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";
import type { LogRecords } from "../ports/log-store.ts";
import type { StaticFiles } from "../ports/static-files.ts";
import type { TrustedTiles } from "../tlog/trusted-tiles.ts";
import { FileBatch } from "./file-batch.ts";
import { encodeTileFile, isGzip, readTileFile, tileFileHolds } from "./read-tile-file.ts";
import { partialTilesOf } from "./static-directory-tiles.ts";

/** What {@link TileExport} reads and writes. */
export interface TileExportOptions {
  readonly records: Pick<LogRecords, "entries" | "issuer">;
  readonly tiles: TrustedTiles;
  readonly files: StaticFiles;
  /** Compress data tiles. */
  readonly gzip: boolean;
}

/** How a file that is there already is looked at: by its length, or by every byte of it. */
export type Scrutiny = "length" | "content";

/**
 * Puts tiles, and the certificates that their entries refer to, into a static-ct-api folder. What is there and right is left
 * alone; what is there and wrong is never replaced, because what was public once must not change.
 */
export class TileExport {
  readonly #options: TileExportOptions;
  readonly #batch: FileBatch;
  /** Fingerprints of certificates that are on the disk. */
  readonly #issuers = new Set<string>();

  constructor(options: TileExportOptions) {
    this.#options = options;
    this.#batch = new FileBatch(options.files);
  }

  /** Files that were given to be written, and their bytes. */
  get written(): { readonly files: number; readonly bytes: number } {
    return this.#batch.written;
  }

  /**
   * Makes sure of one tile; it is on the disk after the next {@link flush}.
   *
   * @throws MayflyError `log_failed`: EXPORT_CONFLICT when another file is in its place, LOG_CORRUPT when the log's records
   *   do not follow from its checkpoint
   */
  async add(name: TileName, scrutiny: Scrutiny): Promise<void> {
    const { files, records, tiles, gzip } = this.#options;
    const path = tilePath(name);
    const length = await files.size(path);
    if (length !== undefined && scrutiny === "length") {
      if (!hasLengthOf(name, length)) throw conflict(files, path);
      return;
    }
    const { bytes, issuers } = await readTileFile(records, tiles, name);
    for (const fingerprint of issuers) await this.#addIssuer(fingerprint);
    if (length === undefined) {
      await this.#batch.add({ path, bytes: await encodeTileFile(name, bytes, gzip) });
    } else {
      const there = await files.read(path);
      if (there === undefined || !(await tileFileHolds(there, bytes))) throw conflict(files, path);
    }
  }

  /** When it returns, everything that was added is on the disk. */
  flush(): Promise<void> {
    return this.#batch.flush();
  }

  async #addIssuer(fingerprint: string): Promise<void> {
    if (this.#issuers.has(fingerprint)) return;
    const { files, records } = this.#options;
    const path = `issuer/${fingerprint}`;
    const der = await records.issuer(Buffer.from(fingerprint, "hex"));
    if (der === undefined) throw new MayflyError("LOG_CORRUPT", `issuer ${fingerprint} is missing`);
    if (hash("sha256", der, "hex") !== fingerprint)
      throw new MayflyError("LOG_CORRUPT", `issuer ${fingerprint} was changed`);
    const there = await files.read(path);
    if (there !== undefined && Buffer.compare(there, der) !== 0) throw conflict(files, path);
    if (there === undefined) await this.#batch.add({ path, bytes: der });
    // Before the first tile that needs it.
    await this.#batch.flush();
    this.#issuers.add(fingerprint);
  }
}

/**
 * Checks that data tiles which are in a folder are compressed, or not, as new ones are going to be: a web server is told
 * once how it is for all of them.
 *
 * @param size of the log that is in the folder
 * @throws MayflyError `log_failed` (EXPORT_CONFLICT)
 */
export async function requireSameEncoding(files: StaticFiles, size: number, gzip: boolean): Promise<void> {
  const names: readonly TileName[] = [{ kind: "data", index: 0, width: 256 }, ...partialTilesOf(size)];
  for (const name of names) {
    if (name.kind !== "data") continue;
    const there = await files.read(tilePath(name));
    if (there === undefined) continue;
    if (isGzip(there) === gzip) return;
    const how = gzip ? "without compression" : "with gzip";
    throw new MayflyError(
      "EXPORT_CONFLICT",
      `${files.location} holds data tiles ${how}: go on so, or use a new folder`,
    );
  }
}

/** How long a data tile is, nobody knows without reading its entries. */
function hasLengthOf(name: TileName, length: number): boolean {
  return name.kind === "hash" ? length === name.width * HASH_LENGTH : length > 0;
}

function conflict({ location }: StaticFiles, path: string): MayflyError {
  return new MayflyError(
    "EXPORT_CONFLICT",
    `${location}/${path} is not what the log holds there; it was left as it is`,
  );
}
