import { z } from "zod";
import { pathSchema } from "./secret-schema.ts";
import { object } from "./strict-object.ts";

/** Scheme, host, perhaps a port and a path: what stands in front of what tokens say. */
export const baseUrlSchema = z
  .string()
  .max(1024)
  .regex(
    /^https:\/\/[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?(\/[A-Za-z0-9._~-]+)*$/u,
    "expected https://host, perhaps with a port and a path, without a slash at its end",
  )
  .refine((url) => URL.canParse(url), "no such host or port can exist");

/** A {@link baseUrlSchema}, or without the scheme for a pack whose templates write it. */
export const settingSchema = z
  .string()
  .max(1024)
  .regex(
    /^(https:\/\/)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?(\/[A-Za-z0-9._~-]+)*$/u,
    "expected https://host, perhaps with a port and a path, without a slash at its end",
  )
  .refine(canBeUrl, "no such host or port can exist");

/** Text in front of what tokens say, as Fulcio's files have it: a {@link settingSchema}, perhaps with a slash at its end. */
export const settingTextSchema = z
  .string()
  .max(1024)
  .regex(
    /^(https?:\/\/)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?(\/[A-Za-z0-9._~-]+)*\/?$/u,
    "expected https://host",
  )
  .refine(canBeUrl, "no such host or port can exist");

function canBeUrl(text: string): boolean {
  return URL.canParse(text.includes("://") ? text : `https://${text}`);
}

/** Name of a file in `config/providers/` without its ending. */
export const providerNameSchema = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/u, "expected a name as github-actions");

/** Tokens of a known platform that is none of CI, by a pack without templates. */
export const providerSchema = object({
  kind: z.literal("provider"),
  provider: providerNameSchema.describe("Name of one of Mayfly's packs, as eks or google."),
}).describe("A platform whose issuers and identities Mayfly knows: another issuer is refused.");

/** Jobs of a CI platform, by a pack of templates. */
export const ciProviderSchema = object({
  kind: z.literal("ci-provider"),
  provider: providerNameSchema.optional().describe("Name of one of Mayfly's packs, as github-actions or gitlab-ci."),
  providerFile: pathSchema.optional().describe("A pack of one's own instead: a YAML file like those of Mayfly."),
  settings: z
    .record(z.string(), settingSchema)
    .default({})
    .describe(
      "Values for the settings that the pack has, as the URL of a server of one's own. An issuer that is not one of the " +
        "pack's own needs all that the pack has values for.",
    ),
})
  .refine(({ provider, providerFile }) => (provider === undefined) !== (providerFile === undefined), {
    path: ["provider"],
    message: "expected either provider or providerFile",
  })
  .describe("A job of a CI platform: its pack says what becomes of the claims.");

/** The short form of {@link ciProviderSchema} with the pack of that name. */
export const githubActionsSchema = object({
  kind: z.literal("github-actions"),
  baseUrl: baseUrlSchema
    .optional()
    .describe(
      "Base of the URLs in certificates: https://github.com if left out, which only GitHub's own issuers may; the URL of a " +
        "GitHub Enterprise Server.",
    ),
});
