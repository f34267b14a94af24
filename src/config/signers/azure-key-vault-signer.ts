import { z } from "zod";
import { object } from "../strict-object.ts";
import { keyCalls } from "./key-calls-schema.ts";
import { serviceUrl } from "./service-url.ts";

/** A key version of Azure Key Vault. */
export const azureKeyVaultSigner = object({
  kind: z.literal("azure-key-vault").describe("A key version of Azure Key Vault or Managed HSM."),
  vault: serviceUrl.describe("URL of the vault, for example https://NAME.vault.azure.net."),
  key: z.string().regex(/^[0-9A-Za-z-]{1,127}$/u, "expected the name of a key"),
  version: z
    .string()
    .regex(/^[0-9a-f]{32}$/u, "expected a key version of 32 hexadecimal digits")
    .describe("Version of the key. It is pinned: a newer one changes nothing."),
  ...keyCalls,
});
