import { z } from "zod";

/** What every key outside this process is asked with: members of its signer. */
export const keyCalls = {
  attemptSeconds: z
    .number()
    .min(0.1)
    .max(30)
    .default(2)
    .describe("Longest wait for one answer. limits.stages.signatureSeconds bounds a signature as a whole."),
  attempts: z
    .int()
    .min(1)
    .max(10)
    .default(3)
    .describe("How often a signature is tried, within its time, when the service is away, too slow or asks to wait."),
  requestsInFlight: z.int().min(1).max(1_000).default(32).describe("Attempts that are under way at the same time."),
  signaturesPerSecond: z
    .number()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe(
      "Signatures that certificates may ask for each second, two for each of them; beyond it none is begun (503). Less than " +
        "the service's own quota, so that it never throttles. For the CA's key only.",
    ),
};
