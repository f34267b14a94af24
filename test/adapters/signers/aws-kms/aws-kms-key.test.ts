import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createPublicKey, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAwsKmsKey, type AwsKmsKeyOptions } from "../../../../src/adapters/signers/aws-kms/aws-kms-key.ts";
import { signRequestFor, type RemoteKey } from "../../../../src/adapters/signers/remote/remote-key.ts";
import type { SignatureAlgorithm } from "../../../../src/core/certificate/algorithms.ts";
import { describeRemoteKey } from "../../../contracts/remote-key.ts";
import { startFakeAwsKms, type AwsKmsFault, type FakeAwsKms } from "../../../fakes/fake-aws-kms.ts";
import { useAwsEnvironment } from "../../../support/keys/aws-environment.ts";

const P256 = "ecdsa-p256-sha256";
const MESSAGE = new TextEncoder().encode("tbs");
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

let folder: string;
let restore: () => void = () => undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-aws-"));
});
afterEach(() => {
  restore();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What the webhook for service accounts writes into a pod. */
function enterPod(kms: FakeAwsKms, token = kms.webIdentity): void {
  const file = join(folder, "token");
  writeFileSync(file, token);
  restore = useAwsEnvironment({
    AWS_WEB_IDENTITY_TOKEN_FILE: file,
    AWS_ROLE_ARN: kms.role,
    AWS_ENDPOINT_URL_STS: kms.endpoint,
    AWS_REGION: kms.region,
  });
}

function optionsFor(kms: FakeAwsKms, algorithm: SignatureAlgorithm = P256): AwsKmsKeyOptions {
  return { key: kms.arn(algorithm), region: kms.region, endpoint: kms.endpoint };
}

describeRemoteKey<AwsKmsFault>("a key of an AWS KMS of our own", {
  algorithms: ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ecdsa-p521-sha512", "rsa-pkcs1-sha256"],
  faults: {
    hang: "timeout",
    "hang-in-body": "timeout",
    reset: "unavailable",
    throttled: "quota",
    "status-429": "quota",
    internal: "unavailable",
    "key-store-away": "unavailable",
    "bad-gateway-page": "unavailable",
    redirect: "unavailable",
    "not-json": "wrong-answer",
    "truncated-json": "unavailable",
    "no-signature": "wrong-answer",
    "other-key-named": "wrong-answer",
    "no-key-named": "wrong-answer",
    "other-algorithm": "wrong-answer",
    disabled: "key-unusable",
    "pending-deletion": "key-unusable",
    deleted: "key-unusable",
    denied: "denied",
    "no-such-error": "refused",
    expired: "credentials",
  },
  lies: ["truncated-signature", "other-key", "other-message"],
  silent: "hang",
  start: async () => {
    const kms = await startFakeAwsKms();
    return {
      open: (algorithm) => {
        enterPod(kms);
        return openAwsKmsKey(optionsFor(kms, algorithm), { name: "AWS key" });
      },
      misbehave: (fault) => {
        kms.misbehave(fault);
      },
      secrets: kms.secrets,
      close: () => kms.close(),
    };
  },
});

describe("a key of AWS KMS", () => {
  let kms: FakeAwsKms;
  const keys: RemoteKey[] = [];
  beforeEach(async () => {
    kms = await startFakeAwsKms();
    enterPod(kms);
  });
  afterEach(async () => {
    for (const key of keys.splice(0)) await key.close();
    await kms.close();
  });
  const open = async (change: Partial<AwsKmsKeyOptions> = {}): Promise<RemoteKey> => {
    const key = await openAwsKmsKey({ ...optionsFor(kms), ...change }, { name: "AWS key" });
    keys.push(key);
    return key;
  };
  const sign = (key: RemoteKey): Promise<Uint8Array> => key.sign(signRequestFor(P256, MESSAGE), soon());

  it("asks for nothing before its first call, and for credentials once for calls that come together", async () => {
    const key = await open();
    expect(kms.counts).toEqual({ requests: 0, logins: 0, signatures: 0 });
    await Promise.all([sign(key), sign(key), key.fetchPublicKey(soon())]);
    expect(kms.counts).toEqual({ requests: 3, logins: 1, signatures: 2 });
  });

  it("is found by its id as by its ARN, and by no other one", async () => {
    const id = kms.arn(P256).split("/")[1]!;
    const key = await open({ key: id });
    expect(await key.fetchPublicKey(soon())).toBeInstanceOf(Uint8Array);
    await sign(key);
    await expect((await open({ key: id.slice(1) })).fetchPublicKey(soon())).rejects.toMatchObject({
      kind: "key-unusable",
    });
  });

  it("signs messages of up to 4,096 bytes with Ed25519, which is as many as the service takes", async () => {
    const key = await open({ key: kms.arn("ed25519") });
    const publicKey = createPublicKey({
      key: Buffer.from(await key.fetchPublicKey(soon())),
      format: "der",
      type: "spki",
    });
    const message = new Uint8Array(4_096).fill(7);
    const signature = await key.sign({ kind: "message", algorithm: "ed25519", message }, soon());
    expect(verify(null, message, publicKey, signature)).toBe(true);
    const long = { kind: "message", algorithm: "ed25519", message: new Uint8Array(4_097) } as const;
    await expect(key.sign(long, soon())).rejects.toMatchObject({ kind: "refused" });
  });

  it("makes one attempt for each call", async () => {
    const key = await open();
    await sign(key);
    kms.misbehave("internal");
    const { requests } = kms.counts;
    await expect(sign(key)).rejects.toMatchObject({ kind: "unavailable" });
    expect(kms.counts.requests).toBe(requests + 1);
  });

  it("gets credentials anew when it is told to, and says that there are others", async () => {
    const key = await open();
    await sign(key);
    kms.expireSessions();
    await expect(sign(key)).rejects.toMatchObject({ kind: "credentials" });
    expect(key.renewals!()).toBe(0);
    await key.renewCredentials!(soon());
    await sign(key);
    expect(kms.counts.logins).toBe(2);
    expect(key.renewals!()).toBe(1);
  });

  it.each([
    ["away", "unavailable"],
    ["refusing", "denied"],
  ] as const)("tells an identity service that is %s as %s", async (how, kind) => {
    kms.breakLogins(how);
    await expect(sign(await open())).rejects.toMatchObject({ kind });
    expect(kms.counts.signatures).toBe(0);
  });

  it("goes away in time when an identity service does not answer", async () => {
    kms.breakLogins("away");
    const startedMs = performance.now();
    const key = await open();
    await expect(key.sign(signRequestFor(P256, MESSAGE), AbortSignal.timeout(50))).rejects.toBeDefined();
    expect(performance.now() - startedMs).toBeLessThan(500);
  });

  it("is denied with a token that is not the role's, and says nothing of it", async () => {
    restore();
    enterPod(kms, "eyJhbGciOiJub25lIn0.somebody-elses.");
    const error: unknown = await sign(await open()).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ kind: "denied" });
    expect((error as Error).message).not.toContain("somebody-elses");
  });

  it("is denied where there are no credentials at all", async () => {
    restore();
    restore = useAwsEnvironment({});
    await expect(sign(await open())).rejects.toMatchObject({ kind: "denied" });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["for encryption", { KeyUsage: "ENCRYPT_DECRYPT", KeySpec: "RSA_3072" }, "key-unusable"],
    ["for key agreement", { KeyUsage: "KEY_AGREEMENT" }, "key-unusable"],
    ["of another curve", { KeySpec: "ECC_SECG_P256K1", SigningAlgorithms: ["ECDSA_SHA_256"] }, "key-unusable"],
    ["of SM2", { KeySpec: "SM2", SigningAlgorithms: ["SM2DSA"] }, "key-unusable"],
    ["of ML-DSA", { KeySpec: "ML_DSA_65", SigningAlgorithms: ["ML_DSA_SHAKE_256"] }, "key-unusable"],
    ["without our algorithm", { SigningAlgorithms: ["ECDSA_SHA_512"] }, "key-unusable"],
    ["without algorithms", { SigningAlgorithms: undefined }, "key-unusable"],
    ["without a public key", { PublicKey: undefined }, "wrong-answer"],
    ["named otherwise", { KeyId: "arn:aws:kms:eu-central-1:111122223333:alias/mayfly" }, "wrong-answer"],
  ])("is refused when it is %s", async (_, described, kind) => {
    kms.describeOtherwise(described);
    await expect((await open()).fetchPublicKey(soon())).rejects.toMatchObject({ kind });
  });

  it("of another region is not signed for", async () => {
    const key = await open({ region: "us-east-1" });
    await expect(key.fetchPublicKey(soon())).rejects.toMatchObject({ kind: "credentials" });
  });

  it("asks for nothing when it is closed", async () => {
    const key = await open();
    await sign(key);
    await key.close();
    await expect(sign(key)).rejects.toMatchObject({ kind: "closed" });
    expect(kms.counts.signatures).toBe(1);
  });
});
