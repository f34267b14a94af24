import type { AnnouncedIssuer, IdentityRules } from "../core/identity/issuer.ts";

/** The oneof of dev.sigstore.fulcio.v2.OIDCIssuer: one issuer, or a pattern of many. */
export type OidcIssuerName = { readonly issuerUrl: string } | { readonly wildcardIssuerUrl: string };

/** dev.sigstore.fulcio.v2.OIDCIssuer; unset fields are written out, as Fulcio does, but for the other one of the oneof. */
export type OidcIssuer = OidcIssuerName & OidcIssuerTerms;

/** The fields of an OIDCIssuer that do not name it. */
export interface OidcIssuerTerms {
  readonly audience: string;
  readonly challengeClaim: string;
  readonly spiffeTrustDomain: string;
  readonly issuerType: string;
  readonly subjectDomain: string;
  readonly skipEmailVerification: boolean;
}

/** dev.sigstore.fulcio.v2.Configuration. */
export interface Configuration {
  readonly issuers: readonly OidcIssuer[];
}

/** What callers may know of the trusted issuers: which they are and which claim a proof of possession signs. */
export function buildConfiguration(issuers: readonly AnnouncedIssuer[]): Configuration {
  return {
    issuers: issuers.map(({ url, pattern, audience, identity }) => ({
      ...(pattern === undefined ? { issuerUrl: url } : { wildcardIssuerUrl: pattern }),
      audience,
      challengeClaim: challengeClaim(identity),
      spiffeTrustDomain: "",
      issuerType: issuerType(identity),
      subjectDomain: "",
      skipEmailVerification: identity.kind === "email" && identity.skipEmailVerification,
    })),
  };
}

function challengeClaim(identity: IdentityRules): string {
  switch (identity.kind) {
    case "email":
      return "email";
    case "ci-provider":
    case "github-actions":
      return "sub";
  }
}

/** Fulcio's name for the kind; CI platforms share one. */
function issuerType(identity: IdentityRules): string {
  switch (identity.kind) {
    case "email":
      return "email";
    case "ci-provider":
    case "github-actions":
      return "ci-provider";
  }
}
