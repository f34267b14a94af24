import type { Service, Trusted, TrustMaterial } from "./trust-material.ts";
import { encodeValidFor } from "./valid-for.ts";
import type { TimeRangeJson } from "./valid-for.ts";

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
 * Where signers go. What there is none of is absent, list and selector: sigstore-js refuses a selector without services, and
 * cosign a list of which nothing is in service.
 */
export function buildSigningConfig(material: TrustMaterial): SigningConfigJson {
  const { publicUrl, operator, issuers, issuing, transparencyLogs, timestampAuthorities } = material;
  const own = (url: string): ServiceJson =>
    serviceOf({ url, operator, validFor: issuing.validFor, apiVersion: ONLY_VERSION });
  const logs = servicesFor(transparencyLogs);
  const clocks = servicesFor(timestampAuthorities.map((one) => ({ ...one, apiVersion: ONLY_VERSION })));
  return {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [own(publicUrl)],
    oidcUrls: issuers.map(own),
    ...(logs.length > 0 && { rekorTlogUrls: logs, rekorTlogConfig: ANY }),
    ...(clocks.length > 0 && { tsaUrls: clocks, tsaConfig: ANY }),
  };
}

const ANY: ServiceConfigurationJson = { selector: "ANY" };

type Reached = Trusted<Pick<Service, "operator"> & { readonly url: string; readonly apiVersion: number }>;

function servicesFor(services: readonly (Reached & Service)[]): readonly ServiceJson[] {
  return services
    .filter(({ verifyOnly }) => !verifyOnly)
    .toSorted(newestFirst)
    .map(serviceOf);
}

/**
 * The order that protobuf-specs asks for. Of two that begin together sigstore-js takes the first, so that is the one of the
 * higher version, which other clients take wherever it stands.
 */
function newestFirst(one: Reached, other: Reached): number {
  return other.validFor.startMs - one.validFor.startMs || other.apiVersion - one.apiVersion;
}

function serviceOf({ url, operator, validFor, apiVersion }: Reached): ServiceJson {
  return { url, majorApiVersion: apiVersion, validFor: encodeValidFor(validFor), operator };
}
