import { nodeHash } from "./tree.ts";
import { ProofError } from "./proof-error.ts";

/** A node and the last node of its level, counted from 0. */
export interface Place {
  readonly node: number;
  readonly lastNode: number;
}

/** Where a climb arrived. */
export interface Roots {
  /** Root of the whole tree. */
  readonly root: Uint8Array;
  /** Root of the tree that ends with the node the climb began at: only siblings to the left went into it. */
  readonly leftRoot: Uint8Array;
}

/**
 * Climbs from a node to the root, taking one sibling per level that has one: the loop of both verification algorithms
 * (RFC 9162 §2.1.3.2 and §2.1.4.2).
 *
 * @param seed hash of the node at `place`
 * @param siblings lowest first, 32 bytes each
 * @throws ProofError when there are more or fewer siblings than levels that need one
 */
export function climb(place: Place, seed: Uint8Array, siblings: readonly Uint8Array[]): Roots {
  let { node, lastNode } = place;
  let root = seed;
  let leftRoot = seed;
  for (const sibling of siblings) {
    if (lastNode === 0) throw new ProofError("proof too long");
    if (node % 2 === 1 || node === lastNode) {
      root = nodeHash(sibling, root);
      leftRoot = nodeHash(sibling, leftRoot);
      // The last node of a level may be alone there: it has no sibling until it is a right child.
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        lastNode = Math.floor(lastNode / 2);
      }
    } else {
      root = nodeHash(root, sibling);
    }
    node = Math.floor(node / 2);
    lastNode = Math.floor(lastNode / 2);
  }
  if (lastNode !== 0) throw new ProofError("proof too short");
  return { root, leftRoot };
}
