import type { TrustedIssuer } from "../../core/identity/issuer.ts";
import type { JwsAlgorithm } from "../../core/identity/jws-algorithms.ts";

/** A trusted issuer together with how its documents may be fetched. */
export interface IssuerSettings extends TrustedIssuer {
  /** Fetch discovery and keys over plain http. Development only. */
  readonly allowInsecureHttp: boolean;
  /** Let the hosts of discovery and keys be, or resolve to, addresses that are not public. */
  readonly allowPrivateNetwork: boolean;
  /** Certificate authorities trusted for this issuer's TLS beside the system's, PEM. */
  readonly caCertificatePem?: string;
  /** The algorithms that its tokens may use; all that it announces, as far as they are permitted at all, when left out. */
  readonly algorithms?: readonly JwsAlgorithm[];
  /** Where its discovery document is, when that is not below its own URL. */
  readonly discoveryUrl?: string;
  /** Where its keys are: nothing is discovered then. */
  readonly jwksUrl?: string;
  /** Its keys, a JWK Set: nothing is fetched then. */
  readonly jwks?: Uint8Array;
  /** Hosts, with their ports where they have one, that the discovery document may name for the keys. */
  readonly jwksHosts?: readonly string[];
  /** Gives the token that its documents are asked for with (RFC 6750 §2.1); read each time, for it is renewed. */
  readonly readBearerToken?: () => Promise<string>;
  /** Where that token comes from, for whoever compares settings. */
  readonly bearerTokenFile?: string;
  /** How long keys are used that cannot be renewed, seconds; an hour when left out. */
  readonly staleSeconds?: number;
}
