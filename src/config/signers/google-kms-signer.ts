import { z } from "zod";
import { object } from "../strict-object.ts";
import { keyCalls } from "./key-calls-schema.ts";

/** A key version of Google Cloud KMS. */
export const googleKmsSigner = object({
  kind: z
    .literal("google-kms")
    .describe("A key version of Google Cloud KMS or Cloud HSM, with Application Default Credentials."),
  keyVersion: z
    .string()
    .max(1024)
    .regex(
      /^projects\/[^/\s]+\/locations\/[^/\s]+\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}\/cryptoKeyVersions\/[1-9][0-9]{0,18}$/u,
      "expected projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N",
    )
    .describe("Resource name of one version. It is pinned: a new primary version changes nothing."),
  ...keyCalls,
});
