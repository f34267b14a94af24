import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { crc32c } from "../../../../src/adapters/signers/google-kms/crc32c.ts";
import { openGoogleKey, type GoogleKeyOptions } from "../../../../src/adapters/signers/google-kms/google-key.ts";
import { signRequestFor, type RemoteKey } from "../../../../src/adapters/signers/remote/remote-key.ts";
import type { SignatureAlgorithm } from "../../../../src/core/certificate/algorithms.ts";
import { MayflyError } from "../../../../src/core/errors.ts";
import { describeRemoteKey } from "../../../contracts/remote-key.ts";
import { startFakeGoogleKms, type FakeGoogleKms, type GoogleFault } from "../../../fakes/fake-google-kms.ts";
import type { StsFault } from "../../../fakes/fake-google-sts.ts";
import { startSilentRelay, type SilentRelay } from "../../../support/silent-relay.ts";

const P256 = "ecdsa-p256-sha256";
const MESSAGE = new TextEncoder().encode("tbs");
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

function optionsFor(kms: FakeGoogleKms, algorithm: SignatureAlgorithm = P256): GoogleKeyOptions {
  return {
    keyVersion: kms.keyVersion(algorithm),
    endpoint: kms.endpoint,
    readCredentials: () => kms.credentials,
    attemptMs: 5_000,
  };
}

describeRemoteKey<GoogleFault>("a key version of a Google Cloud KMS of our own", {
  algorithms: ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pkcs1-sha256", "ed25519"],
  faults: {
    hang: "timeout",
    cancelled: "unavailable",
    unknown: "unavailable",
    "request-damaged": "wrong-answer",
    "request-refused": "refused",
    deadline: "timeout",
    "not-found": "key-unusable",
    denied: "denied",
    quota: "quota",
    disabled: "key-unusable",
    destroyed: "key-unusable",
    aborted: "unavailable",
    "out-of-range": "refused",
    unimplemented: "refused",
    internal: "unavailable",
    unavailable: "unavailable",
    "data-loss": "wrong-answer",
    unauthenticated: "credentials",
    garbage: "unavailable",
    "digest-not-verified": "wrong-answer",
    "wrong-signature-crc": "wrong-answer",
    "no-signature-crc": "wrong-answer",
    "no-signature": "wrong-answer",
    "wrong-name": "wrong-answer",
    "truncated-on-the-way": "wrong-answer",
  },
  lies: ["truncated-signature", "other-key", "other-algorithm", "other-message"],
  silent: "hang",
  start: async () => {
    const kms = await startFakeGoogleKms();
    return {
      open: (algorithm) => openGoogleKey(optionsFor(kms, algorithm), { name: "google key" }),
      misbehave: (fault) => {
        kms.misbehave(fault);
      },
      rotate: (algorithm) => {
        kms.rotate(algorithm);
      },
      secrets: kms.secrets,
      close: () => kms.close(),
    };
  },
});

describe("a key version of Google Cloud KMS", () => {
  let kms: FakeGoogleKms;
  const keys: RemoteKey[] = [];
  beforeEach(async () => {
    kms = await startFakeGoogleKms();
  });
  afterEach(async () => {
    for (const key of keys.splice(0)) await key.close();
    await kms.close();
  });
  const open = async (change: Partial<GoogleKeyOptions> = {}): Promise<RemoteKey> => {
    const key = await openGoogleKey({ ...optionsFor(kms), ...change }, { name: "google key" });
    keys.push(key);
    return key;
  };
  const sign = (key: RemoteKey, signal = soon()): Promise<Uint8Array> =>
    key.sign(signRequestFor(P256, MESSAGE), signal);
  const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

  it("asks for nothing before its first call, and for one token for calls that come together", async () => {
    const key = await open();
    await pause(50);
    expect(kms.sts.given).toHaveLength(0);
    await Promise.all([sign(key), sign(key), key.fetchPublicKey(soon())]);
    expect(kms.sts.given).toHaveLength(1);
    expect(kms.counts).toEqual({ signatures: 2, publicKeys: 1 });
    expect(key.renewals!()).toBe(0);
  });

  it("gets another token when one is not taken any more, and counts it", async () => {
    const key = await open();
    await sign(key);
    kms.sts.revokeAll();
    expect(await failureOf(sign(key))).toMatchObject({ kind: "credentials" });
    await key.renewCredentials!(soon());
    await sign(key);
    expect(key.renewals!()).toBe(1);
    expect(kms.sts.given).toHaveLength(2);
  });

  it("counts tokens that the library renews by itself", async () => {
    kms.sts.lifeSeconds = 1;
    const key = await open();
    await sign(key);
    await sign(key);
    expect(key.renewals!()).toBe(1);
  });

  it.each<[StsFault, string]>([
    ["hang", "timeout"],
    ["reset", "unavailable"],
    ["status-400", "denied"],
    ["status-429", "quota"],
    ["status-500", "unavailable"],
    ["not-json", "denied"],
    ["no-token", "credentials"],
  ])(
    "under %s of the token service fails as %s, says nothing of the token, and works again later",
    async (fault, kind) => {
      const key = await open();
      kms.sts.misbehave(fault);
      const limit = AbortSignal.timeout(kind === "timeout" ? 300 : 5_000);
      const error = await failureOf(sign(key, limit));
      if (kind === "timeout") expect(error).toBe(limit.reason);
      else expect(error).toMatchObject({ kind });
      expect((error as Error).message).not.toContain(kms.sts.subjectToken.slice(0, 20));
      kms.sts.misbehave(undefined);
      expect(await sign(key)).toBeInstanceOf(Uint8Array);
    },
  );

  it.each<[string, () => string]>([
    ["no JSON", () => "secret-text"],
    ["a list", () => "[]"],
    ["null", () => "null"],
    ["of no type that is known", () => '{"type":"secret-type"}'],
    ["a service account without its key", () => '{"type":"service_account","client_email":"secret@example.com"}'],
    [
      "not to be read",
      () => {
        throw new MayflyError("SIGNER_KEY_UNREADABLE", "credentials /adc.json cannot be read");
      },
    ],
    ["of a workload whose token is not there", () => kms.sts.credentials("/nowhere/token")],
  ])("is denied with credentials that are %s", async (_, readCredentials) => {
    const error = await failureOf(sign(await open({ readCredentials })));
    expect(error).toMatchObject({ kind: "denied" });
    expect((error as Error).message).not.toContain("secret");
  });

  it.each<GoogleFault>(["unavailable", "deadline", "internal", "aborted", "quota"])(
    "is asked once when it answers with %s: Google's own attempts are off",
    async (fault) => {
      const key = await open();
      await sign(key);
      const before = kms.calls;
      kms.misbehave(fault);
      await failureOf(sign(key));
      await failureOf(key.fetchPublicKey(soon()));
      await pause(300);
      expect(kms.calls).toBe(before + 2);
    },
  );

  it("says how long it asks to be left alone", async () => {
    const key = await open();
    kms.misbehave("quota");
    expect(await failureOf(sign(key))).toMatchObject({ kind: "quota", retryAfterMs: 7_500 });
  });

  it("ends an attempt by its own deadline, which the service is told", async () => {
    const key = await open({ attemptMs: 100 });
    kms.misbehave("hang");
    expect(await failureOf(sign(key))).toMatchObject({ kind: "timeout" });
  });

  it("that is nowhere to be reached is unavailable", async () => {
    const key = await open({ endpoint: "http://127.0.0.1:9", attemptMs: 1_000 });
    expect(["unavailable", "timeout"]).toContain(((await failureOf(sign(key))) as { kind: string }).kind);
  });

  describe("over a connection", () => {
    let relay: SilentRelay;
    let key: RemoteKey;
    beforeEach(async () => {
      relay = await startSilentRelay(Number(new URL(kms.endpoint).port));
      key = await open({ endpoint: `http://127.0.0.1:${String(relay.port)}` });
      await sign(key);
    });
    afterEach(() => relay.close());

    it("that is forgotten on its way takes another one after the first call without an answer", async () => {
      relay.forget();
      const limit = AbortSignal.timeout(300);
      expect(await failureOf(sign(key, limit))).toBe(limit.reason);
      expect(await sign(key)).toBeInstanceOf(Uint8Array);
      expect(relay.connections()).toBe(2);
    });

    it("that is forgotten takes one of its own, though another key still keeps the old one", async () => {
      const other = await open({ endpoint: `http://127.0.0.1:${String(relay.port)}` });
      await sign(other);
      relay.forget();
      await failureOf(sign(key, AbortSignal.timeout(300)));
      expect(await sign(key)).toBeInstanceOf(Uint8Array);
    });

    it("that was silent for one call while another was answered keeps it, and after refusals as well", async () => {
      kms.misbehave("hang");
      const slow = failureOf(sign(key, AbortSignal.timeout(500)));
      await pause(100);
      kms.misbehave("quota");
      expect(await failureOf(sign(key))).toMatchObject({ kind: "quota" });
      await slow;
      kms.misbehave(undefined);
      await sign(key);
      expect(relay.connections()).toBe(1);
    });

    it("that is given up has calls under way on it answered", async () => {
      kms.misbehave("hang");
      const hung = failureOf(sign(key, AbortSignal.timeout(300)));
      await pause(100);
      kms.delayMs = 600;
      kms.misbehave(undefined);
      const slow = sign(key);
      await hung;
      expect(await slow).toBeInstanceOf(Uint8Array);
      kms.delayMs = 0;
      await sign(key);
      expect(relay.connections()).toBe(2);
    });
  });

  it("that is not there is told so", async () => {
    const key = await open({ keyVersion: `${kms.keyVersion(P256)}9` });
    await expect(key.fetchPublicKey(soon())).rejects.toMatchObject({ kind: "key-unusable" });
  });

  it("has to be kept as the configuration says", async () => {
    await expect((await open({ protectionLevel: "hsm" })).fetchPublicKey(soon())).rejects.toMatchObject({
      kind: "key-unusable",
    });
    kms.protectionLevel = "HSM";
    const key = await open({ protectionLevel: "hsm" });
    await key.fetchPublicKey(soon());
    await sign(key);
    kms.protectionLevel = "EXTERNAL";
    await expect(sign(key)).rejects.toMatchObject({ kind: "key-unusable" });
  });

  const checked = (pem: string) => ({ pem, pemCrc32c: { value: String(crc32c(Buffer.from(pem))) } });

  it.each<[string, object, string]>([
    ["of another version", { name: "projects/other" }, "wrong-answer"],
    ["of no version", { name: "" }, "wrong-answer"],
    ["without a checksum", { pemCrc32c: null }, "wrong-answer"],
    ["with a wrong checksum", { pemCrc32c: { value: "1" } }, "wrong-answer"],
    ["empty", checked(""), "wrong-answer"],
    ["no key", checked("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "wrong-answer"],
    ["for RSA-PSS", { algorithm: "RSA_SIGN_PSS_2048_SHA256" }, "key-unusable"],
    ["for RSA with SHA-512", { algorithm: "RSA_SIGN_PKCS1_4096_SHA512" }, "key-unusable"],
    ["for bare RSA", { algorithm: "RSA_SIGN_RAW_PKCS1_2048" }, "key-unusable"],
    ["for encryption", { algorithm: "RSA_DECRYPT_OAEP_2048_SHA256" }, "key-unusable"],
    ["of another curve", { algorithm: "EC_SIGN_SECP256K1_SHA256" }, "key-unusable"],
    ["of a lattice", { algorithm: "PQ_SIGN_ML_DSA_65" }, "key-unusable"],
    ["of no algorithm", { algorithm: "CRYPTO_KEY_VERSION_ALGORITHM_UNSPECIFIED" }, "key-unusable"],
  ])("whose public key is %s is refused", async (_, change, kind) => {
    kms.publicKeyAnswer = (answer) => ({ ...answer, ...change });
    await expect((await open()).fetchPublicKey(soon())).rejects.toMatchObject({ kind });
  });
});

describe("CRC-32C", () => {
  it.each([
    ["", 0],
    ["123456789", 0xe3069283],
    ["\0".repeat(32), 0x8a9136aa],
  ])("of %j is as RFC 3720 §B.4 and the catalogue of checksums say", (text, expected) => {
    expect(crc32c(Buffer.from(text))).toBe(expected);
  });
});
