import type { CiProviderRules } from "./ci-provider.ts";
import type { ClaimRules } from "./claim-rules.ts";

/** What an issuer's word about an e-mail address is worth. */
export type EmailTrust =
  /** The token must say that the address was verified (`email_verified`, OIDC Core §5.1). */
  | "verified"
  /** The issuer serves one tenant that owns the domains: what it does not say was verified is taken, what it denies is not. */
  | "tenant-pinned"
  /** Every address is taken as the issuer gives it, verified or not. */
  | "unverified"
  /** No address is taken from this issuer. */
  | "forbidden";

/** A person by e-mail address (`kinds/email.ts`). */
export interface EmailRules {
  readonly kind: "email";
  readonly emailTrust: EmailTrust;
  /** Whether the texts "true" and "True" count as the boolean, as some issuers write it. */
  readonly acceptTextVerified?: boolean;
  /** Domains that addresses must belong to, lower case: `example.com`, or `*.example.com` for all below it; any when absent. */
  readonly domains?: readonly string[] | undefined;
  /** Names of the members that lead to the claim which certificates name as the issuer; the token's own when absent. */
  readonly issuerClaim?: readonly string[] | undefined;
}

/** A subject that is a URI below one origin (`kinds/uri.ts`). */
export interface UriRules {
  readonly kind: "uri";
  /** Scheme, host and perhaps a port that subjects begin with, lower case, without a final slash. */
  readonly subjectDomain: string;
}

/** A user of one domain, by name (`kinds/username.ts`). */
export interface UsernameRules {
  readonly kind: "username";
  /** Host name, lower case. */
  readonly subjectDomain: string;
}

/** A workload by SPIFFE ID (`kinds/spiffe.ts`). */
export interface SpiffeRules {
  readonly kind: "spiffe";
  /** Name of the trust domain, without the scheme. */
  readonly trustDomain: string;
}

/** A service account of a Kubernetes cluster (`kinds/kubernetes.ts`). */
export interface KubernetesRules {
  readonly kind: "kubernetes";
}

/** An identity of Chainguard's (`kinds/chainguard.ts`). */
export interface ChainguardRules {
  readonly kind: "chainguard";
}

/** How the identity in an issuer's tokens becomes the name in the certificate; one kind per file in `kinds/`. */
export type IdentityRules =
  EmailRules | UriRules | UsernameRules | SpiffeRules | KubernetesRules | ChainguardRules | CiProviderRules;

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
  /** Whether a token may be used once, by its `jti` (RFC 7519 §4.1.7). */
  readonly isForOneUse: boolean;
  /** From `iat` to `exp` at most, seconds. */
  readonly maxLifetimeSeconds: number;
  /** How far `nbf` and `iat` may lie ahead, seconds. There is none on `exp`. */
  readonly leewaySeconds: number;
}

/** What is asked of tokens unless an issuer's entry says otherwise. */
export const DEFAULT_TOKEN_CHECKS: TokenChecks = {
  isAudienceAlone: false,
  isPartyRequired: false,
  isForOneUse: false,
  maxLifetimeSeconds: 24 * 60 * 60,
  leewaySeconds: 60,
};
