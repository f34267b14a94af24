import { afterAll, afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../../src/adapters/clock/system-clock.ts";
import { signRequestFor, type RemoteKey } from "../../../../src/adapters/signers/remote/remote-key.ts";
import { openVaultKey, type VaultKeyOptions } from "../../../../src/adapters/signers/vault/vault-key.ts";
import type { SignatureAlgorithm } from "../../../../src/core/certificate/algorithms.ts";
import { MayflyError } from "../../../../src/core/errors.ts";
import { describeRemoteKey } from "../../../contracts/remote-key.ts";
import { makeFakeClock } from "../../../fakes/fake-clock.ts";
import { makeTestTlsPair, type TestTlsPair } from "../../../support/tls-pair.ts";
import { startFakeVault, type FakeVault, type VaultFault } from "../../../fakes/fake-vault.ts";

const P256 = "ecdsa-p256-sha256";
const MESSAGE = new TextEncoder().encode("tbs");
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

const appRole = ({ role }: FakeVault): VaultKeyOptions["credentials"] => ({
  kind: "app-role",
  mount: "approle",
  roleId: role.roleId,
  readSecretId: () => role.secretId,
});

function optionsFor(vault: FakeVault, algorithm: SignatureAlgorithm = P256): VaultKeyOptions {
  return {
    address: vault.address,
    mount: "transit",
    key: vault.keyName(algorithm),
    version: 1,
    credentials: appRole(vault),
  };
}

describeRemoteKey<VaultFault>("a key of a transit engine of our own", {
  algorithms: ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ecdsa-p521-sha512", "rsa-pkcs1-sha256", "ed25519"],
  faults: {
    hang: "timeout",
    "hang-in-body": "timeout",
    reset: "unavailable",
    "status-429": "quota",
    "status-500": "unavailable",
    sealed: "unavailable",
    standby: "unavailable",
    "bad-gateway-page": "unavailable",
    "not-json": "wrong-answer",
    "truncated-json": "unavailable",
    "too-long": "wrong-answer",
    "no-signature": "wrong-answer",
    "wrong-version": "wrong-answer",
    "not-base64": "wrong-answer",
    "key-deleted": "key-unusable",
    "version-retired": "key-unusable",
    denied: "credentials",
    "token-revoked": "credentials",
  },
  lies: ["truncated-signature", "other-key", "other-message"],
  silent: "hang",
  start: async () => {
    const vault = await startFakeVault();
    return {
      open: (algorithm) =>
        Promise.resolve(openVaultKey(optionsFor(vault, algorithm), { name: "vault key", clock: systemClock })),
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

describe("a key of a transit engine", () => {
  let vault: FakeVault;
  const keys: RemoteKey[] = [];
  beforeEach(async () => {
    vault = await startFakeVault();
  });
  afterEach(async () => {
    for (const key of keys.splice(0)) await key.close();
    await vault.close();
  });
  const open = (change: Partial<VaultKeyOptions> = {}, clock = makeFakeClock()): RemoteKey => {
    const key = openVaultKey({ ...optionsFor(vault), ...change }, { name: "vault key", clock });
    keys.push(key);
    return key;
  };
  const sign = (key: RemoteKey): Promise<Uint8Array> => key.sign(signRequestFor(P256, MESSAGE), soon());

  it("asks for nothing before its first call, and logs in once for calls that come together", async () => {
    const key = open();
    expect(vault.counts.logins).toBe(0);
    await Promise.all([sign(key), sign(key), key.fetchPublicKey(soon())]);
    expect(vault.counts).toMatchObject({ logins: 1, signatures: 2 });
  });

  it("renews its token after two thirds of its time, and logs in when that is refused", async () => {
    const clock = makeFakeClock();
    vault.leaseSeconds = 300;
    const key = open({}, clock);
    await sign(key);
    clock.advance(199_999);
    await sign(key);
    expect(vault.counts).toMatchObject({ logins: 1, renewals: 0 });
    clock.advance(1);
    await sign(key);
    expect(vault.counts).toMatchObject({ logins: 1, renewals: 1 });
    expect(key.renewals!()).toBe(0);
    vault.revokeTokens();
    clock.advance(200_000);
    await sign(key);
    expect(vault.counts).toMatchObject({ logins: 2, renewals: 1 });
    expect(key.renewals!()).toBe(1);
  });

  it("signs with a token that is still good while it cannot be renewed, and no longer", async () => {
    const clock = makeFakeClock();
    vault.leaseSeconds = 300;
    const key = open({}, clock);
    await sign(key);
    vault.misbehave("no-renewal");
    clock.advance(200_000);
    await sign(key);
    await sign(key);
    expect(vault.counts).toMatchObject({ logins: 1, renewals: 1, signatures: 3 });
    clock.advance(5_000);
    await sign(key);
    expect(vault.counts).toMatchObject({ renewals: 2, signatures: 4 });
    clock.advance(95_000);
    await expect(sign(key)).rejects.toMatchObject({ kind: "unavailable" });
    vault.misbehave(undefined);
    await sign(key);
    expect(vault.counts).toMatchObject({ logins: 1, renewals: 4 });
  });

  it("takes the token of a service account", async () => {
    const credentials = { kind: "kubernetes", mount: "kubernetes", role: "mayfly" } as const;
    await sign(open({ credentials: { ...credentials, readJwt: () => vault.serviceAccountToken } }));
    const other = open({ credentials: { ...credentials, role: "other", readJwt: () => vault.serviceAccountToken } });
    await expect(sign(other)).rejects.toMatchObject({ kind: "denied" });
  });

  it("takes a token, and reads it again when it is not taken any more", async () => {
    let token = vault.staticToken;
    const key = open({ credentials: { kind: "token", readToken: () => token } });
    await sign(key);
    vault.revokeTokens();
    await expect(sign(key)).rejects.toMatchObject({ kind: "credentials" });
    await key.renewCredentials!(soon());
    await expect(sign(key)).rejects.toMatchObject({ kind: "credentials" });
    token = "hvs.another";
    await key.renewCredentials!(soon());
    await expect(sign(key)).rejects.toMatchObject({ kind: "credentials" });
    expect(key.renewals!()).toBe(2);
  });

  it.each(["two\r\nlines", "", "tab\there", "x".repeat(9_000)])("sends no token like %j", async (token) => {
    const key = open({ credentials: { kind: "token", readToken: () => token } });
    const error: unknown = await sign(key).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ kind: "denied" });
    if (token !== "") expect((error as Error).message).not.toContain(token.slice(0, 9));
  });

  it.each<[string, VaultKeyOptions["credentials"]]>([
    ["a wrong secret id", { kind: "app-role", mount: "approle", roleId: "role-1", readSecretId: () => "wrong-secret" }],
    [
      "a method that is not there",
      { kind: "app-role", mount: "other", roleId: "role-1", readSecretId: () => "wrong-secret" },
    ],
    [
      "a file that cannot be read",
      {
        kind: "token",
        readToken: () => {
          throw new MayflyError("SIGNER_KEY_UNREADABLE", "passphrase file /secret cannot be read");
        },
      },
    ],
  ])("is denied with %s, and says nothing of the secret", async (_, credentials) => {
    const error: unknown = await sign(open({ credentials })).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ kind: "denied" });
    expect((error as Error).message).not.toContain("wrong-secret");
  });

  it("that is not there, or not in that version, is told so", async () => {
    for (const change of [{ key: "other" }, { version: 2 }, { mount: "elsewhere" }]) {
      await expect(open(change).fetchPublicKey(soon())).rejects.toMatchObject({ kind: "key-unusable" });
    }
  });
});

describe("a transit engine over TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-vault-tls-"));
  const [own, other] = ["own", "other"].map((name) => makeTestTlsPair(folder, name)) as [TestTlsPair, TestTlsPair];
  let vault: FakeVault;
  beforeEach(async () => {
    vault = await startFakeVault(own);
  });
  afterEach(() => vault.close());
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each<[string, string | undefined, string | undefined]>([
    ["its own certificate authority", own.certificate, undefined],
    ["another one", other.certificate, "unavailable"],
    ["those of Node.js", undefined, "unavailable"],
  ])("is judged by %s", async (_, caCertificatePem, kind) => {
    const key = openVaultKey({ ...optionsFor(vault), caCertificatePem }, { name: "vault key", clock: systemClock });
    const signing = key.sign(signRequestFor(P256, MESSAGE), soon());
    if (kind === undefined) expect(await signing).toBeInstanceOf(Uint8Array);
    else await expect(signing).rejects.toMatchObject({ kind });
    // Nobody who is not trusted sees a secret.
    expect(vault.counts.logins).toBe(kind === undefined ? 1 : 0);
    await key.close();
  });
});

describe("what a server says of a key", () => {
  let server: Server;
  const asked: { path: string; namespace: unknown; token: unknown }[] = [];
  let answer: { status: number; body: unknown };
  beforeEach(async () => {
    asked.length = 0;
    server = createServer((request, response) => {
      const { "x-vault-namespace": namespace, "x-vault-token": token } = request.headers;
      // A token that may not look itself up is used all the same.
      if (request.url === "/v1/auth/token/lookup-self") {
        response.writeHead(403).end();
        return;
      }
      asked.push({ path: request.url ?? "", namespace, token });
      response.writeHead(answer.status, { location: "http://127.0.0.1:9/" }).end(JSON.stringify(answer.body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const open = (): RemoteKey =>
    openVaultKey(
      {
        address: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`,
        namespace: "team/ca",
        mount: "deep/transit",
        key: "k",
        version: 3,
        credentials: { kind: "token", readToken: () => "hvs.t" },
      },
      { name: "vault key", clock: systemClock },
    );

  it.each<[string, unknown, string]>([
    ["no data", {}, "wrong-answer"],
    ["data that is a list", { data: [] }, "wrong-answer"],
    ["a cipher key", { data: { type: "aes256-gcm96", keys: { 3: 1_700_000_000 } } }, "key-unusable"],
    ["a key for HMAC", { data: { type: "hmac", keys: { 3: {} } } }, "key-unusable"],
    ["a derived key", { data: { type: "ed25519", derived: true, keys: { 3: { public_key: "" } } } }, "key-unusable"],
    ["deleted", { data: { type: "ecdsa-p256", soft_deleted: true, keys: { 3: { public_key: "" } } } }, "key-unusable"],
    ["other versions", { data: { type: "ecdsa-p256", keys: { 2: { public_key: "x" } } } }, "key-unusable"],
    ["no keys", { data: { type: "ecdsa-p256" } }, "wrong-answer"],
    ["no public key", { data: { type: "ecdsa-p256", keys: { 3: {} } } }, "wrong-answer"],
    ["a public key that is none", { data: { type: "ecdsa-p256", keys: { 3: { public_key: "x" } } } }, "wrong-answer"],
    ["a short Ed25519 key", { data: { type: "ed25519", keys: { 3: { public_key: "AAAA" } } } }, "wrong-answer"],
  ])("is refused when it is %s", async (_, body, kind) => {
    answer = { status: 200, body };
    const key = open();
    await expect(key.fetchPublicKey(soon())).rejects.toMatchObject({ kind });
    expect(asked.at(-1)).toEqual({ path: "/v1/deep/transit/keys/k", namespace: "team/ca", token: "hvs.t" });
    await key.close();
  });

  it("over a kept connection that the server has closed is asked for over a new one", async () => {
    answer = { status: 200, body: { data: {} } };
    const key = open();
    await expect(key.fetchPublicKey(soon())).rejects.toMatchObject({ kind: "wrong-answer" });
    let dropped = 0;
    server.prependListener("request", ({ socket }: { socket: Socket }) => {
      // The first request of each connection is answered, no further one.
      if (seen.has(socket)) {
        dropped++;
        socket.destroy();
      }
      seen.add(socket);
    });
    const seen = new WeakSet<Socket>();
    for (let call = 0; call < 3; call++) {
      await expect(key.fetchPublicKey(soon())).rejects.toMatchObject({ kind: "wrong-answer" });
    }
    expect(dropped).toBeGreaterThan(0);
    await key.close();
  });

  it.each([201, 204, 302, 307, 308])("is no answer with status %i, and no redirect is followed", async (status) => {
    answer = { status, body: { data: {} } };
    const key = open();
    await expect(key.fetchPublicKey(soon())).rejects.toMatchObject({
      kind: status < 300 ? "wrong-answer" : "unavailable",
    });
    await key.close();
  });
});
