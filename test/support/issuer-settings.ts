import { NO_CLAIM_RULES } from "../../src/core/identity/claim-rules.ts";
import type { IssuerSettings } from "../../src/adapters/oidc/issuer-settings.ts";

/** Settings of an issuer that vouches for e-mail addresses, over HTTPS and at a public address, but for the changes. */
export function issuerSettings(changes: Partial<IssuerSettings> = {}): IssuerSettings {
  return {
    url: "https://issuer.example/tenant",
    audience: "sigstore",
    identity: { kind: "email", emailTrust: "verified" },
    rules: NO_CLAIM_RULES,
    allowInsecureHttp: false,
    allowPrivateNetwork: false,
    ...changes,
  };
}
