import type { Row } from "./row.ts";

/** Bad inputs, groups A to H. */
export const securityRowsAToH: readonly Row[] = [];
