import { climb } from "./climb.ts";
import { ProofError } from "./proof-error.ts";
import { HASH_LENGTH, merkleTreeHash, splitPoint, type Subtree } from "./tree.ts";

/** The statement that an audit path proves: this leaf is at this place in the tree with this root. */
export interface Inclusion {
  /** 32 bytes. */
  readonly leafHash: Uint8Array;
  readonly leafIndex: number;
  readonly treeSize: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/**
 * The subtrees whose hashes are the audit path of leaf `leafIndex` in the tree of the first `treeSize` leaves (RFC 6962
 * §2.1.1), in the path's order: the leaf's sibling first. Whoever holds tiles can resolve them without any leaf.
 *
 * @throws RangeError unless 0 ≤ leafIndex < treeSize
 */
export function auditPathSubtrees(leafIndex: number, treeSize: number): readonly Subtree[] {
  if (!isLeafOf(leafIndex, treeSize)) throw new RangeError(`no leaf ${leafIndex} in a tree of ${treeSize}`);
  const siblings: Subtree[] = [];
  let start = 0;
  let end = treeSize;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (leafIndex < middle) {
      siblings.push({ start: middle, end });
      end = middle;
    } else {
      siblings.push({ start, end: middle });
      start = middle;
    }
  }
  return siblings.reverse();
}

/**
 * Audit path proving that leaf `leafIndex` is in the tree of the first `treeSize` leaves (RFC 6962 §2.1.1).
 *
 * @param leafHashes SHA-256 leaf hashes, 32 bytes each, in log order
 * @returns 32-byte node hashes, the leaf's sibling first; empty when `treeSize` is 1
 * @throws RangeError unless 0 ≤ leafIndex < treeSize ≤ leafHashes.length
 */
export function auditPath(leafHashes: readonly Uint8Array[], leafIndex: number, treeSize: number): Uint8Array[] {
  if (treeSize > leafHashes.length) throw new RangeError(`${treeSize} leaves asked of ${leafHashes.length}`);
  return auditPathSubtrees(leafIndex, treeSize).map((subtree) => merkleTreeHash(leafHashes, subtree));
}

/**
 * Verifies an audit path (RFC 9162 §2.1.3.2).
 *
 * @throws ProofError when it does not prove the inclusion, whatever the reason
 */
export function verifyInclusion(inclusion: Inclusion, path: readonly Uint8Array[]): void {
  const { leafHash, leafIndex, treeSize, root } = inclusion;
  if (!isLeafOf(leafIndex, treeSize)) throw new ProofError(`no leaf ${leafIndex} in a tree of ${treeSize}`);
  if ([leafHash, root, ...path].some((hash) => hash.length !== HASH_LENGTH))
    throw new ProofError("hash of wrong length");
  const climbed = climb({ node: leafIndex, lastNode: treeSize - 1 }, leafHash, path);
  if (Buffer.compare(climbed.root, root) !== 0) throw new ProofError("audit path leads to another root");
}

function isLeafOf(leafIndex: number, treeSize: number): boolean {
  return Number.isSafeInteger(leafIndex) && Number.isSafeInteger(treeSize) && leafIndex >= 0 && leafIndex < treeSize;
}
