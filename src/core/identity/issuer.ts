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
  /** What its tokens must be beyond what every ID token must; DEFAULT_TOKEN_CHECKS when left out. */
  readonly tokenChecks?: TokenChecks;
}

/** How strictly the tokens of an issuer are read. */
export interface TokenChecks {
  /** What `typ` may be (RFC 7515 §4.1.9), in any case; when left out, JWT or no `typ` at all. */
  readonly types?: readonly string[];
  /** Whether a token for other audiences beside ours is refused. */
  readonly isAudienceAlone: boolean;
  /** Whether `azp` (OIDC Core §2) must name our audience. */
  readonly isPartyRequired: boolean;
  /** From `iat` to `exp` at most, seconds. */
  readonly maxLifetimeSeconds: number;
  /** How far `nbf` and `iat` may lie ahead, seconds. There is none on `exp`. */
  readonly leewaySeconds: number;
}

/** What is asked of tokens unless an issuer's entry says otherwise. */
export const DEFAULT_TOKEN_CHECKS: TokenChecks = {
  isAudienceAlone: false,
  isPartyRequired: false,
  maxLifetimeSeconds: 24 * 60 * 60,
  leewaySeconds: 60,
};
