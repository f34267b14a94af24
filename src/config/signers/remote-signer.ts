import { z } from "zod";
import { awsKmsSigner } from "./aws-kms-signer.ts";
import { azureKeyVaultSigner } from "./azure-key-vault-signer.ts";
import { googleKmsSigner } from "./google-kms-signer.ts";
import { pkcs11Signer } from "./pkcs11-signer.ts";
import { vaultSigner } from "./vault-signer.ts";

/** A private key that never is in this process. */
export const remoteSigner = z.discriminatedUnion("kind", [
  vaultSigner,
  awsKmsSigner,
  googleKmsSigner,
  azureKeyVaultSigner,
  pkcs11Signer,
]);

/** Where a private key is kept that never is in this process. */
export type RemoteSignerConfig = z.output<typeof remoteSigner>;
