import type { PublishedCheckpoint } from "../../ports/log-store.ts";
import type { Witness, WitnessAnswer } from "../../ports/witness.ts";

/** How far a witness has seen a log come, compared with one checkpoint of it. */
export type WitnessMark =
  /** It has cosigned this tree last. */
  | { readonly kind: "same" }
  /** It has cosigned a tree of another size last; 0 for none. */
  | { readonly kind: "other-size"; readonly size: number }
  /** It has cosigned another tree of this size: these are two logs. */
  | { readonly kind: "other-tree" }
  /** It does not say. */
  | { readonly kind: "unknown"; readonly answer: WitnessAnswer };

/**
 * Asks a witness how far it has seen a log come, without having it cosign anything new: it is shown a checkpoint as if it
 * had cosigned that one last. Nobody else who writes to the log may be at work meanwhile, or the answer is old.
 *
 * @param checkpoint signed by the log
 */
export async function askWitnessMark(witness: Witness, { size, note }: PublishedCheckpoint): Promise<WitnessMark> {
  const answer = await witness.addCheckpoint({ oldSize: size, proof: [], note });
  switch (answer.result) {
    case "cosigned":
      return { kind: "same" };
    case "inconsistent":
      return { kind: "other-tree" };
    case "conflict":
      return answer.size === undefined || answer.size === size
        ? { kind: "other-tree" }
        : { kind: "other-size", size: answer.size };
    default:
      return { kind: "unknown", answer };
  }
}
