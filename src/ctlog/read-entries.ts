import { decodeCtExtensions } from "../core/ct/ct-extensions.ts";
import { encodeMerkleTreeLeaf, type SignedEntry } from "../core/ct/log-entry.ts";
import { decodeTileLeaf } from "../core/ct/static-entry.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import { hashOfFullTile, TILE_WIDTH } from "../core/merkle/tile.ts";
import { leafHash } from "../core/merkle/tree.ts";
import type { LogSource } from "../ports/log-source.ts";
import { readParts, type EntryRange, type StoredPart } from "../tlog/read-parts.ts";
import type { VerifiedTiles } from "../tlog/verified-tiles.ts";

/** An entry of a certificate log (RFC 6962 §3.4, C2SP static-ct-api). */
export interface LogEntry {
  readonly index: number;
  /** SHA-256 leaf hash (RFC 6962 §2.1), 32 bytes. */
  readonly leafHash: Uint8Array;
  /** Milliseconds since the Unix epoch, as its SCT says. */
  readonly timestampMs: number;
  /** The certificate, or the TBS of the precertificate and its issuer's key hash. */
  readonly signedEntry: SignedEntry;
  /** DER of the whole precertificate of a precert_entry. The tree does not commit to it. */
  readonly preCertificate?: Uint8Array;
  /**
   * SHA-256 of each certificate of the chain above the leaf, issuing CA first, 32 bytes each. The tree does not commit to
   * them.
   */
  readonly certificateChain: readonly Uint8Array[];
}

/**
 * Reads entries and compares each data tile with the tree before any entry of it is given.
 *
 * @param tiles of the tree that the entries are of
 * @throws MayflyError `log_failed`: SOURCE_INVALID when entries are not those of the tree, ENTRY_INVALID when one of them is
 *   no entry of a certificate log, or says that it is another; RangeError unless 0 ≤ start ≤ end ≤ the tree's size
 */
export async function* readEntries(
  source: LogSource,
  tiles: VerifiedTiles,
  range: EntryRange,
): AsyncGenerator<LogEntry, void, void> {
  for await (const part of readParts(source, range, tiles.checkpoint.size)) {
    const entries = part.stored.map((stored, at) => decodeLogEntry(stored, part.start + at));
    await requireInTree(source, tiles, { ...part, hashes: Buffer.concat(entries.map((entry) => entry.leafHash)) });
    yield* entries.filter(({ index }) => index >= range.start && index < range.end);
  }
}

/**
 * Reads entries as the log gives them: whether they are in any tree is not known.
 *
 * @throws MayflyError `log_failed` and RangeError as {@link readEntries}
 */
export async function* readUnverifiedEntries(
  source: LogSource,
  range: EntryRange,
  treeSize: number,
): AsyncGenerator<LogEntry, void, void> {
  for await (const { start, stored } of readParts(source, range, treeSize)) {
    for (const [at, bytes] of stored.entries()) {
      const index = start + at;
      if (index >= range.start && index < range.end) yield decodeLogEntry(bytes, index);
    }
  }
}

/**
 * Reads the TileLeaf bytes of an entry (C2SP static-ct-api).
 *
 * @throws MayflyError `log_failed` (ENTRY_INVALID) when they are none, or its leaf_index extension names another index
 */
export function decodeLogEntry(stored: Uint8Array, index: number): LogEntry {
  try {
    const { timestampedEntry, ...rest } = decodeTileLeaf(stored);
    const { timestampMs, signedEntry, extensions } = timestampedEntry;
    const stated = decodeCtExtensions(extensions);
    // An RFC 6962 log has no such extension.
    if (stated !== undefined && stated !== index) throw new PresentationError(`says that it is entry ${stated}`);
    return { index, leafHash: leafHash(encodeMerkleTreeLeaf(timestampedEntry)), timestampMs, signedEntry, ...rest };
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("ENTRY_INVALID", `entry ${index}: ${cause.message}`, { cause });
  }
}

async function requireInTree(
  source: LogSource,
  tiles: VerifiedTiles,
  { start, stored, hashes }: StoredPart & { readonly hashes: Uint8Array },
): Promise<void> {
  const index = start / TILE_WIDTH;
  const isInTree =
    stored.length === TILE_WIDTH
      ? isEqual(hashOfFullTile(hashes), await tiles.fullTileHash(index))
      : isEqual(hashes, await tiles.tile(0, index));
  if (isInTree) return;
  throw new MayflyError(
    "SOURCE_INVALID",
    `${source.location}: data tile ${index} is not that of the checkpoint of ${tiles.checkpoint.size} entries`,
  );
}

function isEqual(computed: Uint8Array, stated: Uint8Array | undefined): boolean {
  return stated !== undefined && Buffer.compare(computed, stated) === 0;
}
