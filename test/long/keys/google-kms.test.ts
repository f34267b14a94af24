import { describe, expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { openGoogleKey } from "../../../src/adapters/signers/google-kms/google-key.ts";
import { signRequestFor } from "../../../src/adapters/signers/remote/remote-key.ts";
import { describeRemoteMayfly, type Told } from "../../contracts/remote-mayfly.ts";
import { startFakeGoogleKms, type GoogleFault } from "../../fakes/fake-google-kms.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { startGoogleLab } from "../../support/keys/google-lab.ts";
import { startSilentRelay } from "../../support/silent-relay.ts";

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

describe("a Google Cloud KMS of our own that was away for a minute", () => {
  it("is asked again within seconds of its return", async () => {
    const kms = await startFakeGoogleKms();
    const servicePort = Number(new URL(kms.endpoint).port);
    const before = await startSilentRelay(servicePort);
    const key = await openGoogleKey(
      {
        keyVersion: kms.keyVersion("ecdsa-p256-sha256"),
        endpoint: `http://127.0.0.1:${String(before.port)}`,
        readCredentials: () => kms.credentials,
        attemptMs: 2_000,
      },
      { name: "google key" },
    );
    const request = signRequestFor("ecdsa-p256-sha256", new Uint8Array(3));
    const sign = (): Promise<unknown> =>
      key.sign(request, AbortSignal.timeout(2_000)).catch((error: unknown) => (error as { kind: string }).kind);
    expect(await sign()).toBeInstanceOf(Uint8Array);
    await before.close();
    for (let second = 0; second < 60; second += 5) {
      expect(await sign()).toBe("unavailable");
      await pause(5_000);
    }
    const relay = await startSilentRelay(servicePort, before.port);
    const backMs = performance.now();
    while (!((await sign()) instanceof Uint8Array)) await pause(100);
    const seconds = (performance.now() - backMs) / 1_000;
    expect(seconds).toBeLessThan(5);
    recordEvidence(`a Google Cloud KMS of our own, away for 60 s: signs ${seconds.toFixed(1)} s after its return`);
    await key.close();
    await relay.close();
    await kms.close();
  });
});
