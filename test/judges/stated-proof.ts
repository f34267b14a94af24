import { verifyInclusion } from "../../src/core/merkle/audit-path.ts";
import { verifyConsistency } from "../../src/core/merkle/consistency-proof.ts";
import { ProofError } from "../../src/core/merkle/proof-error.ts";
import type { LogSnapshot } from "../../src/ports/log-store.ts";
import { readAuditPath, readConsistencyProof, readRoot } from "../../src/tlog/log-reader.ts";

/** A proof and all that it is said to prove: what a judge of proofs is asked. Hashes should have 32 bytes. */
export type StatedProof =
  | {
      readonly kind: "inclusion";
      readonly index: number;
      readonly size: number;
      readonly leaf: Uint8Array;
      readonly root: Uint8Array;
      readonly proof: readonly Uint8Array[];
    }
  | {
      readonly kind: "consistency";
      readonly size1: number;
      readonly size2: number;
      readonly root1: Uint8Array;
      readonly root2: Uint8Array;
      readonly proof: readonly Uint8Array[];
    };

/** Random numbers, 0 ≤ n < 1. */
export type Random = () => number;

/** A whole number, `from` ≤ n ≤ `to`. */
export const drawBetween = (random: Random, from: number, to: number): number =>
  from + Math.floor(random() * (to - from + 1));

/** What our verifier says of it. */
export function holdsForUs(stated: StatedProof): boolean {
  try {
    if (stated.kind === "inclusion") {
      const { leaf, index, size, root, proof } = stated;
      verifyInclusion({ leafHash: leaf, leafIndex: index, treeSize: size, root }, proof);
    } else {
      const { size1, size2, root1, root2, proof } = stated;
      verifyConsistency({ size: size1, root: root1 }, { size: size2, root: root2 }, proof);
    }
    return true;
  } catch (error) {
    if (error instanceof ProofError) return false;
    throw error;
  }
}

/** A proof of either kind at random, made from the tiles of a log, every fourth of consistency. */
export async function drawProof(
  snapshot: LogSnapshot,
  leaves: readonly Uint8Array[],
  random: Random,
): Promise<StatedProof> {
  const size = drawBetween(random, 1, snapshot.checkpoint.size);
  if (random() < 0.25) {
    const later = drawBetween(random, size, snapshot.checkpoint.size);
    const [root1, root2] = await Promise.all([readRoot(snapshot, size), readRoot(snapshot, later)]);
    const proof = await readConsistencyProof(snapshot, size, later);
    return { kind: "consistency", size1: size, size2: later, root1, root2, proof };
  }
  const index = drawBetween(random, 0, size - 1);
  const [root, proof] = await Promise.all([readRoot(snapshot, size), readAuditPath(snapshot, index, size)]);
  const leaf = leaves[index];
  if (leaf === undefined) throw new RangeError(`no leaf ${String(index)}`);
  return { kind: "inclusion", index, size, leaf, root, proof };
}
