import type { TrustMaterial } from "./trust-material.ts";
import { encodeValidFor } from "./valid-for.ts";
import type { TimeRangeJson, ValidFor } from "./valid-for.ts";

interface ServiceJson {
  readonly url: string;
  readonly majorApiVersion: number;
  readonly validFor: TimeRangeJson;
  readonly operator: string;
}

interface ServiceConfigurationJson {
  readonly selector: "ANY";
}

/** JSON form of `dev.sigstore.trustroot.v1.SigningConfig` (Sigstore protobuf-specs). */
export interface SigningConfigJson {
  readonly mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json";
  readonly caUrls: readonly ServiceJson[];
  readonly oidcUrls: readonly ServiceJson[];
  readonly rekorTlogUrls?: readonly ServiceJson[];
  readonly rekorTlogConfig?: ServiceConfigurationJson;
  readonly tsaUrls?: readonly ServiceJson[];
  readonly tsaConfig?: ServiceConfigurationJson;
}

/** Of the CA and of OpenID Connect: there is only one, although the CA's paths begin with /api/v2. */
const ONLY_VERSION = 1;

/**
 * Where signers go. What there is none of is absent, list and selector: sigstore-js refuses a selector without services.
 */
export function buildSigningConfig(material: TrustMaterial): SigningConfigJson {
  const { publicUrl, operator, issuers, authorities, transparencyLogs, timestampAuthorities } = material;
  const [{ validFor }] = authorities;
  const service = (url: string, majorApiVersion: number, when: ValidFor): ServiceJson => ({
    ...{ url, majorApiVersion, validFor: encodeValidFor(when), operator },
  });
  const logs = transparencyLogs.map((log) => service(log.url, log.apiVersion, log.validFor));
  const clocks = timestampAuthorities.map((authority) => service(authority.url, ONLY_VERSION, authority.validFor));
  return {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [service(publicUrl, ONLY_VERSION, validFor)],
    oidcUrls: issuers.map((issuer) => service(issuer, ONLY_VERSION, validFor)),
    ...(logs.length > 0 && { rekorTlogUrls: logs, rekorTlogConfig: ANY }),
    ...(clocks.length > 0 && { tsaUrls: clocks, tsaConfig: ANY }),
  };
}

const ANY: ServiceConfigurationJson = { selector: "ANY" };
