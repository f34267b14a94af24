import { describeRemoteMayfly } from "../contracts/remote-mayfly.ts";
import type { AzureFault } from "../fakes/fake-azure-key-vault.ts";
import { startAzureLab } from "../support/keys/azure-lab.ts";

describeRemoteMayfly<AzureFault>("an Azure Key Vault of our own", {
  faults: [
    ["disabled", "ca", [500, "SIGNER_KEY_UNUSABLE"]],
    ["wrong-kid", "ca", [500, "SIGNER_ANSWER_INVALID"]],
    ["throttled", "log", [503, "SIGNER_QUOTA"]],
  ],
  start: () => startAzureLab("ecdsa-p256-sha256"),
});
