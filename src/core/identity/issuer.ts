import type { CiProviderRules } from "./ci-provider.ts";
import type { ClaimRules } from "./claim-rules.ts";

/** How the identity in an issuer's tokens becomes the name in the certificate; one kind per file in `kinds/`. */
export type IdentityRules =
  | { readonly kind: "email"; readonly skipEmailVerification: boolean }
  | { readonly kind: "github-actions"; readonly baseUrl: string }
  | CiProviderRules;

/** What callers may know of a trusted issuer. */
export interface AnnouncedIssuer {
  /** The exact `iss` value (OIDC Core §2), compared byte for byte; as configured, perhaps a pattern of such values. */
  readonly url: string;
  /** The pattern that trusts the issuer, where the configuration does not name it by its own URL. */
  readonly pattern?: string;
  /** The `aud` value that tokens must contain. */
  readonly audience: string;
  readonly identity: IdentityRules;
}

/**
 * An issuer that the operator trusts for one audience, as configured; frozen, and carried inside every token it verified.
 */
export interface TrustedIssuer extends AnnouncedIssuer {
  /** Which of its tokens are taken. */
  readonly rules: ClaimRules;
  /** Whether certification requests are refused, whose signature covers no identity. */
  readonly requireKeyProof?: boolean;
}
