import { z } from "zod";
import type { IdentityRules } from "../core/identity/issuer.ts";
import {
  CLIENT_SIGNING_ALGORITHMS,
  DEFAULT_CLIENT_SIGNING_ALGORITHMS,
} from "../core/proof/client-signing-algorithm.ts";
import { caSchema } from "./ca-schema.ts";
import { grpcSchema } from "./grpc-schema.ts";
import type { issuerSchema } from "./issuer-schema.ts";
import { issuersSchema } from "./issuers-schema.ts";
import { limitsSchema } from "./limits-schema.ts";
import { listenSchema } from "./listen-schema.ts";
import { logSchema } from "./log-schema.ts";
import { pathSchema } from "./secret-schema.ts";
import { object } from "./strict-object.ts";
import { timeSchema } from "./time-schema.ts";
import { trustSchema } from "./trust-schema.ts";

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
  ca: caSchema,
  log: logSchema,
  issuers: issuersSchema,
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
      .describe(
        "Issue nothing (503, ISSUANCE_PAUSED) while reads go on. In force at start, after SIGHUP, and when it changes.",
      ),
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
export type IssuerConfig = Omit<IssuerAsWritten, "identity"> & {
  readonly identity: IdentityRules;
  /** Certificate authorities trusted for its TLS only, PEM: those that Fulcio's issuer file has in itself. */
  readonly caCertificatePem?: string;
};

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
