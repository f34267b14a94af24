import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { AzureCredentials } from "../../../../src/adapters/signers/azure-key-vault/azure-access.ts";
import { openAzureKey, type AzureKeyOptions } from "../../../../src/adapters/signers/azure-key-vault/azure-key.ts";
import { signRequestFor, type RemoteKey } from "../../../../src/adapters/signers/remote/remote-key.ts";
import type { SignatureAlgorithm } from "../../../../src/core/certificate/algorithms.ts";
import { MayflyError } from "../../../../src/core/errors.ts";
import { describeRemoteKey } from "../../../contracts/remote-key.ts";
import {
  startFakeAzureKeyVault,
  type AzureFault,
  type EntraFault,
  type FakeAzureKeyVault,
} from "../../../fakes/fake-azure-key-vault.ts";

const P256 = "ecdsa-p256-sha256";
const MESSAGE = new TextEncoder().encode("tbs");
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

function optionsFor(vault: FakeAzureKeyVault, algorithm: SignatureAlgorithm = P256): AzureKeyOptions {
  const { tenantId, clientId, tokenFile } = vault;
  return {
    vault: "https://mayfly.vault.azure.net",
    ...vault.keyOf(algorithm),
    credentials: { kind: "workload-identity", tenantId, clientId, tokenFile },
  };
}

describeRemoteKey<AzureFault>("a key version of an Azure Key Vault of our own", {
  algorithms: ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ecdsa-p521-sha512", "rsa-pkcs1-sha256"],
  faults: {
    hang: "timeout",
    "hang-in-body": "timeout",
    reset: "unavailable",
    redirect: "unavailable",
    "bad-gateway-page": "unavailable",
    "status-500": "unavailable",
    "status-503": "unavailable",
    conflict: "unavailable",
    throttled: "quota",
    "bad-parameter": "refused",
    "token-refused": "credentials",
    "rbac-denied": "denied",
    "policy-denied": "denied",
    firewall: "denied",
    disabled: "key-unusable",
    expired: "key-unusable",
    deleted: "key-unusable",
    "not-json": "wrong-answer",
    "truncated-json": "wrong-answer",
    "wrong-kid": "wrong-answer",
    "no-kid": "wrong-answer",
    "no-signature": "wrong-answer",
    "short-signature": "wrong-answer",
    "der-signature": "wrong-answer",
    "other-algorithm": "wrong-answer",
  },
  lies: ["other-key", "other-message"],
  silent: "hang",
  start: async () => {
    const vault = await startFakeAzureKeyVault();
    return {
      open: (algorithm) => openAzureKey(optionsFor(vault, algorithm), { name: "azure key" }),
      misbehave: (fault) => {
        vault.misbehave(fault);
      },
      rotate: (algorithm) => {
        vault.rotate(algorithm);
      },
      secrets: vault.secrets,
      close: () => vault.close(),
    };
  },
});

describe("a key version of Azure Key Vault", () => {
  let vault: FakeAzureKeyVault;
  const keys: RemoteKey[] = [];
  beforeEach(async () => {
    vault = await startFakeAzureKeyVault();
  });
  afterEach(async () => {
    for (const key of keys.splice(0)) await key.close();
    await vault.close();
  });
  const open = async (change: Partial<AzureKeyOptions> = {}): Promise<RemoteKey> => {
    const key = await openAzureKey({ ...optionsFor(vault), ...change }, { name: "azure key" });
    keys.push(key);
    return key;
  };
  const sign = (key: RemoteKey, signal = soon()): Promise<Uint8Array> =>
    key.sign(signRequestFor(P256, MESSAGE), signal);
  const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

  it("asks for nothing before its first call, and shows nothing to whom it has not been sent by its challenge", async () => {
    const key = await open();
    expect(vault.counts).toMatchObject({ tokens: 0, publicKeys: 0 });
    await sign(key);
    await sign(key);
    expect(vault.counts).toMatchObject({ tokens: 1, signatures: 2, anonymousBodies: 0 });
    expect(key.renewals!()).toBe(0);
  });

  it("is reached in a Managed HSM, with a token for it", async () => {
    const key = await open({ vault: "https://mayfly.managedhsm.azure.net" });
    expect(await key.fetchPublicKey(soon())).toBeInstanceOf(Uint8Array);
    expect(await sign(key)).toBeInstanceOf(Uint8Array);
  });

  it("takes the secret of an application, read at each login", async () => {
    let secret = "wrong";
    const { tenantId, clientId } = vault;
    const key = await open({ credentials: { kind: "client-secret", tenantId, clientId, readSecret: () => secret } });
    const error = await failureOf(sign(key));
    expect(error).toMatchObject({ kind: "denied" });
    expect((error as Error).message).toContain("AADSTS700016");
    secret = vault.clientSecret;
    expect(await sign(key)).toBeInstanceOf(Uint8Array);
  });

  it("gets another token when one is not taken any more, and counts it", async () => {
    const key = await open();
    await sign(key);
    vault.revokeTokens();
    expect(await failureOf(sign(key))).toMatchObject({ kind: "credentials" });
    await key.renewCredentials!(soon());
    await sign(key);
    expect(key.renewals!()).toBe(1);
    expect(vault.counts.tokens).toBe(2);
  });

  it.each<[EntraFault, string]>([
    ["hang", "timeout"],
    ["reset", "unavailable"],
    ["status-400", "denied"],
    ["status-429", "quota"],
    ["status-500", "unavailable"],
    ["not-json", "unavailable"],
  ])(
    "under %s of Entra fails as %s, says nothing of what it was asked with, and works again later",
    async (fault, kind) => {
      const key = await open();
      vault.refuseTokens(fault);
      const limit = AbortSignal.timeout(kind === "timeout" ? 500 : 5_000);
      const error = await failureOf(sign(key, limit));
      if (kind === "timeout") expect(error).toBe(limit.reason);
      else expect(error).toMatchObject({ kind });
      for (const secret of vault.secrets()) expect((error as Error).message).not.toContain(secret);
      vault.refuseTokens(undefined);
      expect(await sign(key)).toBeInstanceOf(Uint8Array);
    },
  );

  it.each<[string, AzureCredentials]>([
    ["that are nowhere", { kind: "workload-identity" }],
    [
      "whose file is not there",
      { kind: "workload-identity", tenantId: "t", clientId: "c", tokenFile: "/nowhere/token" },
    ],
    [
      "that cannot be read",
      {
        kind: "client-secret",
        tenantId: "t",
        clientId: "c",
        readSecret: () => {
          throw new MayflyError("SIGNER_KEY_UNREADABLE", "passphrase file /secret cannot be read");
        },
      },
    ],
  ])("is denied with credentials %s", async (_, credentials) => {
    expect(await failureOf(sign(await open({ credentials })))).toMatchObject({ kind: "denied" });
  });

  it("gets no token for a challenge that sends it elsewhere", async () => {
    vault.resource = "https://vault.azure.net.example.com";
    expect(await failureOf(sign(await open()))).toMatchObject({ kind: "wrong-answer" });
    expect(vault.counts.tokens).toBe(0);
  });

  it("says how long it asks to be left alone", async () => {
    const key = await open();
    await sign(key);
    vault.misbehave("throttled");
    expect(await failureOf(sign(key))).toMatchObject({ kind: "quota", retryAfterMs: 7_000 });
  });

  it("that is not there, or not in that version, is told so", async () => {
    for (const change of [{ key: "other" }, { version: "f".repeat(32) }]) {
      await expect((await open(change)).fetchPublicKey(soon())).rejects.toMatchObject({ kind: "key-unusable" });
    }
  });

  it("does not sign with an algorithm that the service has not", async () => {
    const request = signRequestFor("ed25519", MESSAGE);
    await expect((await open()).sign(request, soon())).rejects.toMatchObject({ kind: "refused" });
  });

  it("signs again once its attributes allow it", async () => {
    const key = await open();
    vault.keyAnswer = (answer) => ({ ...answer, attributes: { enabled: true, exp: 1_700_000_001 } });
    expect(await failureOf(sign(key))).toMatchObject({ kind: "key-unusable" });
    vault.keyAnswer = (answer) => answer;
    expect(await sign(key)).toBeInstanceOf(Uint8Array);
  });

  const changed = (change: object) => (answer: Readonly<Record<string, unknown>>) => ({
    ...answer,
    key: { ...(answer["key"] as object), ...change },
  });

  it.each<[string, (answer: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>, string]>([
    ["of another version", changed({ kid: "https://mayfly.vault.azure.net/keys/mayfly-ES256/2" }), "wrong-answer"],
    ["of another vault", changed({ kid: "https://other.vault.azure.net/keys/mayfly-ES256/1" }), "wrong-answer"],
    ["of no name", changed({ kid: undefined }), "wrong-answer"],
    ["no key", () => ({}), "wrong-answer"],
    ["disabled", (answer) => ({ ...answer, attributes: { enabled: false } }), "key-unusable"],
    ["not for signing", changed({ key_ops: ["encrypt"] }), "key-unusable"],
    ["a secret one", changed({ kty: "oct" }), "key-unusable"],
    ["of no type", changed({ kty: undefined }), "key-unusable"],
    ["of another curve", changed({ crv: "P-256K" }), "key-unusable"],
    ["of no curve", changed({ crv: undefined }), "key-unusable"],
    ["not on its curve", changed({ x: Buffer.alloc(32, 1).toString("base64url") }), "wrong-answer"],
    ["half there", changed({ y: undefined }), "wrong-answer"],
  ])("whose public key is %s is refused", async (_, change, kind) => {
    vault.keyAnswer = change;
    await expect((await open()).fetchPublicKey(soon())).rejects.toMatchObject({ kind });
  });
});
