import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { QUICK, type RemoteMayflyLab } from "../../contracts/remote-mayfly.ts";
import { startFakeAwsKms, type AwsKmsFault } from "../../fakes/fake-aws-kms.ts";
import { useAwsEnvironment } from "./aws-environment.ts";

/** An AWS KMS of our own with all keys of a Mayfly in it, which asks as the service account of a pod. */
export async function startAwsLab(ca: SignatureAlgorithm): Promise<RemoteMayflyLab<AwsKmsFault>> {
  const kms = await startFakeAwsKms();
  const folder = mkdtempSync(join(tmpdir(), "mayfly-aws-lab-"));
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, kms.webIdentity);
  const restore = useAwsEnvironment({
    AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
    AWS_ROLE_ARN: kms.role,
    AWS_ENDPOINT_URL_STS: kms.endpoint,
    AWS_REGION: kms.region,
  });
  const keys = {
    ca: kms.arn(ca, "ca"),
    log: kms.arn("ecdsa-p256-sha256", "log"),
    checkpoint: kms.arn("ed25519", "checkpoint"),
  };
  const signer = (key: string): string => `{ kind: aws-kms, key: "${key}", endpoint: "${kms.endpoint}", ${QUICK} }`;
  return {
    signers: { ca: signer(keys.ca), log: signer(keys.log), checkpoint: signer(keys.checkpoint) },
    misbehave: (fault, key) => {
      kms.misbehave(fault, key === undefined ? undefined : keys[key]);
    },
    secrets: kms.secrets,
    close: async () => {
      restore();
      await kms.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
