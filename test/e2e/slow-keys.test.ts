import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startFakeVault, type FakeVault } from "../fakes/fake-vault.ts";
import type { Answer } from "../support/ask.ts";
import { startMisbehavingProxy, type MisbehavingProxy } from "../support/keys/misbehaving-proxy.ts";
import { startRemoteMayfly, type RemoteMayfly } from "../support/keys/remote-mayfly.ts";

const IN_FLIGHT = 4;
/** Certificates that may be begun at once: one second's worth of two signatures each. */
const BUDGETED = 10;

let vault: FakeVault;
let slow: MisbehavingProxy;
const opened: RemoteMayfly[] = [];

beforeAll(async () => {
  vault = await startFakeVault();
  slow = await startMisbehavingProxy(vault.address);
});

afterAll(async () => {
  for (const mayfly of opened) await mayfly.close();
  await slow.close();
  await vault.close();
});

/** One whose CA's key is far away; those of its log are near. */
async function startMayfly(more: string, latencyMs = 50): Promise<RemoteMayfly> {
  slow.delayMs = latencyMs;
  const auth = "auth: { kind: token, token: { env: TOKEN } }";
  const signer = (address: string, key: string, rest = ""): string =>
    `{ kind: vault, address: "${address}", key: ${key}, version: 1, ${auth}${rest} }`;
  const mayfly = await startRemoteMayfly(
    {
      ca: signer(slow.address, vault.keyName("ecdsa-p256-sha256", "ca"), more),
      log: signer(vault.address, vault.keyName("ecdsa-p256-sha256", "log")),
      checkpoint: signer(vault.address, vault.keyName("ed25519", "checkpoint")),
    },
    { env: { TOKEN: vault.staticToken } },
  );
  opened.push(mayfly);
  Object.assign(slow.counts, { requests: 0, mostUnderWay: 0 });
  return mayfly;
}

const atOnce = (mayfly: RemoteMayfly, callers: number): Promise<Answer[]> =>
  Promise.all(Array.from({ length: callers }, () => mayfly.request()));

const reasonsOf = (answers: readonly Answer[]): unknown[] =>
  answers.map(({ body }) => (body as { readonly details: readonly { readonly reason: unknown }[] }).details[0]!.reason);

describe("a Mayfly whose key service is slow", () => {
  it("asks all keys together for six signatures at most, as a budget of a third of a shared quota reckons with", async () => {
    const mayfly = await startMayfly("", 0);
    for (let count = 0; count < 5; count++) {
      const before = vault.counts.signatures;
      expect((await mayfly.request()).status).toBe(200);
      const taken = vault.counts.signatures - before;
      // Two by the CA, the SCT, and those of a batch that holds nothing else.
      expect(taken).toBeGreaterThanOrEqual(4);
      expect(taken).toBeLessThanOrEqual(6);
    }
  });

  it("has as many calls under way as may be, never more, and every certificate in its log", async () => {
    const mayfly = await startMayfly(`, requestsInFlight: ${String(IN_FLIGHT)}`);
    const answers = await atOnce(mayfly, 24);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(slow.counts).toMatchObject({ requests: 48, mostUnderWay: IN_FLIGHT });
    expect(await mayfly.treeSize()).toBe(24);
  });

  it("begins no more certificates than it will sign in time, and tells the others when to come back", async () => {
    const mayfly = await startMayfly(", requestsInFlight: 1, attemptSeconds: 1", 200);
    const answers = await atOnce(mayfly, 24);
    const [issued, refused] = [200, 503].map((wanted) => answers.filter(({ status }) => status === wanted));
    expect(issued!.length + refused!.length).toBe(answers.length);
    expect(issued!.length).toBeGreaterThan(0);
    expect(new Set(reasonsOf(refused!))).toEqual(new Set(["SIGNER_BUSY"]));
    for (const { headers } of refused!) expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(1);
    // No entry without its certificate, and no call for one that was refused.
    expect(slow.counts).toMatchObject({ requests: 2 * issued!.length, mostUnderWay: 1 });
    expect(await mayfly.treeSize()).toBe(issued!.length);
  });

  it("sheds what is beyond its budget before the service hears of it", async () => {
    const mayfly = await startMayfly(`, signaturesPerSecond: ${String(2 * BUDGETED)}`);
    const answers = await atOnce(mayfly, 4 * BUDGETED);
    const [issued, refused] = [200, 503].map((wanted) => answers.filter(({ status }) => status === wanted));
    expect(issued!.length + refused!.length).toBe(answers.length);
    expect(issued!.length).toBeGreaterThanOrEqual(BUDGETED);
    expect(refused!.length).toBeGreaterThan(0);
    expect(new Set(reasonsOf(refused!))).toEqual(new Set(["SIGNER_BUDGET"]));
    for (const { headers } of refused!) expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(1);
    expect(slow.counts.requests).toBe(2 * issued!.length);
    expect(await mayfly.treeSize()).toBe(issued!.length);
  });
});
