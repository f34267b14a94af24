import { z } from "zod";
import { logOrigin } from "./log-schema.ts";
import { pathSchema } from "./secret-schema.ts";
import { signerSchema } from "./signer-schema.ts";
import { object } from "./strict-object.ts";
import { originSchema } from "./trust-schema.ts";

/** Which certificates a ceremony makes, and where their keys are. */
export const CEREMONY_LAYOUTS = [
  "root-and-issuing",
  "three-tier",
  "lone-root",
  "offline-root",
  "issuing-only",
] as const;

/** Names of authorities, the root first. */
export const AUTHORITY_NAMES = ["root", "intermediate", "issuing"] as const;

/** Upper bound of O and CN (RFC 5280 appendix A.1). */
export const MAX_NAME_LENGTH = 64;

const name = z
  .string()
  .max(MAX_NAME_LENGTH)
  .regex(/^[^\p{Cc}\s](?:[^\p{Cc}]*[^\p{Cc}\s])?$/u, "expected text without control characters or a space at its ends");

const authority = (normalYears: number) =>
  object({
    signer: signerSchema,
    commonName: name.optional().describe("CN; the organization and the authority's place when left out."),
    years: z.int().min(1).max(30).default(normalYears).describe("Validity, in years of 365 days."),
  });

/** A ceremony file: what `mayfly ca init`, `ca csr` and `ca sign` make, and with which keys. */
export const ceremonySchema = object({
  layout: z
    .enum(CEREMONY_LAYOUTS)
    .describe(
      "`root-and-issuing`, `three-tier` and `lone-root` make everything here. `offline-root`: what signs issuing CAs whose keys " +
        "are elsewhere. `issuing-only`: an issuing CA whose root is elsewhere.",
    ),
  organization: name.describe("O of every certificate."),
  folder: pathSchema.describe("Where everything is written; relative to the folder of this file."),
  root: authority(10).optional(),
  intermediate: authority(5).optional(),
  issuing: authority(3).optional(),
  log: object({
    origin: logOrigin.describe("As in the configuration."),
    signer: signerSchema,
    checkpointSigner: signerSchema,
  })
    .optional()
    .describe("The log's keys, to have their public halves in the same folder."),
  publicUrl: originSchema
    .optional()
    .describe("Where clients will find the CA; with it and the log, a trusted root is written."),
});

/** A ceremony as written, after defaults. */
export type CeremonyAsWritten = z.output<typeof ceremonySchema>;

/** A ceremony before it is checked. */
export type CeremonyInput = Readonly<Record<keyof CeremonyAsWritten, unknown>>;

/** JSON Schema of a ceremony file. */
export function ceremonyJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(ceremonySchema, { io: "input" });
}
