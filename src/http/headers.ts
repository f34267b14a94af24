import { PEM_CERTIFICATE_CHAIN } from "../wire/pem-certificate-chain.ts";

/** Header fields in the flat form that `writeHead` takes fastest: name, value, name, value … */
export type HeaderFields = readonly string[];

/** Nothing here is secret to a page: no answer depends on cookies, so every origin may read every answer. */
const ANY_ORIGIN = ["X-Content-Type-Options", "nosniff", "Access-Control-Allow-Origin", "*"];

/** Beside the fields that pages see anyway (Fetch §2.2.2, CORS-safelisted response-header names). */
const EXPOSED = ["Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id"];

const fields = (contentType: string, cacheControl: string): HeaderFields => [
  "Content-Type",
  contentType,
  "Cache-Control",
  cacheControl,
  ...ANY_ORIGIN,
  ...EXPOSED,
];

/** Certificates, health and every refusal: a stored copy would be wrong a moment later. */
export const FRESH_JSON = fields("application/json", "no-store");

/** Certificates as the first version of the API gives them. */
export const FRESH_PEM_CHAIN = fields(PEM_CERTIFICATE_CHAIN, "no-store");

/** Trust bundle and configuration, which change only with the configuration. */
export const SHORT_LIVED_JSON = fields("application/json", "public, max-age=60");

/** The CA's chain and, for the first version of the API, the trust bundle. */
export const SHORT_LIVED_PEM_CHAIN = fields(PEM_CERTIFICATE_CHAIN, "public, max-age=60");

/** Public keys and fingerprints, which change with the log's shards. */
export const SHORT_LIVED_TEXT = fields("text/plain; charset=utf-8", "public, max-age=60");

/** Proofs between trees of given sizes, and whole ranges of entries: growth of the log changes nothing about them. */
export const FINAL_JSON = fields("application/json", "public, max-age=86400, immutable");

/** Entries up to the end of the log, which more will follow. */
export const PASSING_JSON = fields("application/json", "public, max-age=10");

/** C2SP tlog-tiles: a checkpoint must not be served stale. */
export const CHECKPOINT = fields("text/plain; charset=utf-8", "no-store");

/** C2SP tlog-tiles: a tile's bytes never change. */
export const TILE = fields("application/octet-stream", "public, max-age=604800, immutable");

/** C2SP static-ct-api: an issuer is named by the hash of its bytes. */
export const ISSUER = fields("application/pkix-cert", "public, max-age=604800, immutable");

/** Prometheus text; the exposition format comes from the registry. */
export const metricsFields = (contentType: string): HeaderFields => fields(contentType, "no-store");

/**
 * Answer to any CORS preflight (Fetch §3.2.3). Browsers may send the token, what names a request, and the fields that Fulcio
 * allows; credentials of their own never.
 */
export const PREFLIGHT: HeaderFields = [
  ...ANY_ORIGIN,
  "Access-Control-Allow-Methods",
  "GET, HEAD, POST",
  "Access-Control-Allow-Headers",
  "accept, authorization, content-type, x-request-id, x-requested-with",
  "Access-Control-Max-Age",
  "600",
];
