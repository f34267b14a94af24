import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePrivateKey } from "../../../src/adapters/signers/memory.ts";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { QUICK, type RemoteMayflyLab } from "../../contracts/remote-mayfly.ts";
import { startFakeAzureKeyVault, type AzureFault } from "../../fakes/fake-azure-key-vault.ts";
import { encryptCheaply } from "../operator-keys.ts";

/** An Azure Key Vault of our own with the keys of a Mayfly in it, but that of checkpoints: it has no Ed25519. */
export async function startAzureLab(
  ca: SignatureAlgorithm,
  host = "mayfly.vault.azure.net",
): Promise<RemoteMayflyLab<AzureFault>> {
  const vault = await startFakeAzureKeyVault();
  const folder = mkdtempSync(join(tmpdir(), "mayfly-azure-lab-"));
  const checkpoint = join(folder, "checkpoint.json");
  writeFileSync(checkpoint, await encryptCheaply(generatePrivateKey("ed25519"), vault.clientSecret), { mode: 0o600 });
  const keys = { ca: vault.keyOf(ca, "ca"), log: vault.keyOf("ecdsa-p256-sha256", "log") };
  const auth = `{ kind: workload-identity, tenantId: ${vault.tenantId}, clientId: ${vault.clientId}, tokenFile: ${vault.tokenFile} }`;
  const signer = ({ key, version }: (typeof keys)["ca"]): string =>
    `{ kind: azure-key-vault, vault: "https://${host}", key: ${key}, version: "${version}", auth: ${auth}, ${QUICK} }`;
  return {
    signers: {
      ca: signer(keys.ca),
      log: signer(keys.log),
      checkpoint: `{ kind: file, path: ${checkpoint}, passphrase: { env: PASSPHRASE } }`,
    },
    env: { PASSPHRASE: vault.clientSecret },
    misbehave: (fault, key) => {
      vault.misbehave(fault, key === "ca" || key === "log" ? keys[key].key : undefined);
    },
    secrets: vault.secrets,
    close: async () => {
      await vault.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
