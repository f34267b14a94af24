import { describeRemoteMayfly, type Told } from "../../contracts/remote-mayfly.ts";
import type { AzureFault } from "../../fakes/fake-azure-key-vault.ts";
import { startAzureLab } from "../../support/keys/azure-lab.ts";

const OF_EVERY_KEY: Readonly<Partial<Record<AzureFault, Told>>> = {
  hang: [503, "SIGNER_TIMEOUT"],
  "hang-in-body": [503, "SIGNER_TIMEOUT"],
  reset: [503, "SIGNER_UNREACHABLE"],
  "status-503": [503, "SIGNER_UNREACHABLE"],
  throttled: [503, "SIGNER_QUOTA"],
  "rbac-denied": [500, "SIGNER_DENIED"],
  disabled: [500, "SIGNER_KEY_UNUSABLE"],
  deleted: [500, "SIGNER_KEY_UNUSABLE"],
  "truncated-json": [500, "SIGNER_ANSWER_INVALID"],
  "wrong-kid": [500, "SIGNER_ANSWER_INVALID"],
  "short-signature": [500, "SIGNER_ANSWER_INVALID"],
  "der-signature": [500, "SIGNER_ANSWER_INVALID"],
  "other-algorithm": [500, "SIGNER_ANSWER_INVALID"],
  "other-key": [500, "SIGNATURE_INVALID"],
  "other-message": [500, "SIGNATURE_INVALID"],
};

describeRemoteMayfly<AzureFault>("an Azure Key Vault of our own, CA P-256", {
  faults: (["ca", "log"] as const).flatMap((key) =>
    Object.entries(OF_EVERY_KEY).map(([fault, told]) => [fault as AzureFault, key, told] as const),
  ),
  start: () => startAzureLab("ecdsa-p256-sha256"),
});

describeRemoteMayfly<AzureFault>("an Azure Managed HSM of our own, CA P-384", {
  faults: [["other-key", "ca", [500, "SIGNATURE_INVALID"]]],
  start: () => startAzureLab("ecdsa-p384-sha384", "mayfly.managedhsm.azure.net"),
});

describeRemoteMayfly<AzureFault>("an Azure Key Vault of our own, CA P-521", {
  faults: [["other-key", "ca", [500, "SIGNATURE_INVALID"]]],
  start: () => startAzureLab("ecdsa-p521-sha512"),
});

describeRemoteMayfly<AzureFault>("an Azure Key Vault of our own, CA RSA", {
  faults: [["other-key", "ca", [500, "SIGNATURE_INVALID"]]],
  start: () => startAzureLab("rsa-pkcs1-sha256"),
});
