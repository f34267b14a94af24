import type { AnnouncedIssuer } from "../core/identity/issuer.ts";
import type { IssueCertificate } from "../core/issuance-types.ts";

/**
 * One configuration in force, frozen: a request takes the current generation when it is admitted and keeps it to the
 * end, so that no request ever sees two configurations.
 */
export interface Generation {
  /** 1 for the configuration of the start, then counted up. */
  readonly number: number;
  readonly issueCertificate: IssueCertificate;
  readonly issuers: readonly AnnouncedIssuer[];
  /** CA chains to trust, each issuing CA first and root last, PEM without a final newline. */
  readonly trustBundle: readonly (readonly string[])[];
}
