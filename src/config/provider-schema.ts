import { z } from "zod";
import { EXTENSION_FIELDS } from "../core/identity/ci-provider.ts";
import type { ExtensionName } from "../core/identity/ci-provider.ts";
import { providerNameSchema, settingSchema, settingTextSchema } from "./ci-identity-schema.ts";
import { chainguardSchema, emailSchema, kubernetesSchema } from "./identity-schema.ts";
import { patternFault } from "./issuer-rules.ts";
import { object } from "./strict-object.ts";

const EXTENSION_NAMES = Object.keys(EXTENSION_FIELDS) as [ExtensionName, ...ExtensionName[]];

const claimName = z.string().min(1).max(256);
const claimNames = z.array(claimName).readonly().default([]);
const extensions = z.partialRecord(z.enum(EXTENSION_NAMES), z.string().min(1)).default({});

/** A value that the operator may choose. */
const setting = object({
  description: z.string().min(1).describe("What it is, for the operator."),
  default: settingTextSchema.optional().describe("What it is when the operator says nothing."),
  issuerOrigin: z
    .literal(true)
    .optional()
    .describe("When the operator says nothing, it is scheme and host of the token's issuer."),
}).refine((one) => one.default === undefined || one.issuerOrigin === undefined, "either default or issuerOrigin");

const claims = object({
  required: claimNames.describe("A token without one of them, or with an empty one, is refused."),
  optional: claimNames.describe("They may be missing; templates then have an empty text."),
  whenUsed: claimNames.describe("They are required where a template comes to need them."),
  defaults: z.record(claimName, z.string().min(1)).default({}).describe("Texts for claims that may be missing."),
  values: z
    .record(claimName, z.array(z.string().min(1)).min(1).readonly())
    .default({})
    .describe("All that a claim may say, where that is known."),
});

/** A token, and what must become of it. */
const sample = object({
  name: z.string().min(1),
  like: z.string().min(1).optional().describe("Name of a sample above: what is not said here is as there."),
  issuer: z.string().min(1).optional().describe("The issuer of the token; the pack's first when left out."),
  settings: z.record(z.string(), settingSchema).optional(),
  claims: z
    .record(z.string(), z.json())
    .default({})
    .describe("The claims but those of every token: iss, aud, iat, exp."),
  without: claimNames.describe("Claims of the sample above that this one does not have."),
  certificate: object({
    subjectAlternativeName: z.string().min(1).optional(),
    extensions,
    without: z.array(z.enum(EXTENSION_NAMES)).readonly().default([]),
  }).optional(),
  refused: z.string().min(1).optional().describe("The reason, where such a token is refused."),
}).refine(
  (one) => (one.certificate === undefined) !== (one.refused === undefined),
  "either certificate or refused: what becomes of such a token",
);

/** An issuer's URL, or a pattern of such URLs. */
const issuer = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const fault = text.includes("*") ? patternFault(text, true) : undefined;
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });

/** What every pack says. */
const everyPack = {
  name: providerNameSchema,
  description: z.string().min(1).describe("Whose tokens these are, in a line."),
  issuers: z.array(issuer).min(1).readonly().describe("URLs, or patterns with *, of issuers that give them."),
  samples: z
    .array(sample)
    .readonly()
    .default([])
    .describe("Tokens that prove the pack: a test of Mayfly signs with each."),
};

/** A pack of templates: how the tokens of a CI platform become certificates, and tokens that prove it. */
export const templatePackSchema = object({
  ...everyPack,
  settings: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/u), setting).default({}),
  claims,
  subjectAlternativeName: z.string().min(1).describe("Template of the certificate's name, a URL."),
  extensions: extensions.describe("Templates of Fulcio's extensions, by their names in its issuer file."),
});

/** A pack without templates: whose tokens are an identity of one of Mayfly's kinds, and tokens that prove it. */
export const kindPackSchema = object({
  ...everyPack,
  selfHosted: z
    .boolean()
    .default(false)
    .describe("Whether organizations have such issuers at URLs of their own; else no other issuer may use the pack."),
  identity: z
    .discriminatedUnion("kind", [emailSchema, kubernetesSchema, chainguardSchema])
    .describe("How the identity in the tokens becomes the name in the certificate."),
});

/** A pack of templates as its file says it. */
export type TemplatePack = z.output<typeof templatePackSchema>;

/** A pack without templates as its file says it. */
export type KindPack = z.output<typeof kindPackSchema>;
