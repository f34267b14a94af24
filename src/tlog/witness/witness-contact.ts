import { MayflyError } from "../../core/errors.ts";
import type { SteadyClock } from "../../ports/clock.ts";
import type { LogStore, PublishedCheckpoint } from "../../ports/log-store.ts";
import type { Witness, WitnessAnswer } from "../../ports/witness.ts";
import { askWitness, type AskedWitness } from "./ask-witness.ts";

/** What a {@link WitnessContact} needs. */
export interface ContactOptions {
  readonly store: LogStore;
  readonly clock: Pick<SteadyClock, "monotonic">;
  /** Longest time for which a witness that failed is left alone, milliseconds. */
  readonly maxBackOffMs: number;
  /** Verifies what is about to be shown; throws MayflyError `log_failed` (LOG_CORRUPT). */
  readonly requireSigned: (checkpoint: PublishedCheckpoint) => void;
  /** Told of each answer, with how long it took and how many entries the checkpoint had that was shown. */
  readonly onAnswer?: (
    witness: string,
    answer: WitnessAnswer,
    shown: { readonly durationMs: number; readonly treeSize: number },
  ) => void;
  /** Told why a witness could not be shown what it has to be: what the store threw, or a signature is wrong. */
  readonly onStoreFailure: (error: MayflyError) => void;
}

/** After a first failure a witness is left alone for so long; each further one doubles it. */
const FIRST_BACK_OFF_MS = 1_000;

/** One witness and what is known of it. It is asked one question at a time. */
export class WitnessContact {
  readonly witness: Witness;
  readonly #options: ContactOptions;
  /** Size that it cosigned last. */
  #knownSize = 0;
  /** The checkpoint that it cosigned last, in this process. */
  #cosigned: PublishedCheckpoint | undefined;
  #failures = 0;
  #notBeforeMs = -Infinity;

  constructor(witness: Witness, options: ContactOptions) {
    this.witness = witness;
    this.#options = options;
  }

  /** Not to be asked again before, on the clock that never steps; it has failed. */
  get notBeforeMs(): number {
    return this.#notBeforeMs;
  }

  /** Whether it has cosigned this very checkpoint: the same tree signed again is another one. */
  hasCosigned(checkpoint: PublishedCheckpoint): boolean {
    const { size, timestampMs } = this.#cosigned ?? {};
    return size === checkpoint.size && timestampMs === checkpoint.timestampMs;
  }

  /** Takes for granted, until it says otherwise, that the witness is at a size; it was kept from earlier. */
  remember(size: number): void {
    this.#knownSize = size;
  }

  /** Shows it a checkpoint; nothing else is under way. Resolves with undefined when that failed here, which was told. */
  async ask(checkpoint: PublishedCheckpoint): Promise<AskedWitness | undefined> {
    const { store, clock, requireSigned, onAnswer } = this.#options;
    let sinceMs = clock.monotonic();
    try {
      requireSigned(checkpoint);
      const asked = await askWitness({
        witness: this.witness,
        store,
        checkpoint,
        knownSize: this.#knownSize,
        onAnswer: (answer) => {
          const nowMs = clock.monotonic();
          onAnswer?.(this.witness.name, answer, { durationMs: nowMs - sinceMs, treeSize: checkpoint.size });
          sinceMs = nowMs;
        },
      });
      this.#learn(asked, checkpoint);
      return asked;
    } catch (error) {
      if (!(error instanceof MayflyError)) throw error;
      this.#backOff();
      this.#options.onStoreFailure(error);
      return undefined;
    }
  }

  #learn(asked: AskedWitness, checkpoint: PublishedCheckpoint): void {
    if (asked.kind !== "cosigned") {
      if (asked.kind === "failed" && asked.witnessSize !== undefined) this.#knownSize = asked.witnessSize;
      this.#backOff();
      return;
    }
    this.#knownSize = checkpoint.size;
    this.#cosigned = checkpoint;
    this.#failures = 0;
    this.#notBeforeMs = -Infinity;
  }

  #backOff(): void {
    const { clock, maxBackOffMs } = this.#options;
    this.#notBeforeMs = clock.monotonic() + Math.min(maxBackOffMs, FIRST_BACK_OFF_MS * 2 ** this.#failures);
    this.#failures += 1;
  }
}
