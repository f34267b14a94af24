import { isJsonArray, isJsonObject, JsonError, parseJson, type JsonObject } from "../../core/encoding/json-reader.ts";
import { IssuerFailure } from "./issuer-failure.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { isJwsAlgorithm, type JwsAlgorithm } from "../../core/identity/jws-algorithms.ts";

/** What Mayfly needs of an issuer's discovery document (OpenID Connect Discovery 1.0 §3). */
export interface DiscoveryDocument {
  /** Absolute URL of the key set, checked. */
  readonly jwksUri: string;
  /** Algorithms that this issuer's tokens may use. */
  readonly algorithms: ReadonlySet<JwsAlgorithm>;
}

/** Discovery documents are one to five KiB. */
export const MAX_DISCOVERY_BYTES = 65_536;

const JSON_LIMITS = { maxDepth: 8, maxMembers: 2000 };

/**
 * Where an issuer's discovery document is (OpenID Connect Discovery 1.0 §4.1), unless it is configured.
 *
 * @throws IssuerFailure when the issuer's URL is none that may be fetched
 */
export function discoveryUrl(issuer: IssuerSettings): string {
  return (
    issuer.discoveryUrl ??
    parseDocumentUrl(`${issuer.url.replace(/\/$/u, "")}/.well-known/openid-configuration`, issuer)
  );
}

/**
 * Reads a discovery document. `issuer` must be the configured URL byte for byte, or another tenant of the same host
 * could answer for this one.
 *
 * @throws IssuerFailure
 */
export function parseDiscovery(bytes: Uint8Array, issuer: IssuerSettings): DiscoveryDocument {
  const document = parseDocument(bytes);
  if (document.get("issuer") !== issuer.url) refuse("the document is another issuer's");
  const jwksUri = document.get("jwks_uri");
  if (typeof jwksUri !== "string") return refuse("the document has no jwks_uri");
  const keysUrl = parseDocumentUrl(jwksUri, issuer);
  requireKeysHost(keysUrl, issuer);
  return { jwksUri: keysUrl, algorithms: parseAlgorithms(document, issuer) };
}

/** An issuer that only a pattern names keeps its keys at home; others where they like, unless they were told where. */
function requireKeysHost(keysUrl: string, { url, pattern, jwksHosts }: IssuerSettings): void {
  if (pattern === undefined && jwksHosts === undefined) return;
  const host = hostOf(keysUrl);
  if (host === hostOf(url) || jwksHosts?.includes(host) === true) return;
  refuse("the keys are on a host that is neither the issuer's nor one of jwksHosts");
}

/**
 * Permitted algorithms among the announced ones; RS256, which every issuer must support, when there are none. Of them those
 * that the issuer's entry lists, when it does.
 */
function parseAlgorithms(document: JsonObject, { algorithms }: IssuerSettings): ReadonlySet<JwsAlgorithm> {
  const announced = document.get("id_token_signing_alg_values_supported");
  const permitted = isJsonArray(announced) ? announced.filter(isJwsAlgorithm) : [];
  const offered: readonly JwsAlgorithm[] = permitted.length === 0 ? ["RS256"] : permitted;
  const taken = offered.filter((algorithm) => algorithms?.includes(algorithm) ?? true);
  if (taken.length === 0) refuse("the issuer announces none of the algorithms that its entry lists");
  return new Set(taken);
}

function parseDocument(bytes: Uint8Array): JsonObject {
  try {
    const value = parseJson(bytes, JSON_LIMITS);
    if (isJsonObject(value)) return value;
  } catch (cause) {
    if (cause instanceof JsonError) return refuse(cause.message);
    throw cause;
  }
  return refuse("the document is not a JSON object");
}

/** Scheme, host, port and path of RFC 3986 in ASCII; no user information, no fragment, nothing to normalise. */
const DOCUMENT_URL =
  /^(?<scheme>https?):\/\/(?<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?<port>[0-9]{1,5}))?(?:\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$/u;

/**
 * Checks a URL by its text before any URL parser folds or resolves it: https unless the issuer may use http; a port of
 * its own only where the issuer has the same one or may use private networks.
 *
 * @throws IssuerFailure
 */
function parseDocumentUrl(text: string, issuer: IssuerSettings): string {
  const parts = DOCUMENT_URL.exec(text)?.groups;
  if (parts === undefined || !URL.canParse(text)) return refuse("a URL of the issuer is malformed");
  if (parts["scheme"] !== "https" && !issuer.allowInsecureHttp) return refuse("a URL of the issuer is not https");
  if (parts["port"] !== undefined && !mayHavePort(text, issuer))
    return refuse("a URL of the issuer has a port of its own");
  return text;
}

function mayHavePort(
  text: string,
  { url, discoveryUrl: elsewhere, jwksHosts, allowPrivateNetwork }: IssuerSettings,
): boolean {
  const [port, ...known] = [text, url, elsewhere ?? url].map((one) => DOCUMENT_URL.exec(one)?.groups?.["port"]);
  return allowPrivateNetwork || known.includes(port) || jwksHosts?.includes(hostOf(text)) === true;
}

/** Host of a URL that {@link DOCUMENT_URL} matches, with its port when it names one, as it is written. */
export function hostOf(url: string): string {
  const { host = "", port } = DOCUMENT_URL.exec(url)?.groups ?? {};
  return port === undefined ? host : `${host}:${port}`;
}

function refuse(detail: string): never {
  throw new IssuerFailure("persistent", detail);
}
