import type { AnnouncedIssuer, IdentityRules } from "../core/identity/issuer.ts";

/** dev.sigstore.fulcio.v2.OIDCIssuer with its oneof set to `issuer_url`; unset fields are written out, as Fulcio does. */
export interface OidcIssuer {
  readonly issuerUrl: string;
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
    issuers: issuers.map(({ url, audience, identity }) => ({
      issuerUrl: url,
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
