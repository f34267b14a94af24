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
      challengeClaim: identity.kind === "email" ? "email" : "sub",
      spiffeTrustDomain: identity.kind === "spiffe" ? identity.trustDomain : "",
      issuerType: ISSUER_TYPE[identity.kind],
      subjectDomain: "subjectDomain" in identity ? identity.subjectDomain : "",
      skipEmailVerification: identity.kind === "email" && identity.emailTrust === "unverified",
    })),
  };
}

/** Fulcio's names for the kinds. */
const ISSUER_TYPE: Readonly<Record<IdentityRules["kind"], string>> = {
  email: "email",
  uri: "uri",
  username: "username",
  spiffe: "spiffe",
  kubernetes: "kubernetes",
  chainguard: "chainguard-identity",
  // CI platforms share one.
  "ci-provider": "ci-provider",
};
