import { describeRemoteMayfly } from "../contracts/remote-mayfly.ts";
import type { AwsKmsFault } from "../fakes/fake-aws-kms.ts";
import { startAwsLab } from "../support/keys/aws-lab.ts";

describeRemoteMayfly<AwsKmsFault>("an AWS KMS of our own", {
  faults: [
    ["expired", "ca", "none"],
    ["other-key-named", "ca", [500, "SIGNER_ANSWER_INVALID"]],
    ["throttled", "log", [503, "SIGNER_QUOTA"]],
  ],
  start: () => startAwsLab("ecdsa-p256-sha256"),
});
