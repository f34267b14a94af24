import { PEM_CERTIFICATE_CHAIN } from "../../wire/pem-certificate-chain.ts";
import { schemaRef } from "./schemas.ts";
import type { Schema } from "./schemas.ts";

/** A Response Object of OpenAPI 3.1, or a reference to one. */
export type ResponseObject = Readonly<Record<string, unknown>>;

const HEADERS = { "X-Request-Id": { $ref: "#/components/headers/XRequestId" } };
const REFUSAL = { "application/json": { schema: schemaRef("Status") } };

/** A granted request: one representation, whatever Accept says. */
export function granted(description: string, mediaType: string, schema: Schema = { type: "string" }): ResponseObject {
  return { description, headers: HEADERS, content: { [mediaType]: { schema } } };
}

/** A granted request that is answered in JSON. */
export const grantedJson = (description: string, schema: Schema): ResponseObject =>
  granted(description, "application/json", schema);

/** A granted request that is answered with PEM certificates. */
export const grantedPem = (description: string): ResponseObject => granted(description, PEM_CERTIFICATE_CHAIN);

const VALIDATED = { ...HEADERS, ETag: { $ref: "#/components/headers/ETag" } };

/** A granted request with a validator, by which its reader can ask whether there is anything new. */
export const withValidator = (response: ResponseObject): ResponseObject => ({ ...response, headers: VALIDATED });

/** Answers without a body, of what readers may keep. */
export const KEPT_RESPONSES = {
  granted: { description: "The header fields of the answer to GET.", headers: VALIDATED },
  unchanged: { description: "What If-None-Match names is what there is.", headers: VALIDATED },
  refusedHead: { description: "As for GET, without the body.", headers: HEADERS },
} as const satisfies Readonly<Record<string, ResponseObject>>;

const refused = (description: string, headers: object = {}): ResponseObject => ({
  description,
  headers: { ...HEADERS, ...headers },
  content: REFUSAL,
});
const RETRY = { "Retry-After": { $ref: "#/components/headers/RetryAfter" } };

/** Refusals and failures by the names that operations refer to. */
export const RESPONSES = {
  BadRequest: refused("The request, its token, its key or its proof cannot be taken; the reason says why."),
  TooLarge: refused("The body is longer than 128 KiB."),
  NotJson: refused("The content is not plain JSON in UTF-8."),
  TooMany: refused("Too many requests of one client address, issuer or subject.", RETRY),
  Failed: refused("The service failed; nothing that was sent can change that."),
  Unavailable: refused("Not now: too much work, a stop, or something that this service depends on.", RETRY),
  BadParameter: refused("A parameter is missing, repeated, malformed, or beyond the published log."),
  NotThere: refused("The published log has no such thing."),
  Other: refused("Anything else: 400, 404, 408, 417, 431, 500, or 501 for a method that the path has not.", {
    Allow: { description: "With 501: the methods of the path.", schema: { type: "string" } },
  }),
} as const satisfies Readonly<Record<string, ResponseObject>>;

const ref = (name: keyof typeof RESPONSES): ResponseObject => ({ $ref: `#/components/responses/${name}` });

/** How any request may be refused. */
export const REFUSALS = { "429": ref("TooMany"), "503": ref("Unavailable"), default: ref("Other") } as const;

/** How a read of a log may be refused beside. */
export const LOG_REFUSALS = { "400": ref("BadParameter"), "404": ref("NotThere") } as const;

/** How a signing call may be refused. */
export const SIGNING_REFUSALS = {
  "400": ref("BadRequest"),
  "413": ref("TooLarge"),
  "415": ref("NotJson"),
  ...REFUSALS,
  "500": ref("Failed"),
} as const;

/** Header fields of answers. */
export const HEADER_OBJECTS = {
  XRequestId: {
    description:
      "What logs call this request: the caller's own X-Request-Id if it is visible ASCII, 128 characters at most.",
    schema: { type: "string" },
  },
  ETag: { description: "Names these bytes (RFC 9110 §8.8.3).", schema: { type: "string" } },
  RetryAfter: {
    description: "Seconds until it is worth trying again (RFC 9110 §10.2.3).",
    schema: { type: "integer", minimum: 1 },
  },
} as const;
