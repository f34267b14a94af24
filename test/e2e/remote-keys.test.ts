import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { startFakeVault, type FakeVault, type VaultFault } from "../fakes/fake-vault.ts";
import { startRemoteMayfly, type RemoteMayfly } from "../support/keys/remote-mayfly.ts";

const QUICK = "attemptSeconds: 0.4, attempts: 2";
const MORE = `limits:
  rates: { enabled: false }
  stages: { signatureSeconds: 1 }
`;
/** A key that failed is tried again after 4 to 6 s. */
const HEALING_MS = 12_000;

let vault: FakeVault;
let mayfly: RemoteMayfly;
const names = { ca: "", log: "", checkpoint: "" };

beforeAll(async () => {
  vault = await startFakeVault();
  names.ca = vault.keyName("ecdsa-p256-sha256", "ca");
  names.log = vault.keyName("ecdsa-p256-sha256", "log");
  names.checkpoint = vault.keyName("ed25519", "checkpoint");
  const auth = `auth: { kind: app-role, roleId: ${vault.role.roleId}, secretId: { env: SECRET_ID } }`;
  const signer = (key: string): string =>
    `{ kind: vault, address: "${vault.address}", key: ${key}, version: 1, ${auth}, ${QUICK} }`;
  const signers = { ca: signer(names.ca), log: signer(names.log), checkpoint: signer(names.checkpoint) };
  mayfly = await startRemoteMayfly(signers, { env: { SECRET_ID: vault.role.secretId }, more: MORE });
});

afterAll(async () => {
  vault.misbehave(undefined);
  await mayfly.close();
  await vault.close();
});

/** Until a certificate is had again, as a caller would who comes back. */
async function heal(): Promise<void> {
  vault.misbehave(undefined);
  const untilMs = performance.now() + HEALING_MS;
  for (;;) {
    const { status } = await mayfly.request();
    if (status === 200) return;
    if (performance.now() > untilMs) throw new Error(`no certificate again after ${String(HEALING_MS)} ms`);
    await pause(250);
  }
}

describe("a Mayfly whose keys are in a key service", () => {
  it("issues what Sigstore's client verifies, and says so in its metrics", async () => {
    await mayfly.sign();
    const metrics = await mayfly.metrics();
    for (const key of ["ca", "log", "checkpoint"]) {
      const sample = `mayfly_signer_requests_total{backend="vault",key="${key}",operation="sign",outcome="ok"}`;
      expect(metrics).toContain(sample);
    }
    const { ok, checks } = await mayfly.readiness();
    expect({ ok, names: checks.map(({ name }) => name) }).toEqual({
      ok: true,
      names: ["accepting", "log", "mark", "disk", "key", "ca"],
    });
  });

  it("signs on when its tokens are not taken any more", async () => {
    const { logins } = vault.counts;
    vault.revokeTokens();
    await mayfly.sign();
    expect(vault.counts.logins).toBeGreaterThan(logins);
  });

  it.each<[VaultFault, keyof typeof names, number, string]>([
    ["hang", "ca", 503, "SIGNER_TIMEOUT"],
    ["status-429", "ca", 503, "SIGNER_QUOTA"],
    ["other-key", "ca", 500, "SIGNATURE_INVALID"],
    ["version-retired", "ca", 500, "SIGNER_KEY_UNUSABLE"],
    ["wrong-version", "ca", 500, "SIGNER_ANSWER_INVALID"],
    ["other-key", "log", 500, "SIGNATURE_INVALID"],
    ["hang", "checkpoint", 503, "SIGNER_TIMEOUT"],
  ])(
    "under %s of the %s key gives no certificate: %i %s, and goes on when it is over",
    async (fault, key, status, reason) => {
      const size = await mayfly.treeSize();
      vault.misbehave(fault, names[key]);
      const startedMs = performance.now();
      const answer = await mayfly.request();
      expect(performance.now() - startedMs).toBeLessThan(4_000);
      expect(answer.status).toBe(status);
      expect(answer.text).not.toContain("CERTIFICATE");
      expect(answer.body).toMatchObject({ details: [{ reason }] });
      if (status === 503) expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
      if (key === "ca") expect(await mayfly.treeSize()).toBe(size);
      await heal();
      await mayfly.sign();
    },
  );

  it("leaves a service alone that is away, and finds out by itself that it is back", async () => {
    vault.misbehave("reset");
    const reasons = new Set<unknown>();
    for (let call = 0; call < 6; call++) {
      const { body } = await mayfly.request();
      reasons.add((body as { details: { reason: string }[] }).details[0]!.reason);
    }
    expect(reasons).toContain("SIGNER_CIRCUIT_OPEN");
    await heal();
    expect(mayfly.logText()).toContain("a key cannot be used");
    expect(mayfly.logText()).toContain("a key can be used again");
  });

  it("has let no token and no secret into its log, its metrics or its answers", async () => {
    const everything = [mayfly.logText(), await mayfly.metrics(), (await mayfly.request()).text].join("\n");
    expect(vault.secrets().length).toBeGreaterThan(3);
    for (const secret of vault.secrets()) expect(everything.includes(secret)).toBe(false);
  });
});
