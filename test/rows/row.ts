/** What rows may wait for: the parts of Mayfly that do not exist yet. A name leaves this list when its part is there. */
export const FEATURES = [
  "claim rules and policy",
  "configuration reload",
  "external CT log",
  "gRPC",
  "issuer taken from a claim",
  "issuer kinds beyond e-mail and GitHub Actions",
  "KMS signers",
  "PostgreSQL",
  "reading of Fulcio's key files",
  "reload of configuration and keys",
  "RFC 6962 read API",
  "translation of Fulcio's configuration",
  "v1 API",
  "wildcard issuers",
  "witnesses",
] as const;

export type Feature = (typeof FEATURES)[number];

/**
 * One input of the catalogue, and what must happen. A test covers it when the test's full name holds the id in square
 * brackets, `[A7]`; a row with neither `waits` nor `appliesNot` must be covered (`npm run rows` judges that).
 */
export interface Row {
  /** Letters for the group and a number, unique in the whole catalogue: `A7`, `FC20`. */
  readonly id: string;
  /** The input and what must happen, in a line. */
  readonly says: string;
  /** The part of Mayfly that must exist before the row can be tested. */
  readonly waits?: Feature;
  /** Why the row says nothing about Mayfly, now or later. */
  readonly appliesNot?: string;
}
