/** The files that say whom to trust, by the names under which they are served and written. */
export const TRUST_FILE_NAMES = [
  "trusted_root.json",
  "signing_config.v0.2.json",
  "client_trust_config.json",
  "chain.pem",
  "ct_log.pem",
  "ct_logs.pem",
  "fingerprints.txt",
] as const;

/** One of {@link TRUST_FILE_NAMES}. */
export type TrustFileName = (typeof TRUST_FILE_NAMES)[number];

/** The bytes of each; equal for equal material. */
export type TrustFiles = Readonly<Record<TrustFileName, Uint8Array>>;
