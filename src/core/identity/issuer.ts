import type { CiProviderRules } from "./ci-provider.ts";

/** How the identity in an issuer's tokens becomes the name in the certificate; one kind per file in `kinds/`. */
export type IdentityRules =
  | { readonly kind: "email"; readonly skipEmailVerification: boolean }
  | { readonly kind: "github-actions"; readonly baseUrl: string }
  | CiProviderRules;

/** An issuer the operator trusts, as configured; frozen, and carried inside every token it verified. */
export interface TrustedIssuer {
  /** The exact `iss` value (OIDC Core §2); compared byte for byte. */
  readonly url: string;
  /** The `aud` value that tokens must contain. */
  readonly audience: string;
  readonly identity: IdentityRules;
  /** Whether certification requests are refused, whose signature covers no identity. */
  readonly requireKeyProof?: boolean;
}
