import { z } from "zod";
import { object } from "./strict-object.ts";

/** A file or folder as written: relative to the configuration's folder unless it says otherwise. */
export const pathSchema = z.string().min(1).max(4096);

/** A secret, by the place where it stands. */
export const secretSchema = z
  .union([
    object({ file: pathSchema.describe("File that holds the secret; one final newline is not part of it.") }),
    object({ env: z.string().min(1).describe("Name of the environment variable that holds the secret.") }),
  ])
  .describe("Where a secret is read from. The secret itself never stands in the configuration.");

/** Where a secret is read from. */
export type SecretConfig = z.output<typeof secretSchema>;
