import { EMPTY_ROOT } from "../../core/merkle/tree.ts";
import type { LogManifest, TreeHead } from "../../ports/log-store.ts";

/** The head of a log without entries (RFC 6962 §2.1); no entry can be older than the log. */
export function emptyTreeHead({ createdMs }: LogManifest): TreeHead {
  return { size: 0, root: EMPTY_ROOT, rightEdge: [], partialTiles: [], timestampMs: createdMs };
}
