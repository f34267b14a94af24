/** What rows may wait for: the parts of Mayfly that do not exist yet. A name leaves this list when its part is there. */
export const FEATURES = ["external CT log", "KMS signers"] as const;

/** One of {@link FEATURES}. */
export type Feature = (typeof FEATURES)[number];

/**
 * One input of the catalogue, and what must happen. A test covers it when the test's full name holds the id in square
 * brackets, `[A7]`; a row with neither `waits` nor `appliesNot` must be covered (`npm run rows` judges that). Where not
 * all of an input can be tested, what is left is a row of its own, `A7b`: no row says more than its tests hold.
 */
export interface Row {
  /** Letters for the group, a number, and `b`, `c` … for the later parts of a row: `A7`, `A7b`, `FC20`; unique. */
  readonly id: string;
  /** The input and what must happen, in a line. */
  readonly says: string;
  /** The part of Mayfly that must exist before the row can be tested. */
  readonly waits?: Feature;
  /** Why no test holds Mayfly to the row: it says nothing about Mayfly, or what is measured and never asserted. */
  readonly appliesNot?: string;
}
