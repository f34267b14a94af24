import type { TrustedIssuer } from "../../core/identity/issuer.ts";

/** A trusted issuer together with how its documents may be fetched. */
export interface IssuerSettings extends TrustedIssuer {
  /** Fetch discovery and keys over plain http. Development only. */
  readonly allowInsecureHttp: boolean;
  /** Let the hosts of discovery and keys be, or resolve to, addresses that are not public. */
  readonly allowPrivateNetwork: boolean;
  /** Certificate authorities trusted for this issuer's TLS beside the system's, PEM. */
  readonly caCertificatePem?: string;
}
