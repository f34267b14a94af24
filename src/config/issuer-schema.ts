import { z } from "zod";
import { JWS_ALGORITHMS } from "../core/identity/jws-algorithms.ts";
import { allowSchema, denySchema } from "./claim-rule-schema.ts";
import { identitySchema } from "./identity-schema.ts";
import { pathSchema } from "./secret-schema.ts";
import { object } from "./strict-object.ts";

/** Host, port and path as RFC 3986 writes them: what discovery is fetched from must need no normalising. */
const ISSUER_URL =
  /^https?:\/\/([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\/([A-Za-z0-9._~!$&'()*+,;=:/-]|%[0-9A-Fa-f]{2})*)?$/u;

/** Whoever fetches a document leaves these out, and asks for another one. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/iu;
const NO_DOT_SEGMENT = "a path has no segments . and ..";

/** What a document is fetched from, as strictly. */
const documentUrl = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[!-~]+$/u, "expected an https URL of printable ASCII characters")
  .refine((url) => ISSUER_URL.test(url) && URL.canParse(url), "expected https://host, perhaps with a port and a path")
  .refine((url) => !DOT_SEGMENT.test(url), NO_DOT_SEGMENT);

/** A host of discovery documents, with its port where it has one of its own. */
const hostSchema = z
  .string()
  .max(260)
  .regex(
    /^(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/u,
    "expected a host, perhaps with a port, as it stands in jwks_uri",
  );

/** Goes into each certificate, where no value is longer. */
const MAX_ISSUER_CHARACTERS = 1024;

/** One trusted issuer. */
export const issuerSchema = object({
  url: z
    .string()
    .max(MAX_ISSUER_CHARACTERS)
    .regex(/^https?:\/\/[!-~]+$/u, "expected an https URL of printable ASCII characters")
    .refine((url) => !/[?#@\\]/u.test(url), "an issuer URL has no query, fragment or user information")
    .refine((url) => !DOT_SEGMENT.test(url), NO_DOT_SEGMENT)
    .refine(
      (url) => url.includes("*") || (ISSUER_URL.test(url) && URL.canParse(url)),
      "expected https://host, perhaps with a port and a path",
    )
    .describe(
      "Exact `iss` value of the tokens, compared byte for byte. A star in a label of the host or a segment of the path stands " +
        "for one or more letters, digits, hyphens and underscores: the entry is a pattern of many issuers.",
    ),
  allowBroadWildcard: z
    .boolean()
    .default(false)
    .describe(
      "Permit stars in the last two labels of a pattern's host, or below a public suffix: domains that anybody can register.",
    ),
  audience: z.string().min(1).max(256).default("sigstore").describe("`aud` value that tokens must contain."),
  identity: identitySchema,
  allow: allowSchema,
  deny: denySchema,
  allowInsecureHttp: z
    .boolean()
    .default(false)
    .describe("Fetch discovery and keys over plain http. Development only, and only from loopback."),
  allowPrivateNetwork: z
    .boolean()
    .default(false)
    .describe("Let this issuer's host resolve to private or loopback addresses."),
  requireKeyProof: z
    .boolean()
    .default(false)
    .describe(
      "Refuse certification requests in favour of keys with a proof over the token's identity: the signature of a " +
        "certification request covers no identity, so anyone can send one of somebody else's.",
    ),
  caCertificate: pathSchema
    .optional()
    .describe("PEM file of certificate authorities trusted for this issuer's TLS only."),
  discoveryUrl: documentUrl
    .optional()
    .describe("Where the discovery document is, when not at /.well-known/openid-configuration below the issuer's URL."),
  jwksUrl: documentUrl.optional().describe("Where the keys are, for an issuer without a discovery document."),
  jwksFile: pathSchema
    .optional()
    .describe("File of the issuer's keys, a JWK Set: nothing is fetched. Read at start, and again when settings are."),
  jwksHosts: z
    .array(hostSchema)
    .min(1)
    .max(20)
    .readonly()
    .optional()
    .describe(
      "Hosts, beside the issuer's, that its discovery document may name for the keys. Left out: any host, and for issuers of a " +
        "pattern none.",
    ),
  bearerTokenFile: pathSchema
    .optional()
    .describe(
      "File of the token that the issuer's documents are asked for with, such as a service account's; read each time. Sent to the " +
        "hosts of url, discoveryUrl and jwksUrl, over TLS, and to no other.",
    ),
  staleKeysSeconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(3600)
    .describe("How long keys are used that cannot be renewed, because the issuer is away."),
  algorithms: z
    .array(z.enum(JWS_ALGORITHMS))
    .min(1)
    .readonly()
    .optional()
    .describe("Signature algorithms of its tokens; of those that it announces when left out."),
  types: z
    .array(z.string().regex(/^[A-Za-z0-9!#$&^_.+/-]{1,64}$/u, "expected a media type such as at+jwt"))
    .min(1)
    .max(10)
    .readonly()
    .optional()
    .describe("What the typ of its tokens may be, in any case. Left out: JWT, or no typ at all."),
  strictAudience: z.boolean().default(false).describe("Refuse tokens that are for other audiences as well."),
  requireAzp: z.boolean().default(false).describe("Refuse tokens whose azp is not the audience, or that have none."),
  singleUse: z
    .boolean()
    .default(false)
    .describe(
      "Take each token once, by its jti. Kept in this process's memory: not across restarts, nor between processes. A caller " +
        "whose request failed needs a new token.",
    ),
  maxLifetimeSeconds: z
    .int()
    .min(60)
    .max(2_592_000)
    .default(86_400)
    .describe("Longest time from iat to exp of its tokens."),
  leewaySeconds: z
    .int()
    .min(0)
    .max(300)
    .default(60)
    .describe("How far nbf and iat of its tokens may lie ahead, for issuers whose clock is. There is none on exp."),
});
