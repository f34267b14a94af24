import type { Row } from "./row.ts";

/** Bad inputs, groups I to V. */
export const securityRowsIToV: readonly Row[] = [];
