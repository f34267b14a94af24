import type { Row } from "./row.ts";

/** What Fulcio answers: the conditions of its error model (FE) and the cases of its own tests (FC). */
export const fulcioRows: readonly Row[] = [];
