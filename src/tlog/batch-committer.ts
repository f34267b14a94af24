import { DuplicateSubmission, type LogStore, type StoredIssuer, type TreeHead } from "../ports/log-store.ts";
import { buildBatch, EncodeFailure, type Submission } from "./build-batch.ts";

/** What became of one submission of a batch. */
export type CommitOutcome =
  | { readonly kind: "committed"; readonly index: number; readonly timestampMs: number }
  | { readonly kind: "duplicate"; readonly index: number }
  | { readonly kind: "failed"; readonly error: unknown };

/** What became of a batch. */
export interface CommittedBatch {
  /** In the order of the submissions. */
  readonly outcomes: readonly CommitOutcome[];
  /** The head that the batch made; undefined when nothing new was written. */
  readonly head: TreeHead | undefined;
}

/** A submission and where its outcome belongs. */
interface Place {
  readonly submission: Submission;
  readonly position: number;
}

/** Makes batches durable; leaves out what is in the log already and what cannot be encoded. */
export class BatchCommitter {
  readonly #store: LogStore;
  readonly #timeAfter: (lastMs: number) => number;
  /** Objects, not fingerprints: a CA gives the same few for every entry, and this costs no hashing. */
  readonly #storedIssuers = new WeakSet<StoredIssuer>();

  /** @param timeAfter a time for a batch, later than the given one; may throw, which fails the batch */
  constructor(store: LogStore, timeAfter: (lastMs: number) => number) {
    this.#store = store;
    this.#timeAfter = timeAfter;
  }

  /** Commits what can be committed, in one transaction. Never rejects: each submission has its own outcome. */
  async commit(submissions: readonly Submission[]): Promise<CommittedBatch> {
    const outcomes: CommitOutcome[] = [];
    let left = submissions.map((submission, position): Place => ({ submission, position }));
    while (left.length > 0) {
      try {
        const head = await this.#append(left.map(({ submission }) => submission));
        const { timestampMs } = head;
        left.forEach(({ position }, at) => {
          outcomes[position] = { kind: "committed", index: head.size - left.length + at, timestampMs };
        });
        return { outcomes, head };
      } catch (error) {
        const settled = outcomesOfFailure(error, left.length);
        for (const [at, outcome] of settled) {
          const place = left[at];
          if (place !== undefined) outcomes[place.position] = outcome;
        }
        left = left.filter((_, at) => !settled.has(at));
      }
    }
    return { outcomes, head: undefined };
  }

  async #append(submissions: readonly Submission[]): Promise<TreeHead> {
    const given = new Set(submissions.flatMap(({ issuers }) => issuers));
    const issuers = [...given].filter((issuer) => !this.#storedIssuers.has(issuer));
    const head = await this.#store.append((previous) => ({
      ...buildBatch(previous, this.#timeAfter(previous.timestampMs), submissions),
      issuers,
    }));
    for (const issuer of issuers) this.#storedIssuers.add(issuer);
    return head;
  }
}

/** Which submissions of a failed batch have their outcome now; the others can be tried again without them. */
function outcomesOfFailure(error: unknown, count: number): ReadonlyMap<number, CommitOutcome> {
  if (error instanceof DuplicateSubmission && error.existing.size > 0) {
    return new Map([...error.existing].map(([at, index]) => [at, { kind: "duplicate", index }]));
  }
  if (error instanceof EncodeFailure) return new Map([[error.position, { kind: "failed", error: error.cause }]]);
  return new Map(Array.from({ length: count }, (_, at) => [at, { kind: "failed", error }]));
}
