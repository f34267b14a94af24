import { z } from "zod";
import { allowSchema, denySchema } from "./claim-rule-schema.ts";
import { identitySchema } from "./identity-schema.ts";
import { pathSchema } from "./signer-schema.ts";
import { object } from "./strict-object.ts";

/** Host, port and path as RFC 3986 writes them: what discovery is fetched from must need no normalising. */
const ISSUER_URL =
  /^https?:\/\/([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(\/([A-Za-z0-9._~!$&'()*+,;=:/-]|%[0-9A-Fa-f]{2})*)?$/u;

/** Goes into each certificate, where no value is longer. */
const MAX_ISSUER_CHARACTERS = 1024;

/** One trusted issuer. */
export const issuerSchema = object({
  url: z
    .string()
    .max(MAX_ISSUER_CHARACTERS)
    .regex(/^https?:\/\/[!-~]+$/u, "expected an https URL of printable ASCII characters")
    .refine((url) => !/[?#@\\]/u.test(url), "an issuer URL has no query, fragment or user information")
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
    .describe("Permit stars in the last two labels of a pattern's host: domains that anybody can register."),
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
});
