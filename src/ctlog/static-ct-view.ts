import { MayflyError } from "../core/errors.ts";
import { TILE_WIDTH, tileWidthAt } from "../core/merkle/tile.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";
import type { LogManifest, LogSnapshot, LogStore, PublishedCheckpoint } from "../ports/log-store.ts";
import { makeCheckpointCheck } from "./verify-checkpoint.ts";

/** What monitors read (C2SP static-ct-api). Each answer comes from one published state of the log. */
export interface StaticCtView {
  /**
   * The published checkpoint, a signed note in UTF-8, with the cosignatures of exactly its tree.
   *
   * @throws MayflyError `log_unavailable` while nothing is published, `log_failed` (LOG_CORRUPT) when a signature is wrong
   */
  checkpoint(): Promise<Uint8Array>;
  /** The newest checkpoint that a quorum of witnesses has cosigned; undefined while there is none. */
  cosignedCheckpoint(): Promise<Uint8Array | undefined>;
  /**
   * Hash tile, as far as it is published; a partial one for any width that a checkpoint, old or new, implies.
   *
   * @param width 1 to 256 hashes
   * @returns 32 bytes per hash; undefined beyond the published checkpoint
   */
  hashTile(level: number, index: number, width: number): Promise<Uint8Array | undefined>;
  /**
   * Data tile: TileLeaf structures one after the other.
   *
   * @param width 1 to 256 entries
   * @returns undefined beyond the published checkpoint
   */
  dataTile(index: number, width: number): Promise<Uint8Array | undefined>;
  /** DER of a certificate that chains in data tiles refer to, by its SHA-256; undefined when there is none. */
  issuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined>;
}

/** What witnesses have made of a log's checkpoints. */
export interface CosignedView {
  /** The checkpoint with every cosignature that came for exactly its tree. */
  readonly complete: (checkpoint: PublishedCheckpoint) => PublishedCheckpoint;
  /** The newest one that a quorum has cosigned. */
  readonly cosigned: () => PublishedCheckpoint | undefined;
}

/** Of a log without witnesses. */
const NOT_COSIGNED: CosignedView = { complete: (checkpoint) => checkpoint, cosigned: () => undefined };

/** What a {@link StaticCtView} is made of. */
export interface StaticCtLog {
  readonly store: LogStore;
  readonly manifest: LogManifest;
  /** What witnesses have made of its checkpoints; nothing when left out. */
  readonly witnesses?: CosignedView | undefined;
  /** Told of a published checkpoint that one of the log's keys has not signed, each time it is asked for. */
  readonly onCorrupt?: (error: MayflyError) => void;
}

/** Makes the view that a log's readers get, straight from its store. */
export function makeStaticCtView(log: StaticCtLog): StaticCtView {
  const { store, witnesses = NOT_COSIGNED } = log;
  const requireShowable = makeShowableCheck(log);
  return {
    checkpoint: async () => {
      const { checkpoint } = await store.snapshot();
      requireShowable(checkpoint);
      return Buffer.from(witnesses.complete(checkpoint).note);
    },
    cosignedCheckpoint: () => {
      const checkpoint = witnesses.cosigned();
      return Promise.resolve(checkpoint && Buffer.from(checkpoint.note));
    },
    hashTile: async (level, index, width) => hashTileOf(await store.snapshot(), { level, index, width }),
    dataTile: async (index, width) => dataTileOf(await store.snapshot(), { index, width }),
    issuer: async (fingerprint) => (await store.snapshot()).issuer(fingerprint),
  };
}

/** Here the Ed25519 line of most checkpoints is verified for the first time. */
function makeShowableCheck({ manifest, onCorrupt }: StaticCtLog): (checkpoint: PublishedCheckpoint) => void {
  const check = makeCheckpointCheck(manifest);
  return (checkpoint) => {
    try {
      check(checkpoint);
    } catch (error) {
      if (error instanceof MayflyError) onCorrupt?.(error);
      throw error;
    }
  };
}

async function hashTileOf(
  snapshot: LogSnapshot,
  { level, index, width }: { readonly level: number; readonly index: number; readonly width: number },
): Promise<Uint8Array | undefined> {
  if (!isWidth(width) || width > tileWidthAt(level, index, snapshot.checkpoint.size)) return undefined;
  // A partial tile is the beginning of each wider version of itself.
  return (await snapshot.tile(level, index))?.subarray(0, width * HASH_LENGTH);
}

async function dataTileOf(
  snapshot: LogSnapshot,
  { index, width }: { readonly index: number; readonly width: number },
): Promise<Uint8Array | undefined> {
  if (!isWidth(width) || width > tileWidthAt(0, index, snapshot.checkpoint.size)) return undefined;
  return Buffer.concat(await snapshot.entries(index * TILE_WIDTH, index * TILE_WIDTH + width));
}

function isWidth(width: number): boolean {
  return Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH;
}
