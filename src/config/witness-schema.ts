import { z } from "zod";
import { NoteError } from "../core/note/note-error.ts";
import { parseVerifierKey, SIGNATURE_TYPE } from "../core/note/verifier-key.ts";
import { object } from "./strict-object.ts";

const cosignerKey = z
  .string()
  .max(1024)
  .refine(isCosignerKey, "expected a key for cosignatures: name+hash+base64, of type 0x04 (C2SP tlog-cosignature)")
  .describe(
    "The witness's verifier key, as it publishes it. The name in it is the name that log lines and metrics use.",
  );

/** Whether it is the text form of a key that cosigns (C2SP signed-note, type 0x04). */
function isCosignerKey(text: string): boolean {
  try {
    return parseVerifierKey(text).type === SIGNATURE_TYPE.cosignature;
  } catch (error) {
    if (error instanceof NoteError) return false;
    throw error;
  }
}

const submissionPrefix = z
  .string()
  .max(1024)
  .regex(/^https?:\/\/[!-~]+[^/]$/u, "expected an https URL without a final slash")
  .refine(
    (url) => URL.canParse(url) && !/[?#@\\]/u.test(url),
    "a witness's URL has no query, fragment or user information",
  )
  .describe("Submission prefix of the witness (C2SP tlog-witness); `/add-checkpoint` is added to it.");

/** Who is shown the log's checkpoints, for all shards. */
export const witnessesSchema = z
  .array(object({ key: cosignerKey, url: submissionPrefix }))
  .max(16)
  .readonly()
  .default([])
  .describe("Witnesses that are shown each checkpoint and cosign it (C2SP tlog-witness).");

/** How many cosignatures make a checkpoint a witnessed one, and who waits for them. */
export const witnessQuorumSchema = object({
  required: z.int().min(1).max(16).default(1).describe("So many of the witnesses make a quorum."),
  mode: z
    .enum(["after-answer", "before-answer"])
    .default("after-answer")
    .describe(
      "`after-answer`: witnesses are shown what is published, and nobody waits for them. `before-answer`: nothing is " +
        "published, and no certificate issued, before the quorum has cosigned the checkpoint that covers it.",
    ),
  timeoutSeconds: z
    .number()
    .min(0.1)
    .max(30)
    .default(1)
    .describe("before-answer: how long a batch waits for the quorum before its callers are told 503."),
  intervalSeconds: z
    .number()
    .min(0.1)
    .max(3600)
    .default(1)
    .describe("after-answer: a witness is asked at most once in this time."),
}).prefault({});
