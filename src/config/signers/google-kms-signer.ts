import { z } from "zod";
import { pathSchema } from "../secret-schema.ts";
import { object } from "../strict-object.ts";
import { keyCalls } from "./key-calls-schema.ts";
import { serviceUrl } from "./service-url.ts";

/** A key version of Google Cloud KMS. */
export const googleKmsSigner = object({
  kind: z.literal("google-kms").describe("A key version of Google Cloud KMS or Cloud HSM."),
  keyVersion: z
    .string()
    .max(1024)
    .regex(
      /^projects\/[^/\s]+\/locations\/[^/\s]+\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}\/cryptoKeyVersions\/[1-9][0-9]{0,18}$/u,
      "expected projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N",
    )
    .describe("Resource name of one version. It is pinned: a new primary version changes nothing."),
  protectionLevel: z
    .enum(["software", "hsm", "hsm-single-tenant", "external", "external-vpc"])
    .optional()
    .describe("What must keep the key; one that is kept otherwise is refused. Any when left out."),
  credentials: pathSchema
    .optional()
    .describe(
      "File of Application Default Credentials, such as those of a workload identity federation. Left out, they are found as " +
        "Google's libraries do: GOOGLE_APPLICATION_CREDENTIALS, or the metadata server of GKE and Compute Engine.",
    ),
  endpoint: serviceUrl
    .refine((url) => URL.canParse(url) && new URL(url).pathname === "/", "gRPC has no path: expected https://host")
    .optional()
    .describe("Other than cloudkms.googleapis.com: of a region, or of Private Service Connect."),
  ...keyCalls,
});
