import { describeRemoteMayfly, type Told } from "../../contracts/remote-mayfly.ts";
import type { GoogleFault } from "../../fakes/fake-google-kms.ts";
import { startGoogleLab } from "../../support/keys/google-lab.ts";

const OF_EVERY_KEY: Readonly<Partial<Record<GoogleFault, Told>>> = {
  hang: [503, "SIGNER_TIMEOUT"],
  unavailable: [503, "SIGNER_UNREACHABLE"],
  quota: [503, "SIGNER_QUOTA"],
  denied: [500, "SIGNER_DENIED"],
  disabled: [500, "SIGNER_KEY_UNUSABLE"],
  destroyed: [500, "SIGNER_KEY_UNUSABLE"],
  "request-damaged": [500, "SIGNER_ANSWER_INVALID"],
  "digest-not-verified": [500, "SIGNER_ANSWER_INVALID"],
  "wrong-signature-crc": [500, "SIGNER_ANSWER_INVALID"],
  "wrong-name": [500, "SIGNER_ANSWER_INVALID"],
  "truncated-on-the-way": [500, "SIGNER_ANSWER_INVALID"],
  "truncated-signature": [500, "SIGNATURE_INVALID"],
  "other-key": [500, "SIGNATURE_INVALID"],
  "other-algorithm": [500, "SIGNATURE_INVALID"],
  "other-message": [500, "SIGNATURE_INVALID"],
  unauthenticated: "none",
};

describeRemoteMayfly<GoogleFault>("a Google Cloud KMS of our own, CA P-256", {
  faults: (["ca", "log", "checkpoint"] as const).flatMap((key) =>
    Object.entries(OF_EVERY_KEY).map(([fault, told]) => [fault as GoogleFault, key, told] as const),
  ),
  start: () => startGoogleLab("ecdsa-p256-sha256"),
});

describeRemoteMayfly<GoogleFault>("a Google Cloud KMS of our own, CA P-384", {
  faults: [["other-key", "ca", [500, "SIGNATURE_INVALID"]]],
  start: () => startGoogleLab("ecdsa-p384-sha384"),
});

describeRemoteMayfly<GoogleFault>("a Google Cloud KMS of our own, CA RSA", {
  faults: [["other-key", "ca", [500, "SIGNATURE_INVALID"]]],
  start: () => startGoogleLab("rsa-pkcs1-sha256"),
});
