import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from "@aws-sdk/client-kms";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openAwsKmsKey } from "../../../src/adapters/signers/aws-kms/aws-kms-key.ts";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { describeRemoteKey } from "../../contracts/remote-key.ts";
import { describeRemoteMayfly, type Told } from "../../contracts/remote-mayfly.ts";
import type { AwsKmsFault } from "../../fakes/fake-aws-kms.ts";
import { startFakeVault, type FakeVault } from "../../fakes/fake-vault.ts";
import { whatIsMissing } from "../../support/clients/installation.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { itWhen } from "../../support/it-when.ts";
import { useAwsEnvironment } from "../../support/keys/aws-environment.ts";
import { startAwsLab } from "../../support/keys/aws-lab.ts";
import { MINISTACK, startMinistack, type Ministack } from "../../support/keys/ministack.ts";
import { startRemoteMayfly, type RemoteMayfly } from "../../support/keys/remote-mayfly.ts";

const missing = whatIsMissing(MINISTACK);
const [itWithAws, skipped] = itWhen(missing === undefined, missing ?? "");
const ALGORITHMS: readonly SignatureAlgorithm[] = [
  "ecdsa-p256-sha256",
  "ecdsa-p384-sha384",
  "ecdsa-p521-sha512",
  "rsa-pkcs1-sha256",
];
if (!("whyNot" in MINISTACK)) recordVersion("ministack", MINISTACK.version);

const folder = mkdtempSync(join(tmpdir(), "mayfly-ministack-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

if (missing === undefined) {
  describeRemoteKey<"disabled" | "pending-deletion" | "stopped">("a key of ministack", {
    algorithms: ALGORITHMS,
    faults: { disabled: "key-unusable", "pending-deletion": "key-unusable", stopped: "timeout" },
    lies: [],
    silent: "stopped",
    start: async () => {
      const aws = await startMinistack(join(folder, "contract"));
      const restore = useAwsEnvironment(aws.environment);
      const keys = new Map<SignatureAlgorithm, string>();
      for (const algorithm of ALGORITHMS) keys.set(algorithm, await aws.makeKey(algorithm));
      const key = { KeyId: keys.get("ecdsa-p256-sha256") };
      let undo = (): Promise<unknown> => Promise.resolve();
      return {
        open: (algorithm) =>
          openAwsKmsKey(
            { key: keys.get(algorithm)!, region: aws.region, endpoint: aws.endpoint },
            { name: "ministack key" },
          ),
        misbehave: async (fault) => {
          await undo();
          undo = () => Promise.resolve();
          if (fault === "stopped") {
            aws.program.freeze();
            undo = () => {
              aws.program.thaw();
              return Promise.resolve();
            };
          } else if (fault === "disabled") {
            await aws.admin.send(new DisableKeyCommand(key));
            undo = () => aws.admin.send(new EnableKeyCommand(key));
          } else if (fault === "pending-deletion") {
            await aws.admin.send(new ScheduleKeyDeletionCommand(key));
            undo = async () => {
              await aws.admin.send(new CancelKeyDeletionCommand(key));
              await aws.admin.send(new EnableKeyCommand(key));
            };
          }
        },
        secrets: () => [aws.environment["AWS_SECRET_ACCESS_KEY"]!],
        close: async () => {
          restore();
          await aws.close();
        },
      };
    },
  });
}

const OF_EVERY_KEY: Readonly<Partial<Record<AwsKmsFault, Told>>> = {
  hang: [503, "SIGNER_TIMEOUT"],
  "hang-in-body": [503, "SIGNER_TIMEOUT"],
  reset: [503, "SIGNER_UNREACHABLE"],
  internal: [503, "SIGNER_UNREACHABLE"],
  "truncated-json": [503, "SIGNER_UNREACHABLE"],
  throttled: [503, "SIGNER_QUOTA"],
  "status-429": [503, "SIGNER_QUOTA"],
  denied: [500, "SIGNER_DENIED"],
  disabled: [500, "SIGNER_KEY_UNUSABLE"],
  "pending-deletion": [500, "SIGNER_KEY_UNUSABLE"],
  "not-json": [500, "SIGNER_ANSWER_INVALID"],
  "other-key-named": [500, "SIGNER_ANSWER_INVALID"],
  "truncated-signature": [500, "SIGNATURE_INVALID"],
  "other-key": [500, "SIGNATURE_INVALID"],
  "other-message": [500, "SIGNATURE_INVALID"],
  expired: "none",
};

describeRemoteMayfly<AwsKmsFault>("an AWS KMS of our own, CA P-256", {
  faults: (["ca", "log", "checkpoint"] as const).flatMap((key) =>
    Object.entries(OF_EVERY_KEY).map(([fault, told]) => [fault as AwsKmsFault, key, told] as const),
  ),
  start: () => startAwsLab("ecdsa-p256-sha256"),
});

describe("a Mayfly whose keys are in ministack's KMS", () => {
  let aws: Ministack;
  /** ministack has no Ed25519. */
  let vault: FakeVault;
  let restore = (): void => undefined;
  const opened: RemoteMayfly[] = [];
  beforeAll(async () => {
    if (missing !== undefined) return;
    aws = await startMinistack(join(folder, "whole"));
    vault = await startFakeVault();
    restore = useAwsEnvironment(aws.environment);
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    for (const mayfly of opened) await mayfly.close();
    restore();
    await vault.close();
    await aws.close();
  });
  const checkpoint = (): string =>
    `{ kind: vault, address: "${vault.address}", key: ${vault.keyName("ed25519")}, version: 1, ` +
    "auth: { kind: token, token: { env: TOKEN } } }";
  const signer = (key: string): string =>
    `{ kind: aws-kms, key: "${key}", endpoint: "${aws.endpoint}", attemptSeconds: 1 }`;
  const startMayfly = async (caKey: string, ca = signer(caKey)): Promise<RemoteMayfly> => {
    const log = signer(await aws.makeKey("ecdsa-p256-sha256"));
    const mayfly = await startRemoteMayfly(
      { ca, log, checkpoint: checkpoint() },
      { env: { TOKEN: vault.staticToken } },
    );
    opened.push(mayfly);
    return mayfly;
  };

  itWithAws.each(ALGORITHMS.map((algorithm) => [algorithm] as const))(
    `issues what Sigstore's client verifies, with a CA of %s and the log's key there${skipped}`,
    async (algorithm) => {
      const mayfly = await startMayfly(await aws.makeKey(algorithm));
      for (let count = 0; count < 3; count++) await mayfly.sign();
      expect(await mayfly.treeSize()).toBe(3);
      recordEvidence(`ministack, CA ${algorithm}, log P-256: 3 files signed, all accepted by @sigstore/verify`);
    },
  );

  itWithAws(`takes Fulcio's URI of a key, with its ARN and with its id${skipped}`, async () => {
    const arn = await aws.makeKey("ecdsa-p256-sha256");
    const beside = `endpoint: "${aws.endpoint}", attemptSeconds: 1`;
    const id = arn.split("/")[1]!;
    await (await startMayfly(arn, `{ kind: uri, uri: "awskms:///${arn}", ${beside} }`)).sign();
    await (await startMayfly(arn, `{ kind: uri, uri: "awskms:///${id}", region: ${aws.region}, ${beside} }`)).sign();
  });

  itWithAws(
    `issues nothing and logs nothing while its CA's key is disabled, and heals by itself${skipped}`,
    async () => {
      const key = await aws.makeKey("ecdsa-p256-sha256");
      const mayfly = await startMayfly(key);
      await mayfly.sign();
      await aws.admin.send(new DisableKeyCommand({ KeyId: key }));
      const refused = await mayfly.request();
      expect(refused).toMatchObject({ status: 500, body: { details: [{ reason: "SIGNER_KEY_UNUSABLE" }] } });
      expect(await mayfly.treeSize()).toBe(1);
      await aws.admin.send(new EnableKeyCommand({ KeyId: key }));
      const untilMs = performance.now() + 20_000;
      while ((await mayfly.request()).status !== 200) {
        if (performance.now() > untilMs) throw new Error("no certificate again within 20 s");
        await pause(250);
      }
      recordEvidence("ministack, CA key disabled: 500 SIGNER_KEY_UNUSABLE and no entry; enabled: heals by itself");
    },
  );
});
