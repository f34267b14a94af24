import { isDeepStrictEqual, inspect } from "node:util";
import fc from "fast-check";

/** How many inputs, and from which seed; the same two give the same inputs. */
export interface RunLength {
  readonly seed: number;
  readonly numRuns: number;
}

/** Ours beside a slow, obvious way to the same end, on inputs at random. */
export interface Comparison {
  readonly name: string;
  /** Slow ones get fewer inputs. */
  readonly weight: number;
  /** Outcomes without which a run would have compared little. */
  readonly needed: readonly string[];
  /**
   * How often each outcome was seen.
   *
   * @throws Error with the shortest input that was found on which the two differ, and the seed
   */
  readonly run: (length: RunLength) => ReadonlyMap<string, number>;
}

/** A {@link Comparison} by what it compares. */
export interface ComparisonOf<T> extends Pick<Comparison, "name" | "weight" | "needed"> {
  readonly inputs: fc.Arbitrary<T>;
  /** What came of an input, in a few words of a small set; throws where the two differ. */
  readonly compare: (input: T) => string;
}

/** Makes a {@link Comparison}. */
export function comparison<T>({ inputs, compare, ...rest }: ComparisonOf<T>): Comparison {
  return {
    ...rest,
    run: (length) => {
      const outcomes = new Map<string, number>();
      const property = fc.property(inputs, (input) => {
        const outcome = compare(input);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      });
      fc.assert(property, length);
      return outcomes;
    },
  };
}

/** @throws Error that shows both, unless they are the same */
export function requireSame(ours: unknown, others: unknown): void {
  if (isDeepStrictEqual(ours, others)) return;
  const show = (value: unknown): string => inspect(value, { depth: 12, breakLength: Infinity });
  throw new Error(`ours: ${show(ours)}; otherwise: ${show(others)}`);
}
