import { climb, type Roots } from "./climb.ts";
import { ProofError } from "./proof-error.ts";
import { HASH_LENGTH, merkleTreeHash, splitPoint, type Subtree } from "./tree.ts";

/** A tree as somebody states it; {@link verifyConsistency} compares two of them. */
export interface StatedTree {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/**
 * The subtrees whose hashes are the consistency proof between the first `first` and the first `second` leaves (RFC 6962
 * §2.1.2), in the proof's order. Whoever holds tiles can resolve them without any leaf.
 *
 * @returns nothing when the sizes are equal
 * @throws RangeError unless 0 < first ≤ second
 */
export function consistencySubtrees(first: number, second: number): readonly Subtree[] {
  if (!areSizes(first, second)) throw new RangeError(`no consistency proof from size ${first} to ${second}`);
  const subtrees: Subtree[] = [];
  let start = 0;
  let end = second;
  while (first < end) {
    const middle = start + splitPoint(end - start);
    if (first <= middle) {
      subtrees.push({ start: middle, end });
      end = middle;
    } else {
      subtrees.push({ start, end: middle });
      start = middle;
    }
  }
  // What is left, [start, first), ends both trees' common part; as the whole first tree its root is known already.
  if (start > 0) subtrees.push({ start, end });
  return subtrees.reverse();
}

/**
 * Proof that the tree of the first `second` leaves continues the tree of the first `first` (RFC 6962 §2.1.2).
 *
 * @param leafHashes SHA-256 leaf hashes, 32 bytes each, in log order
 * @returns 32-byte node hashes; none when the sizes are equal
 * @throws RangeError unless 0 < first ≤ second ≤ leafHashes.length
 */
export function consistencyProof(leafHashes: readonly Uint8Array[], first: number, second: number): Uint8Array[] {
  if (second > leafHashes.length) throw new RangeError(`${second} leaves asked of ${leafHashes.length}`);
  return consistencySubtrees(first, second).map((subtree) => merkleTreeHash(leafHashes, subtree));
}

/**
 * Verifies that `second` is an append-only continuation of `first` (RFC 9162 §2.1.4.2). Nothing can be proved about a
 * continuation of the empty tree, so size 0 is refused.
 *
 * @throws ProofError when the proof does not prove it, whatever the reason
 */
export function verifyConsistency(first: StatedTree, second: StatedTree, proof: readonly Uint8Array[]): void {
  if (!areSizes(first.size, second.size))
    throw new ProofError(`no proof leads from size ${first.size} to ${second.size}`);
  if ([first.root, second.root, ...proof].some((hash) => hash.length !== HASH_LENGTH)) {
    throw new ProofError("hash of wrong length");
  }
  if (first.size === second.size) {
    if (proof.length !== 0) throw new ProofError("consistency proof too long");
    requireEqual(first.root, second.root, "trees of equal size have different roots");
    return;
  }
  const { root, leftRoot } = rootsOfProof(first, second.size, proof);
  requireEqual(leftRoot, first.root, "consistency proof leads to another first root");
  requireEqual(root, second.root, "consistency proof leads to another second root");
}

/** Climbs from the subtree that ends both the first tree and what the proof shares, to both roots at once. */
function rootsOfProof(first: StatedTree, secondSize: number, proof: readonly Uint8Array[]): Roots {
  let node = first.size - 1;
  let lastNode = secondSize - 1;
  while (node % 2 === 1) {
    node = Math.floor(node / 2);
    lastNode = Math.floor(lastNode / 2);
  }
  // The first tree is one perfect subtree exactly when this ends at node 0; then the proof leaves its root out.
  const [seed, ...siblings] = node === 0 ? [first.root, ...proof] : proof;
  if (seed === undefined) throw new ProofError("proof too short");
  return climb({ node, lastNode }, seed, siblings);
}

function requireEqual(computed: Uint8Array, stated: Uint8Array, message: string): void {
  if (Buffer.compare(computed, stated) !== 0) throw new ProofError(message);
}

function areSizes(first: number, second: number): boolean {
  return Number.isSafeInteger(first) && Number.isSafeInteger(second) && first > 0 && first <= second;
}
