import { MayflyError } from "../core/errors.ts";
import { verifyInclusion, type Inclusion } from "../core/merkle/audit-path.ts";
import { verifyConsistency, type StatedTree } from "../core/merkle/consistency-proof.ts";
import { ProofError } from "../core/merkle/proof-error.ts";

/**
 * Verifies that a leaf is in a tree (RFC 9162 §2.1.3.2).
 *
 * @param path 32 bytes each, the leaf's sibling first
 * @throws MayflyError `log_failed` (LOG_PROOF_INVALID) when the path does not prove it, whatever the reason
 */
export function verifyInclusionProof(inclusion: Inclusion, path: readonly Uint8Array[]): void {
  asProofFailure(() => {
    verifyInclusion(inclusion, path);
  });
}

/**
 * Verifies that one tree continues another (RFC 9162 §2.1.4.2). Nothing can be proved about the empty tree.
 *
 * @param proof 32 bytes each
 * @throws MayflyError `log_failed` (LOG_PROOF_INVALID) when the proof does not prove it, whatever the reason
 */
export function verifyConsistencyProof(first: StatedTree, second: StatedTree, proof: readonly Uint8Array[]): void {
  asProofFailure(() => {
    verifyConsistency(first, second, proof);
  });
}

function asProofFailure(verify: () => void): void {
  try {
    verify();
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause;
    throw new MayflyError("LOG_PROOF_INVALID", cause.message, { cause });
  }
}
