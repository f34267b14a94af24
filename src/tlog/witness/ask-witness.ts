import { MayflyError } from "../../core/errors.ts";
import { verifyConsistency } from "../../core/merkle/consistency-proof.ts";
import { ProofError } from "../../core/merkle/proof-error.ts";
import type { LogStore, PublishedCheckpoint } from "../../ports/log-store.ts";
import type { ShownCheckpoint, Witness, WitnessAnswer } from "../../ports/witness.ts";
import { readConsistencyProof, readRoot } from "../log-reader.ts";

/** A witness that has cosigned what this log does not have, and everything needed to judge that later. */
export interface WitnessFork {
  readonly witness: string;
  /** `ahead`: it has seen more entries than are committed. `other-tree`: what it has seen is no part of this log. */
  readonly kind: "ahead" | "other-tree";
  /** What is wrong, for operators. */
  readonly detail: string;
  /** Size that the witness was asked to continue, and the size it says to have seen, if it does. */
  readonly oldSize: number;
  readonly witnessSize: number | undefined;
  /** Our committed tree, read after the answer; the root is 32 bytes. */
  readonly head: { readonly size: number; readonly root: Uint8Array };
  /** What was sent, and what came back. */
  readonly answer: WitnessAnswer;
}

/** What came of asking a witness. */
export type AskedWitness =
  | { readonly kind: "cosigned"; readonly answer: Extract<WitnessAnswer, { readonly result: "cosigned" }> }
  /** No cosignature, which says nothing about the log. */
  | { readonly kind: "failed"; readonly answer: WitnessAnswer; readonly witnessSize?: number }
  | { readonly kind: "forked"; readonly fork: WitnessFork };

/** What is asked. */
export interface Question {
  readonly witness: Witness;
  readonly store: LogStore;
  /** Signed by the log; its tree is committed. */
  readonly checkpoint: PublishedCheckpoint;
  /** Size that the witness cosigned last, as far as is known. */
  readonly knownSize: number;
  /** Told of each answer. */
  readonly onAnswer?: (answer: WitnessAnswer) => void;
}

/** Two for a size that was not known, two for somebody else who asks for the same log, and one more. */
const MAX_REQUESTS = 5;

/**
 * Shows a checkpoint to a witness, from the size that the witness says to be at. When it says to have seen what the log does
 * not have, that is compared with the store first, and asked once more; only then it counts as a fork.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when the store's own tiles do not lead to the checkpoint
 */
export async function askWitness(question: Question): Promise<AskedWitness> {
  const { witness, store, checkpoint } = question;
  let oldSize = Math.min(question.knownSize, checkpoint.size);
  let isSuspected = false;
  let answer: WitnessAnswer | undefined;
  for (let request = 0; request < MAX_REQUESTS; request++) {
    answer = await witness.addCheckpoint(await showCheckpoint(store, checkpoint, oldSize));
    question.onAnswer?.(answer);
    if (answer.result === "cosigned") return { kind: "cosigned", answer };
    const verdict = judge(answer, oldSize, checkpoint.size);
    if (verdict.kind === "failed") return { kind: "failed", answer };
    if (verdict.kind === "go-on") {
      oldSize = verdict.oldSize;
      continue;
    }
    const compared = await compareWithStore(question, { ...verdict.found, oldSize, answer });
    if (compared.kind === "failed" || isSuspected) return compared;
    isSuspected = true;
  }
  if (answer === undefined) throw new TypeError("a witness was not asked");
  return { kind: "failed", answer };
}

/** What a witness's answer says against the log, if the log has not grown meanwhile to what the witness has seen. */
async function compareWithStore(
  { witness, store, checkpoint }: Question,
  found: Pick<WitnessFork, "kind" | "detail" | "oldSize" | "answer">,
): Promise<AskedWitness> {
  const { answer } = found;
  // After the answer, not before it.
  const head = await store.head();
  const witnessSize = answer.result === "conflict" ? answer.size : undefined;
  if (witnessSize !== undefined && witnessSize > checkpoint.size && witnessSize <= head.size) {
    return { kind: "failed", answer, witnessSize };
  }
  return { kind: "forked", fork: { witness: witness.name, ...found, witnessSize, head } };
}

/** The question for one old size, of which the store's own tiles prove that the witness can only agree. */
async function showCheckpoint(
  store: LogStore,
  checkpoint: PublishedCheckpoint,
  oldSize: number,
): Promise<ShownCheckpoint> {
  const { size, root, note } = checkpoint;
  const snapshot = await store.snapshotAt(checkpoint);
  if (oldSize === 0) {
    if (Buffer.compare(await readRoot(snapshot, size), root) !== 0) throw notOfThisLog(size);
    return { oldSize, proof: [], note };
  }
  const proof = await readConsistencyProof(snapshot, oldSize, size);
  try {
    verifyConsistency({ size: oldSize, root: await readRoot(snapshot, oldSize) }, { size, root }, proof);
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause;
    throw notOfThisLog(size, cause);
  }
  return { oldSize, proof, note };
}

function notOfThisLog(size: number, cause?: unknown): MayflyError {
  return new MayflyError("LOG_CORRUPT", `the tiles do not lead to the checkpoint of size ${size}`, { cause });
}

type Verdict =
  | { readonly kind: "failed" }
  | { readonly kind: "go-on"; readonly oldSize: number }
  | { readonly kind: "suspect"; readonly found: Pick<WitnessFork, "kind" | "detail"> };

function judge(answer: WitnessAnswer, oldSize: number, size: number): Verdict {
  if (answer.result === "inconsistent") {
    const detail = `what it has seen of size ${oldSize} is not the beginning of this log`;
    return { kind: "suspect", found: { kind: "other-tree", detail } };
  }
  if (answer.result !== "conflict") return { kind: "failed" };
  if (answer.size !== undefined && answer.size > size) {
    const detail = `it has cosigned a checkpoint of ${answer.size} entries`;
    return { kind: "suspect", found: { kind: "ahead", detail } };
  }
  if (answer.size !== undefined && answer.size !== oldSize) return { kind: "go-on", oldSize: answer.size };
  // The old size is right: the roots differ (C2SP tlog-witness). From another old size, the answer makes no sense.
  if (oldSize !== size) return { kind: "failed" };
  return { kind: "suspect", found: { kind: "other-tree", detail: `it has cosigned another tree of size ${size}` } };
}
