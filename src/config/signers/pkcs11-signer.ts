import { z } from "zod";
import { pathSchema, secretSchema } from "../secret-schema.ts";
import { object } from "../strict-object.ts";
import { keyCalls } from "./key-calls-schema.ts";

const label = z.string().min(1).max(256);

/** A key of a PKCS#11 token. */
export const pkcs11Signer = object({
  kind: z.literal("pkcs11").describe("A key in a token that a PKCS#11 module reaches: HSM, smart card, SoftHSM."),
  module: pathSchema.describe("Shared library of the token's maker. It runs in a process of its own."),
  token: object({
    label: label.max(32).optional().describe("CK_TOKEN_INFO.label, without its padding."),
    serial: label.max(16).optional().describe("CK_TOKEN_INFO.serialNumber, without its padding."),
    slot: z.int().min(0).optional().describe("CK_SLOT_ID. Many modules number their slots anew: prefer the others."),
  })
    .refine(
      ({ label: name, serial, slot }) => name !== undefined || serial !== undefined || slot !== undefined,
      "expected label, serial or slot",
    )
    .describe("Exactly one token must fit."),
  key: object({
    label: label.optional().describe("CKA_LABEL of private and public key."),
    id: z
      .string()
      .regex(/^(?:[0-9a-f]{2}){1,128}$/u, "expected CKA_ID as lower-case hexadecimal digits")
      .optional(),
  })
    .refine(({ label: name, id }) => name !== undefined || id !== undefined, "expected label, id or both")
    .describe("Exactly one private key must fit."),
  pin: secretSchema.describe("PIN of the token's user. A wrong one is tried once only: tokens lock themselves."),
  sessions: z
    .int()
    .min(1)
    .max(16)
    .default(4)
    .describe("Signatures that the token makes at the same time, each in a session of its own."),
  ...keyCalls,
});
