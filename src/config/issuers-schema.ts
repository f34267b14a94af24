import { z } from "zod";
import { issuerSchema } from "./issuer-schema.ts";
import { pathSchema } from "./secret-schema.ts";
import { object } from "./strict-object.ts";

const MAX_ISSUERS = 1000;

/** Named, so that the JSON Schema of the configuration has it once. */
const entries = z.array(issuerSchema.meta({ id: "issuer" })).max(MAX_ISSUERS);

/** Fulcio's own issuer file, and what becomes of issuers in it that many organizations share. */
const fulcioIssuers = object({
  path: pathSchema.describe("Fulcio's issuer file, JSON or YAML: the one that its --config-path names."),
  sharedIssuers: z
    .enum(["refuse", "as-fulcio"])
    .optional()
    .describe(
      "Issuers in it that give tokens to anybody: `as-fulcio` takes everybody's, as Fulcio does; `refuse` refuses the file " +
        "while one of them has no entry of its own in `list`. Must be said: there is no default.",
    ),
});

/** All trusted issuers: a list, or Fulcio's issuer file with or without a list beside it. */
export const issuersSchema = z
  .union(
    [
      entries.min(1).readonly(),
      object({
        fulcio: fulcioIssuers.optional(),
        list: entries
          .readonly()
          .optional()
          .describe("Issuers beside those of Fulcio's file; one of the same URL and audience stands in its place."),
      }).refine(({ fulcio, list = [] }) => fulcio !== undefined || list.length > 0, "expected fulcio, list, or both"),
    ],
    { error: "expected a list of issuers, or fulcio and list" },
  )
  .describe("The issuers whose tokens are taken.");

/** Issuers as written, after defaults. */
export type IssuersAsWritten = z.output<typeof issuersSchema>;

/** Where Fulcio's issuer file is, and what of it is taken. */
export type FulcioIssuersConfig = z.output<typeof fulcioIssuers>;
