import type { Config } from "./schema.ts";

/** One thing that is wrong with a configuration: where, and what. */
export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** `file:line` of what it is about, where that is another file. */
  readonly place?: string;
}

/** Looks at settings that must fit together; gives what does not. */
export type Rule = (config: Config) => readonly ConfigProblem[];
