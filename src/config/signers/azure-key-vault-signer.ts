import { z } from "zod";
import { pathSchema, secretSchema } from "../secret-schema.ts";
import { object } from "../strict-object.ts";
import { keyCalls } from "./key-calls-schema.ts";
import { serviceUrl } from "./service-url.ts";

const tenantId = z
  .string()
  .regex(/^[0-9A-Za-z.-]{1,255}$/u, "expected the id of a tenant, or a domain of it")
  .describe("Tenant of Entra that gives the token.");
const clientId = z.string().regex(/^[0-9a-fA-F-]{36}$/u, "expected the client id, a UUID");

const auth = z
  .discriminatedUnion("kind", [
    object({
      kind: z
        .literal("workload-identity")
        .describe("The service account of the pod. What is left out, AKS puts into the environment."),
      tenantId: tenantId.optional(),
      clientId: clientId.optional(),
      tokenFile: pathSchema.optional().describe("Token of the service account, read at each login."),
    }),
    object({
      kind: z.literal("managed-identity").describe("The identity of the machine."),
      clientId: clientId.optional().describe("Of a user-assigned identity; the machine's own when left out."),
    }),
    object({
      kind: z
        .literal("client-secret")
        .describe("An application of Entra with a secret, where nothing better is to be had."),
      tenantId,
      clientId,
      secret: secretSchema.describe("Read at each login."),
    }),
  ])
  .default({ kind: "workload-identity" })
  .describe("Who asks. The key's permissions `get` and `sign` are needed.");

/** A key version of Azure Key Vault. */
export const azureKeyVaultSigner = object({
  kind: z.literal("azure-key-vault").describe("A key version of Azure Key Vault or Managed HSM."),
  vault: serviceUrl
    .refine(
      (url) => URL.canParse(url) && new URL(url).protocol === "https:" && new URL(url).pathname === "/",
      "expected https://host",
    )
    .describe("URL of the vault: https://NAME.vault.azure.net, or https://NAME.managedhsm.azure.net of a Managed HSM."),
  key: z.string().regex(/^[0-9A-Za-z-]{1,127}$/u, "expected the name of a key"),
  version: z
    .string()
    .regex(/^[0-9a-f]{32}$/u, "expected a key version of 32 hexadecimal digits")
    .describe("Version of the key. It is pinned: a newer one changes nothing."),
  auth,
  ...keyCalls,
});
