import { it } from "@jest/globals";

/**
 * `it` for tests that not every machine can run, and what their titles end with: nothing, or where they are skipped the
 * reason, without which the runner counts a skipped test as a failed one (tools/jest-report.mjs).
 */
export function itWhen(isPossible: boolean, whyNot: string): readonly [run: typeof it.skip, skipped: string] {
  return isPossible ? [it, ""] : [it.skip, ` (skipped: ${whyNot})`];
}
