import { z } from "zod";
import { object } from "../strict-object.ts";
import { keyCalls } from "./key-calls-schema.ts";
import { serviceUrl } from "./service-url.ts";

/** Region of a key's ARN. */
const ARN = /^arn:aws[a-z-]*:kms:(?<region>[a-z0-9-]+):[0-9]{12}:key\/(?:mrk-)?[0-9a-f-]{32,36}$/u;
const ID = /^(?:mrk-)?[0-9a-f-]{32,36}$/u;

/** A key of AWS KMS. */
export const awsKmsSigner = object({
  kind: z.literal("aws-kms").describe("An asymmetric key of AWS KMS, with the credentials of the environment."),
  key: z
    .string()
    .max(256)
    .refine(
      (key) => ARN.test(key) || ID.test(key),
      "expected the ARN or the id of a key; an alias can be pointed at another key",
    )
    .describe("ARN of the key, or its id together with region. It has one version for ever."),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/u, "expected a region, for example eu-central-1")
    .optional()
    .describe("Left out when key is an ARN, which has it."),
  endpoint: serviceUrl.optional().describe("Other than the region's own: of a VPC, say."),
  ...keyCalls,
}).refine(({ key, region }) => (regionOf(key) === undefined) === (region !== undefined), {
  path: ["region"],
  message: "required with a key's id, and left out with an ARN, which has it",
});

/** The region that stands in an ARN. */
export function regionOf(key: string): string | undefined {
  return ARN.exec(key)?.groups?.["region"];
}
