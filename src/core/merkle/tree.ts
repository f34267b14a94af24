import { hash } from "node:crypto";

/** Length of every hash of the tree in bytes (SHA-256). */
export const HASH_LENGTH = 32;

/** Root of the tree without leaves: SHA-256 of nothing (RFC 6962 §2.1). */
export const EMPTY_ROOT: Uint8Array = hash("sha256", new Uint8Array(0), "buffer");

/** The leaves `start` ≤ index < `end` of a log. */
export interface Subtree {
  readonly start: number;
  readonly end: number;
}

/** Input of {@link nodeHash}, reused: hashing is synchronous, and building it anew costs as much as hashing it. */
const nodeInput = new Uint8Array(1 + 2 * HASH_LENGTH);
nodeInput[0] = 1;

/** `SHA-256(0x00 || leafInput)`, 32 bytes (RFC 6962 §2.1). */
export function leafHash(leafInput: Uint8Array): Uint8Array {
  // Copied behind its prefix: an incremental hash would leave an object with a destructor behind for each leaf.
  const input = Buffer.allocUnsafe(1 + leafInput.length);
  input[0] = 0;
  input.set(leafInput, 1);
  return hash("sha256", input, "buffer");
}

/**
 * `SHA-256(0x01 || left || right)`, 32 bytes (RFC 6962 §2.1).
 *
 * @throws RangeError unless both are 32 bytes
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== HASH_LENGTH || right.length !== HASH_LENGTH)
    throw new RangeError("a node has two 32-byte hashes");
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_LENGTH);
  return hash("sha256", nodeInput, "buffer");
}

/** The largest power of two smaller than `size`: where a tree of `size` > 1 leaves is split (RFC 6962 §2.1). */
export function splitPoint(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

/**
 * Merkle tree hash over leaves that are hashed already (RFC 6962 §2.1).
 *
 * @param leafHashes 32 bytes each, in log order
 * @param subtree which of them to take, all by default
 * @returns the root, 32 bytes; {@link EMPTY_ROOT} when there are no leaves
 * @throws RangeError when the subtree reaches beyond the leaves
 */
export function merkleTreeHash(
  leafHashes: readonly Uint8Array[],
  { start, end }: Subtree = { start: 0, end: leafHashes.length },
): Uint8Array {
  if (start === end) return EMPTY_ROOT;
  if (end - start === 1) return leafAt(leafHashes, start);
  const middle = start + splitPoint(end - start);
  return nodeHash(
    merkleTreeHash(leafHashes, { start, end: middle }),
    merkleTreeHash(leafHashes, { start: middle, end }),
  );
}

function leafAt(leafHashes: readonly Uint8Array[], index: number): Uint8Array {
  const leaf = leafHashes[index];
  if (leaf?.length !== HASH_LENGTH) throw new RangeError(`no 32-byte hash of leaf ${index}`);
  return leaf;
}

/**
 * Adds one leaf to the right edge of a tree, without any other node of it.
 *
 * @param rightEdge hashes of the perfect subtrees that `size` is made of, largest first
 * @param size leaves in the tree so far
 * @returns the right edge of the tree with `size` + 1 leaves; `rightEdge` stays as it is
 * @throws RangeError when `rightEdge` does not belong to a tree of that size
 */
export function appendToRightEdge(
  rightEdge: readonly Uint8Array[],
  size: number,
  leafHash: Uint8Array,
): readonly Uint8Array[] {
  if (rightEdge.length !== perfectSubtrees(size)) {
    throw new RangeError(`a tree of ${size} leaves has no right edge of ${rightEdge.length} hashes`);
  }
  const edge = [...rightEdge];
  let last = leafHash;
  // Two perfect subtrees of equal size make one of twice the size: the carries of a binary counter.
  for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
    const left = edge.pop();
    if (left === undefined) throw new RangeError("right edge too short");
    last = nodeHash(left, last);
  }
  edge.push(last);
  return edge;
}

/**
 * Root of the tree whose right edge this is (RFC 6962 §2.1).
 *
 * @param rightEdge hashes of its perfect subtrees, largest first; empty for the empty tree
 */
export function rootOfRightEdge(rightEdge: readonly Uint8Array[]): Uint8Array {
  return rightEdge.length === 0 ? EMPTY_ROOT : rightEdge.reduceRight((right, left) => nodeHash(left, right));
}

/** How many perfect subtrees a tree of `size` leaves is made of: one for every binary 1. */
function perfectSubtrees(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`${size} is no tree size`);
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
