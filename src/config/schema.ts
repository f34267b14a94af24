import { z } from "zod";
import type { IdentityRules } from "../core/identity/issuer.ts";
import {
  CLIENT_SIGNING_ALGORITHMS,
  DEFAULT_CLIENT_SIGNING_ALGORITHMS,
} from "../core/proof/client-signing-algorithm.ts";
import { allowSchema, denySchema } from "./claim-rule-schema.ts";
import { grpcSchema } from "./grpc-schema.ts";
import { identitySchema } from "./identity-schema.ts";
import { limitsSchema } from "./limits-schema.ts";
import { listenSchema } from "./listen-schema.ts";
import { logSchema } from "./log-schema.ts";
import { pathSchema, signerSchema } from "./signer-schema.ts";
import { object } from "./strict-object.ts";
import { timeSchema } from "./time-schema.ts";
import { trustSchema } from "./trust-schema.ts";

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

/** The whole configuration file. Defaults are safe for production. */
export const configSchema = object({
  environment: z
    .enum(["production", "development"])
    .default("production")
    .describe(
      "`development` permits what is convenient and unsafe: development keys, memory keys, plain-http issuers.",
    ),
  dataDirectory: pathSchema.describe(
    "Folder of the log's database, the head mark and the audit trail. Must be on a local disk.",
  ),
  http: object({
    listen: listenSchema.describe("Public address of the API and of the log's read side."),
    tls: object({
      certificate: pathSchema.describe("PEM file of the certificate and those between it and its root, its own first."),
      key: pathSchema.describe("PEM file of its private key, not encrypted."),
    })
      .optional()
      .describe("Serve HTTPS (TLS 1.2 and 1.3). Both files are read again when their content changes."),
    allowPlainHttpOffLoopback: z
      .boolean()
      .default(false)
      .describe("Serve plain HTTP on an address that is not loopback, because TLS ends in front of Mayfly."),
  }),
  grpc: grpcSchema,
  operations: object({
    listen: listenSchema.describe("Address of /metrics, /readyz and /livez. Not for the public."),
    allowPlainHttpOffLoopback: z
      .boolean()
      .default(false)
      .describe(
        "Answer probes and monitoring in plain HTTP on an address that is not loopback, to a network of its own.",
      ),
  }),
  ca: object({
    chain: pathSchema
      .optional()
      .describe("PEM chain, issuing CA first, self-signed root last. Left out only with a memory signer."),
    signer: signerSchema,
    lifetimeSeconds: z.int().min(60).max(3600).default(600).describe("Validity of a certificate, from notBefore."),
    backdateSeconds: z
      .int()
      .min(0)
      .max(60)
      .default(0)
      .describe("How far notBefore lies in the past, for verifiers whose clocks are behind."),
  }),
  log: logSchema,
  issuers: z.array(issuerSchema).min(1).max(1000).readonly(),
  clientKeys: object({
    algorithms: z
      .array(z.enum(CLIENT_SIGNING_ALGORITHMS))
      .min(1)
      .readonly()
      .default([...DEFAULT_CLIENT_SIGNING_ALGORITHMS])
      .describe("Key and hash pairs that callers may have certified."),
    blocklist: pathSchema
      .optional()
      .describe("File of keys that are never certified: SHA-256 of the SubjectPublicKeyInfo in hex, one a line."),
  }).prefault({}),
  trust: trustSchema,
  limits: limitsSchema,
  shutdown: object({
    lameDuckSeconds: z
      .int()
      .min(0)
      .max(60)
      .default(5)
      .describe("After SIGTERM: how long requests are still taken while /readyz already says no."),
    drainSeconds: z
      .int()
      .min(1)
      .max(120)
      .default(20)
      .describe("After that: how long requests in flight may take to finish."),
    closeSeconds: z
      .int()
      .min(1)
      .max(60)
      .default(5)
      .describe("After that: how long closing log, keys and audit trail may take before the process ends without it."),
  }).prefault({}),
  issuance: object({
    paused: z
      .boolean()
      .default(false)
      .describe("Issue nothing (503, ISSUANCE_PAUSED) while reads go on. In force at start and after SIGHUP."),
  }).prefault({}),
  reconcile: object({
    everySeconds: z
      .int()
      .min(0)
      .max(86_400)
      .default(3_600)
      .describe(
        "How often log and audit trail are compared in the background, for the first time after five minutes; 0: never.",
      ),
    since: timeSchema
      .transform((text) => Date.parse(text))
      .optional()
      .describe("What is older is not compared: gaps up to then are known and explained."),
  }).prefault({}),
  logging: object({
    level: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
  }).prefault({}),
});

/** A configuration as written, before defaults. */
export type ConfigInput = z.input<typeof configSchema>;

/** One trusted issuer as written, after defaults. */
export type IssuerAsWritten = z.output<typeof issuerSchema>;

/** One trusted issuer as configured; what a provider pack says stands in the place of its name. */
export type IssuerConfig = Omit<IssuerAsWritten, "identity"> & { readonly identity: IdentityRules };

/** A checked, frozen configuration; `loadConfig` makes its paths absolute. */
export type Config = Omit<z.output<typeof configSchema>, "issuers"> & { readonly issuers: readonly IssuerConfig[] };

/** JSON Schema (draft 2020-12) of the configuration file, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    // Our objects are frozen after parsing; to an editor that writes the file they are not read-only.
    override: ({ jsonSchema }) => delete jsonSchema.readOnly,
  });
  return { $schema: schema.$schema, title: "Mayfly configuration", ...schema };
}
