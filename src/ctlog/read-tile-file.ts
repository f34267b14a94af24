import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { encodeMerkleTreeLeaf } from "../core/ct/log-entry.ts";
import { decodeTileLeaf, type TileLeaf } from "../core/ct/static-entry.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import { TILE_WIDTH, type TileName } from "../core/merkle/tile.ts";
import { HASH_LENGTH, leafHash } from "../core/merkle/tree.ts";
import type { LogRecords } from "../ports/log-store.ts";
import type { TrustedTiles } from "../tlog/trusted-tiles.ts";

const compress = promisify(gzip);
const inflate = promisify(gunzip);

/** What a tile's file holds, before it is compressed. */
export interface TileFileContent {
  readonly bytes: Uint8Array;
  /** Fingerprints of the certificates that its entries refer to, lower-case hex. */
  readonly issuers: ReadonlySet<string>;
}

const NO_ISSUERS: ReadonlySet<string> = new Set();

/**
 * Reads what belongs into a tile's file (C2SP static-ct-api). Nothing goes out that does not follow from the checkpoint: a
 * hash tile was shown to, and the entries of a data tile are hashed again and compared with theirs.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) naming the entry or the tile
 */
export async function readTileFile(
  records: Pick<LogRecords, "entries">,
  tiles: TrustedTiles,
  name: TileName,
): Promise<TileFileContent> {
  if (name.kind === "hash") return { bytes: await tiles.tile(name.level, name.index), issuers: NO_ISSUERS };
  const start = name.index * TILE_WIDTH;
  const entries = await records.entries(start, start + name.width);
  if (entries.length !== name.width) {
    throw new MayflyError(
      "LOG_CORRUPT",
      `of the ${name.width} entries from ${start} on only ${entries.length} are there`,
    );
  }
  const hashes = await tiles.tile(0, name.index);
  const issuers = new Set<string>();
  for (const [at, stored] of entries.entries()) {
    const leaf = decodeEntry(stored, start + at);
    const hash = leafHash(encodeMerkleTreeLeaf(leaf.timestampedEntry));
    if (Buffer.compare(hash, hashes.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH)) !== 0) {
      throw new MayflyError("LOG_CORRUPT", `entry ${start + at} is not the one that its hash was made of`);
    }
    for (const fingerprint of leaf.certificateChain) issuers.add(Buffer.from(fingerprint).toString("hex"));
  }
  return { bytes: Buffer.concat(entries), issuers };
}

function decodeEntry(stored: Uint8Array, index: number): TileLeaf {
  try {
    return decodeTileLeaf(stored);
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", `entry ${index} is no entry of a certificate log`, { cause });
  }
}

/** A data tile as its file holds it, compressed or not; hash tiles never are, nothing would come of it. */
export async function encodeTileFile(name: TileName, bytes: Uint8Array, useGzip: boolean): Promise<Uint8Array> {
  return useGzip && name.kind === "data" ? compress(bytes) : bytes;
}

/** Whether a tile's file is compressed (RFC 1952 §2.3.1). A data tile begins with a time, which cannot look so. */
export function isGzip(file: Uint8Array): boolean {
  return file[0] === 0x1f && file[1] === 0x8b;
}

/** Whether a tile's file holds these bytes, compressed or not: no two versions of a compressor need agree on theirs. */
export async function tileFileHolds(file: Uint8Array, bytes: Uint8Array): Promise<boolean> {
  if (!isGzip(file)) return Buffer.compare(file, bytes) === 0;
  // One byte more than expected is enough to tell, and a file that inflates without end is not inflated.
  const plain = await inflate(file, { maxOutputLength: bytes.length + 1 }).catch(() => undefined);
  return plain !== undefined && Buffer.compare(plain, bytes) === 0;
}
