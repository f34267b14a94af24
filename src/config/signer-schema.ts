import { z } from "zod";
import { object } from "./strict-object.ts";

/** A file or folder as written: relative to the configuration's folder unless it says otherwise. */
export const pathSchema = z.string().min(1).max(4096);

const secret = z
  .union([
    object({ file: pathSchema.describe("File that holds the secret; one final newline is not part of it.") }),
    object({ env: z.string().min(1).describe("Name of the environment variable that holds the secret.") }),
  ])
  .describe("Where a secret is read from. The secret itself never stands in the configuration.");

/** A private key, by the place where it is kept. */
export const signerSchema = z
  .discriminatedUnion("kind", [
    object({
      kind: z.literal("file"),
      path: pathSchema.describe("Key file made by `mayfly key create` or `mayfly ca create`."),
      passphrase: secret,
    }),
    object({
      kind: z.literal("memory").describe("A fresh key at every start; development only."),
    }),
  ])
  .describe("Where a private key is kept.");

/** Where a private key is kept. */
export type SignerConfig = z.output<typeof signerSchema>;

/** Where a secret is read from. */
export type SecretConfig = z.output<typeof secret>;
