import type { Row } from "./row.ts";

/** What Fulcio's own tests say of its issuer file (`pkg/config/config_test.go`, `pkg/config/fulcio_config_test.go`). */
export const fulcioFileRows: readonly Row[] = [
  { id: "FC127", says: "skip-email-verification true, and absent: on, and off" },
  { id: "FC140", says: "an issuer file in YAML: exact issuers, patterns, providers and their templates" },
  { id: "FC141", says: "an issuer file in JSON, names in any case: the same" },
  { id: "FC143", says: "an issuer file that is not there: refused, where Fulcio trusts issuers of its own choice" },
  { id: "FC144", says: "the issuer file that Fulcio ships with: every issuer and every pattern" },
];
