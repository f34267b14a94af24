import { createRequire } from "node:module";

/** The fields of a log entry that sigstore-js looks at to verify its inclusion. */
interface ProvenEntry {
  readonly canonicalizedBody: Buffer;
  readonly inclusionProof: { readonly logIndex: string; readonly hashes: readonly Buffer[] };
}

interface JudgeModule {
  readonly verifyMerkleInclusion: (
    entry: ProvenEntry,
    tree: { readonly logSize: bigint; readonly logHash: Buffer },
  ) => void;
}

const { verifyMerkleInclusion } = createRequire(import.meta.url)("@sigstore/verify/dist/tlog/merkle.js") as JudgeModule;

/** An inclusion as `get-entry-and-proof` and `get-sth` state it (RFC 6962 §4.8, §4.3). */
export interface StatedInclusion {
  readonly leafInput: Buffer;
  readonly leafIndex: number;
  readonly auditPath: readonly Buffer[];
  readonly treeSize: number;
  readonly root: Buffer;
}

/** Has sigstore-js judge an audit path of RFC 6962; throws its VerificationError. */
export function requireIncluded({ leafInput, leafIndex, auditPath, treeSize, root }: StatedInclusion): void {
  verifyMerkleInclusion(
    { canonicalizedBody: leafInput, inclusionProof: { logIndex: String(leafIndex), hashes: auditPath } },
    { logSize: BigInt(treeSize), logHash: root },
  );
}
