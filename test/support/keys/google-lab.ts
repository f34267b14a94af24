import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { QUICK, type RemoteMayflyLab } from "../../contracts/remote-mayfly.ts";
import { startFakeGoogleKms, type GoogleFault } from "../../fakes/fake-google-kms.ts";

/** A Google Cloud KMS of our own with all keys of a Mayfly in it, the credentials in a file. */
export async function startGoogleLab(ca: SignatureAlgorithm): Promise<RemoteMayflyLab<GoogleFault>> {
  const kms = await startFakeGoogleKms();
  const folder = mkdtempSync(join(tmpdir(), "mayfly-google-lab-"));
  const credentials = join(folder, "adc.json");
  writeFileSync(credentials, kms.credentials, { mode: 0o600 });
  const versions = {
    ca: kms.keyVersion(ca, "ca"),
    log: kms.keyVersion("ecdsa-p256-sha256", "log"),
    checkpoint: kms.keyVersion("ed25519", "checkpoint"),
  };
  const signer = (keyVersion: string): string =>
    `{ kind: google-kms, keyVersion: ${keyVersion}, protectionLevel: software, endpoint: "${kms.endpoint}", ` +
    `credentials: ${credentials}, ${QUICK} }`;
  return {
    signers: { ca: signer(versions.ca), log: signer(versions.log), checkpoint: signer(versions.checkpoint) },
    misbehave: (fault, key) => {
      kms.misbehave(fault, key === undefined ? undefined : versions[key]);
    },
    secrets: kms.secrets,
    close: async () => {
      await kms.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
