import { clientRows } from "./clients.ts";
import { fulcioCiRows } from "./fulcio-ci.ts";
import { fulcioFileRows } from "./fulcio-files.ts";
import { fulcioIdentityRows } from "./fulcio-identities.ts";
import { fulcioRows } from "./fulcio.ts";
import type { Row } from "./row.ts";
import { securityRowsAToH } from "./security-a-h.ts";
import { securityRowsIToV } from "./security-i-v.ts";

/** Every row there is; `tools/rows.mjs` holds the names of all tests against it. */
export const catalogue: readonly Row[] = [
  ...clientRows,
  ...fulcioRows,
  ...fulcioCiRows,
  ...fulcioFileRows,
  ...fulcioIdentityRows,
  ...securityRowsAToH,
  ...securityRowsIToV,
];
