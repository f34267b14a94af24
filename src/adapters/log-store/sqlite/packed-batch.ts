import { packBytes } from "../../../core/encoding/packed-bytes.ts";
import { HASH_LENGTH } from "../../../core/merkle/tree.ts";
import type { CommitBatch, NewEntry, StoredIssuer, TileWrite, TreeHead } from "../../../ports/log-store.ts";

/**
 * A batch on its way to the writer's thread: all bytes in one buffer that changes its owner, because a message with some
 * sixty small buffers costs more than the transaction it asks for.
 */
export interface PackedBatch {
  /** Every byte field in the order of {@link fieldsOf}. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly previousSize: number;
  readonly previousEdge: number;
  readonly headSize: number;
  readonly headEdge: number;
  readonly timestampMs: number;
  readonly storedLengths: readonly number[];
  readonly tiles: readonly { readonly level: number; readonly index: number; readonly length: number }[];
  readonly issuerLengths: readonly number[];
}

/** What the writer needs of a batch: a {@link CommitBatch} whose heads have no partial tiles. */
export interface WriterBatch extends Omit<CommitBatch, "previous" | "head"> {
  readonly previous: WriterHead;
  readonly head: WriterHead & Pick<TreeHead, "timestampMs">;
}

type WriterHead = Pick<TreeHead, "size" | "root" | "rightEdge">;

/** Copies a batch into one buffer. */
export function packBatch(batch: CommitBatch): PackedBatch {
  const { previous, head, entries, tiles, issuers } = batch;
  return {
    bytes: packBytes(fieldsOf(batch)).bytes,
    previousSize: previous.size,
    previousEdge: previous.rightEdge.length,
    headSize: head.size,
    headEdge: head.rightEdge.length,
    timestampMs: head.timestampMs,
    storedLengths: entries.map(({ stored }) => stored.length),
    tiles: tiles.map(({ level, index, hashes }) => ({ level, index, length: hashes.length })),
    issuerLengths: issuers.map(({ der }) => der.length),
  };
}

function fieldsOf({ previous, head, entries, tiles, issuers }: CommitBatch): Uint8Array[] {
  return [
    previous.root,
    ...previous.rightEdge,
    head.root,
    ...head.rightEdge,
    ...entries.flatMap(({ leafHash, storedSha256, submissionKey, stored }) => [
      leafHash,
      storedSha256,
      submissionKey,
      stored,
    ]),
    ...tiles.map(({ hashes }) => hashes),
    ...issuers.flatMap(({ fingerprint, der }) => [fingerprint, der]),
  ];
}

/** The batch again, as views into the buffer. */
export function unpackBatch(packed: PackedBatch): WriterBatch {
  let at = 0;
  const take = (length: number): Uint8Array => packed.bytes.subarray(at, (at += length));
  const takeHash = (): Uint8Array => take(HASH_LENGTH);
  const takeHead = (size: number, edge: number): WriterHead => ({
    size,
    root: takeHash(),
    rightEdge: Array.from({ length: edge }, takeHash),
  });
  const previous = takeHead(packed.previousSize, packed.previousEdge);
  const head = { ...takeHead(packed.headSize, packed.headEdge), timestampMs: packed.timestampMs };
  const entries = packed.storedLengths.map((length): NewEntry => ({
    leafHash: takeHash(),
    storedSha256: takeHash(),
    submissionKey: takeHash(),
    stored: take(length),
  }));
  const tiles = packed.tiles.map(({ level, index, length }): TileWrite => ({ level, index, hashes: take(length) }));
  const issuers = packed.issuerLengths.map((length): StoredIssuer => ({ fingerprint: takeHash(), der: take(length) }));
  return { previous, head, entries, tiles, issuers };
}
