import { z } from "zod";
import { pathSchema, secretSchema } from "./secret-schema.ts";
import { remoteSigner } from "./signers/remote-signer.ts";
import { uriSigner } from "./signers/uri-signer.ts";
import { object } from "./strict-object.ts";

const [vault, awsKms, googleKms, azureKeyVault, pkcs11] = remoteSigner.options;

/** A private key, by the place where it is kept. */
export const signerSchema = z
  .discriminatedUnion("kind", [
    object({
      kind: z.literal("file"),
      path: pathSchema.describe("Key file made by `mayfly key create` or `mayfly ca create`."),
      passphrase: secretSchema,
    }),
    object({
      kind: z.literal("memory").describe("A fresh key at every start; development only."),
    }),
    vault,
    awsKms,
    googleKms,
    azureKeyVault,
    pkcs11,
    uriSigner,
  ])
  // The JSON Schema has it once, as a definition: it stands in eight places.
  .meta({ id: "signer", description: "Where a private key is kept." });

/** Where a private key is kept. */
export type SignerConfig = z.output<typeof signerSchema>;
