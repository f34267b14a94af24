import { z } from "zod";
import { pathSchema } from "./secret-schema.ts";
import { object } from "./strict-object.ts";
import { timeSchema } from "./time-schema.ts";

/** Clients append their paths: one that ends in a slash, or has a path, gives addresses that nothing answers. */
const isOrigin = (url: string): boolean => URL.canParse(url) && new URL(url).origin === url;

/** Where a service is found: scheme, host and perhaps a port. */
export const originSchema = z
  .string()
  .max(256)
  .refine(
    (url) => /^https?:/u.test(url) && isOrigin(url),
    "expected https://host in lower case, perhaps with a port, without a path or a final slash",
  );

const baseUrlSchema = z
  .string()
  .max(1024)
  .regex(/^https?:\/\/[!-~]+$/u, "expected an http or https URL of printable ASCII characters")
  .refine((url) => URL.canParse(url) && !/[?#@\\]|\/$/u.test(url), {
    error: "expected a URL without query, fragment, user information or a final slash",
  });

const timestampUrlSchema = baseUrlSchema.refine((url) => !URL.canParse(url) || new URL(url).pathname !== "/", {
  error: "expected the whole URL that requests are sent to, such as https://tsa.example.com/api/v1/timestamp",
});

const window = {
  start: timeSchema.transform((text) => Date.parse(text)).optional(),
  end: timeSchema.transform((text) => Date.parse(text)).optional(),
};

/** Clients group services by it (Sigstore protobuf-specs: a URI without scheme). */
const operatorSchema = z
  .string()
  .max(256)
  .regex(/^(?!.*:\/\/)[!-~]+$/u, "expected a URI without its scheme, such as example.com")
  .optional();

const service = {
  operator: operatorSchema.describe("Who runs it; who runs the CA when left out."),
  verifyOnly: z
    .boolean()
    .default(false)
    .describe(
      "Keep signers away from it: only those who verify are told of it. For one that has ceased or is to come.",
    ),
};

const otherAuthority = object({
  chain: pathSchema.describe("PEM chain, issuing CA first, self-signed root last."),
  start: window.start.describe("From when on it is trusted; from when it is valid when left out."),
  end: window.end.describe("Until when it is trusted: its last certificate is not younger."),
});

const otherLog = object({
  baseUrl: baseUrlSchema.describe("The log's URL; what clients look it up by is its key."),
  publicKey: pathSchema.describe("PEM file of its public key, ECDSA on P-256."),
  start: window.start.describe("First time that its SCTs may carry; that of the first CA when left out."),
  end: window.end.describe("Last time that its SCTs may carry."),
});

const timestampAuthority = object({
  url: timestampUrlSchema.describe("Where requests are sent (RFC 3161), path included."),
  chain: pathSchema.describe("PEM chain, the certificate that signs timestamps first, self-signed root last."),
  start: window.start.describe("From when on it is trusted; from when its chain is valid when left out."),
  end: window.end.describe("Until when it is trusted."),
  ...service,
});

const transparencyLog = object({
  url: baseUrlSchema.describe("Where clients submit signatures to it."),
  baseUrl: baseUrlSchema
    .optional()
    .describe("What the log calls itself; its url, for version 2 without the port, when left out."),
  publicKey: pathSchema.describe("PEM file of its public key, ECDSA on P-256 or Ed25519."),
  apiVersion: z.literal([1, 2]).describe("Major version of Rekor's API."),
  start: window.start.describe("From when on it is trusted; from when the first CA is when left out."),
  end: window.end.describe("Until when it is trusted."),
  ...service,
});

const MAX_OTHERS = 64;

/** What the files say that tell clients whom to trust; they are made only with it. */
export const trustSchema = object({
  publicUrl: originSchema
    .optional()
    .describe(
      "Where clients find the CA: https://host. May be left out in development, where it is the address of http.listen.",
    ),
  operator: operatorSchema.describe(
    "Who runs the CA, as a URI without its scheme: example.com; the host of publicUrl when left out.",
  ),
  issuers: z
    .array(z.string())
    .min(1)
    .max(MAX_OTHERS)
    .readonly()
    .optional()
    .describe(
      "Issuers that people sign in with, by their URLs; those of kind email, or all if there are none, when left out.",
    ),
  otherAuthorities: z
    .array(otherAuthority)
    .max(MAX_OTHERS)
    .readonly()
    .default([])
    .describe("CAs before this one, each with an end, and CAs to come, each with a start."),
  otherLogs: z
    .array(otherLog)
    .max(MAX_OTHERS)
    .readonly()
    .default([])
    .describe("Logs with SCTs that count beside the shards of log, which are there by themselves."),
  timestampAuthorities: z.array(timestampAuthority).max(MAX_OTHERS).readonly().default([]),
  transparencyLogs: z.array(transparencyLog).max(MAX_OTHERS).readonly().default([]),
})
  .optional()
  .describe("Serve and write the files that tell clients whom to trust: trusted root, signing config and their like.");

/** What the trust files are made of. */
export type TrustConfig = NonNullable<z.output<typeof trustSchema>>;

/** The same with paths that do not depend on the folder a process runs in. */
export function withAbsoluteTrust(trust: TrustConfig, absolute: (path: string) => string): TrustConfig {
  const withChain = <T extends { readonly chain: string }>(one: T): T =>
    Object.freeze({ ...one, chain: absolute(one.chain) });
  const withKey = <T extends { readonly publicKey: string }>(one: T): T =>
    Object.freeze({ ...one, publicKey: absolute(one.publicKey) });
  return Object.freeze({
    ...trust,
    otherAuthorities: Object.freeze(trust.otherAuthorities.map(withChain)),
    otherLogs: Object.freeze(trust.otherLogs.map(withKey)),
    timestampAuthorities: Object.freeze(trust.timestampAuthorities.map(withChain)),
    transparencyLogs: Object.freeze(trust.transparencyLogs.map(withKey)),
  });
}
