import type { KeyFailure, KeyFailureKind } from "./key-failure.ts";

/** After so many failures in a row a service is left alone. */
const FAILURES_IN_A_ROW = 5;

/** Kinds that may be an accident: one of them says little, many in a row do. */
const COUNTED: ReadonlySet<KeyFailureKind> = new Set<KeyFailureKind>([
  "timeout",
  "unavailable",
  "quota",
  "wrong-answer",
  "refused",
  "invalid-signature",
]);

/** Kinds that the next request would meet as well. */
const LASTING: ReadonlySet<KeyFailureKind> = new Set<KeyFailureKind>([
  "credentials",
  "denied",
  "key-unusable",
  "wrong-key",
]);

/**
 * What the next signature has to expect: nothing bad, a service that is left alone because it failed so often in a row
 * (`open`, as of a circuit), or a key that cannot be used (`lasting`).
 */
export type KeyProblem = { readonly kind: "open" | "lasting"; readonly failure: KeyFailure };

/** Remembers how attempts at a key ended. Only a signature mends what is wrong: a public key may be had without the right to sign. */
export class KeyHealth {
  readonly #onChange: () => void;
  #failuresInARow = 0;
  #problem: KeyProblem | undefined;

  /** @param onChange called after a problem came, became another one or went */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get problem(): KeyProblem | undefined {
    return this.#problem;
  }

  signed(): void {
    this.#failuresInARow = 0;
    this.#become(undefined);
  }

  failed(failure: KeyFailure): void {
    if (LASTING.has(failure.kind)) this.#become({ kind: "lasting", failure });
    if (!COUNTED.has(failure.kind)) return;
    this.#failuresInARow++;
    if (this.#failuresInARow >= FAILURES_IN_A_ROW && this.#problem === undefined) {
      this.#become({ kind: "open", failure });
    }
  }

  #become(problem: KeyProblem | undefined): void {
    if (this.#problem === problem) return;
    const changed = this.#problem?.kind !== problem?.kind || this.#problem?.failure.kind !== problem?.failure.kind;
    this.#problem = problem;
    if (changed) this.#onChange();
  }
}
