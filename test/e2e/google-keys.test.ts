import { describeRemoteMayfly } from "../contracts/remote-mayfly.ts";
import type { GoogleFault } from "../fakes/fake-google-kms.ts";
import { startGoogleLab } from "../support/keys/google-lab.ts";

describeRemoteMayfly<GoogleFault>("a Google Cloud KMS of our own", {
  faults: [
    ["unauthenticated", "ca", "none"],
    ["wrong-signature-crc", "ca", [500, "SIGNER_ANSWER_INVALID"]],
    ["quota", "log", [503, "SIGNER_QUOTA"]],
  ],
  start: () => startGoogleLab("ecdsa-p256-sha256"),
});
