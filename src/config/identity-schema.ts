import { z } from "zod";
import { object } from "./strict-object.ts";

/**
 * How the identity in an issuer's tokens becomes the name in the certificate: one alternative for each kind of
 * `IdentityRules` (core/identity/issuer.ts), by the same name.
 */
export const identitySchema = z
  .discriminatedUnion("kind", [
    object({
      kind: z.literal("email"),
      skipEmailVerification: z
        .boolean()
        .default(false)
        .describe(
          "Accept tokens whose email_verified is false or missing. Only for issuers that verify every address.",
        ),
    }),
    object({
      kind: z.literal("github-actions"),
      baseUrl: z
        .string()
        .regex(/^https:\/\/[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?$/u, "expected https://host without a path")
        .refine((url) => URL.canParse(url), "no such host or port can exist")
        .default("https://github.com")
        .describe("Base of the URLs in certificates; another value is for GitHub Enterprise Server."),
    }),
  ])
  .describe("How the identity in this issuer's tokens becomes the name in the certificate.");
