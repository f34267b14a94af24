import { z } from "zod";
import { ciProviderSchema, githubActionsSchema } from "./ci-identity-schema.ts";
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
    ciProviderSchema,
    githubActionsSchema,
  ])
  .describe("How the identity in this issuer's tokens becomes the name in the certificate.");

/** Identities of an issuer as configured. */
export type IdentityConfig = z.output<typeof identitySchema>;
