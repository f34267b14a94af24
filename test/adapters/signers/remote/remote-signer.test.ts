import { afterEach, describe, expect, it } from "@jest/globals";
import { createMemorySigner } from "../../../../src/adapters/signers/memory.ts";
import { KeyFailure, type KeyFailureKind } from "../../../../src/adapters/signers/remote/key-failure.ts";
import type { RemoteKey } from "../../../../src/adapters/signers/remote/remote-key.ts";
import { openRemoteSigner, type RemoteSignerLimits } from "../../../../src/adapters/signers/remote/remote-signer.ts";
import type { MayflyError, Reason } from "../../../../src/core/errors.ts";
import type { Signer } from "../../../../src/ports/signer.ts";
import { ALGORITHMS, describeSigner } from "../../../contracts/signer.ts";
import { hangs, hangsForEver, makeFakeRemoteKey, type Answer } from "../../../fakes/fake-remote-key.ts";
import { makeFakeTimers } from "../../../fakes/fake-timers.ts";

const LIMITS: RemoteSignerLimits = { attemptMs: 2_000, attempts: 3, deadlineMs: 2_500, inFlight: 32 };
const MESSAGE = new TextEncoder().encode("tbs");

for (const algorithm of ALGORITHMS) {
  describeSigner("a remote signer", algorithm, () =>
    openRemoteSigner(makeFakeRemoteKey(algorithm), { limits: LIMITS, clock: performanceClock, random: () => 0.5 }),
  );
}
const performanceClock = { monotonic: () => performance.now() };

const opened: Signer[] = [];
afterEach(async () => {
  for (const signer of opened.splice(0)) await signer.close();
});

/** A signer of a fake key, with everything that it tells. */
async function open(key: RemoteKey = makeFakeRemoteKey(), limits: Partial<RemoteSignerLimits> = {}) {
  const timers = makeFakeTimers();
  const background = makeFakeTimers();
  const attempts: string[] = [];
  const shed: string[] = [];
  const problems: (Reason | undefined)[] = [];
  const opening = openRemoteSigner(key, {
    limits: { ...LIMITS, ...limits },
    clock: timers.clock,
    random: () => 0.5,
    onAttempt: ({ operation, outcome }) => attempts.push(`${operation} ${outcome}`),
    onShed: (cause) => shed.push(cause),
    onProblem: (problem) => problems.push(problem?.reason),
    startTimer: timers.startTimer,
    startBackgroundTimer: background.startTimer,
  });
  void opening.catch(() => undefined);
  await timers.pass(0);
  return { opening, timers, background, attempts, shed, problems };
}

async function openGood(key = makeFakeRemoteKey(), limits: Partial<RemoteSignerLimits> = {}) {
  const rig = await open(key, limits);
  const signer = await rig.opening;
  opened.push(signer);
  rig.attempts.length = 0;
  return { ...rig, key, signer };
}

/** What becomes of a promise: how often time had to pass is the caller's business. */
function watched<T>(promise: Promise<T>) {
  const seen: { value?: T; error?: MayflyError } = {};
  void promise.then(
    (value) => (seen.value = value),
    (error: unknown) => (seen.error = error as MayflyError),
  );
  return seen;
}

/** What is asked before a certificate is begun. */
const beginning = (signer: Signer) => (): void => {
  signer.service!.requireOpen();
};

const failing =
  (kind: KeyFailureKind, retryAfterMs?: number): Answer<Uint8Array> =>
  () => {
    throw new KeyFailure(kind, `because of ${kind}`, { retryAfterMs });
  };

describe("a remote key that is opened", () => {
  const other = createMemorySigner("ecdsa-p256-sha256");

  it("is asked for its public key and one signature", async () => {
    const { attempts } = await open();
    expect(attempts).toEqual(["public-key ok", "sign ok"]);
  });

  it.each<[string, (key: ReturnType<typeof makeFakeRemoteKey>) => void, Reason]>([
    ["a public key that is none", (key) => key.publicKeys.push(() => new Uint8Array(3)), "SIGNER_KEY_UNUSABLE"],
    ["the public key of another", (key) => key.publicKeys.push(() => other.publicKey), "SIGNER_KEY_MISMATCH"],
    ["no right to read it", (key) => key.publicKeys.push(failing("denied")), "SIGNER_DENIED"],
    ["no such version", (key) => key.publicKeys.push(failing("key-unusable")), "SIGNER_KEY_UNUSABLE"],
    ["no right to sign", (key) => key.signatures.push(failing("denied")), "SIGNER_DENIED"],
    ["a signature by another", (key) => key.signatures.push(() => other.sign(MESSAGE)), "SIGNER_KEY_MISMATCH"],
    ["a request that it does not take", (key) => key.signatures.push(failing("refused")), "SIGNER_REFUSED"],
    [
      "an error of the adapter's own",
      (key) =>
        key.signatures.push(() => {
          throw new TypeError("s.token is undefined");
        }),
      "SIGNER_REFUSED",
    ],
  ])("is refused, and closed, with %s", async (_, spoil, reason) => {
    const key = makeFakeRemoteKey();
    spoil(key);
    const { opening } = await open(key);
    await expect(opening).rejects.toMatchObject({ reason });
    expect(key.counts.closed).toBe(1);
  });

  it("has time for a service that is slow to begin, and no more", async () => {
    const key = makeFakeRemoteKey();
    key.publicKeys.push(hangs, hangs);
    const { opening, timers } = await open(key);
    await timers.pass(5_000);
    opened.push(await opening);
    const never = makeFakeRemoteKey();
    never.publicKeys.push(hangs, hangs, hangs, hangs, hangs, hangs);
    const rig = await open(never);
    await rig.timers.pass(10_000);
    await expect(rig.opening).rejects.toMatchObject({ reason: "SIGNER_TIMEOUT" });
  });
});

describe("a signature that fails", () => {
  it.each<[KeyFailureKind, Reason, number]>([
    ["unavailable", "SIGNER_UNREACHABLE", 3],
    ["quota", "SIGNER_QUOTA", 3],
    ["wrong-answer", "SIGNER_ANSWER_INVALID", 2],
    ["denied", "SIGNER_DENIED", 1],
    ["key-unusable", "SIGNER_KEY_UNUSABLE", 1],
    ["refused", "SIGNER_REFUSED", 1],
  ])("by %s is told as %s after %i attempts", async (kind, reason, attempts) => {
    const { key, signer, timers } = await openGood();
    key.signatures.push(failing(kind), failing(kind), failing(kind));
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(2_500);
    expect(seen.error).toMatchObject({ reason, message: expect.stringContaining("fake key 1: because of") });
    expect(key.counts.sign).toBe(1 + attempts);
  });

  it("is tried again after a random wait, and succeeds", async () => {
    const { key, signer, timers, attempts } = await openGood();
    key.signatures.push(failing("unavailable"), failing("quota"));
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(0);
    expect(key.counts.sign).toBe(2);
    await timers.pass(49);
    expect(key.counts.sign).toBe(2);
    await timers.pass(1);
    expect(key.counts.sign).toBe(3);
    await timers.pass(100);
    expect(seen.value).toBeInstanceOf(Uint8Array);
    expect(attempts).toEqual(["sign unavailable", "sign quota", "sign ok"]);
  });

  it("waits as long as the service asks, where there is time for it", async () => {
    const { key, signer, timers } = await openGood();
    key.signatures.push(failing("quota", 1_000));
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(999);
    expect(key.counts.sign).toBe(2);
    await timers.pass(1);
    expect(seen.value).toBeInstanceOf(Uint8Array);
  });

  it("passes on to the caller a wait that is too long for the deadline", async () => {
    const { key, signer, timers } = await openGood();
    key.signatures.push(failing("quota", 7_000));
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(0);
    expect(seen.error).toMatchObject({ reason: "SIGNER_QUOTA", retryAfterMs: 7_000 });
    expect(key.counts.sign).toBe(2);
  });

  it("has nobody wait longer than a minute, whatever the service asks for", async () => {
    const { key, signer, timers } = await openGood();
    key.signatures.push(failing("quota", 86_400_000));
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(0);
    expect(seen.error).toMatchObject({ reason: "SIGNER_QUOTA", retryAfterMs: 60_000 });
  });

  it.each([hangs, hangsForEver])(
    "by silence is cut after the attempt's time, and at the deadline for good",
    async (silent) => {
      const { key, signer, timers, attempts } = await openGood(makeFakeRemoteKey(), { attemptMs: 1_000 });
      key.signatures.push(silent, silent, silent);
      const seen = watched(signer.sign(MESSAGE));
      await timers.pass(2_499);
      expect(seen).toEqual({});
      await timers.pass(1);
      expect(seen.error).toMatchObject({ reason: "SIGNER_TIMEOUT" });
      expect(attempts).toEqual(["sign timeout", "sign timeout", "sign timeout"]);
      expect(timers.waits).toEqual([]);
    },
  );

  it("whose answer comes too late is dropped", async () => {
    const { key, signer, timers } = await openGood();
    const late = Promise.withResolvers<Uint8Array>();
    key.signatures.push(
      () => late.promise,
      () => late.promise,
    );
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(2_500);
    late.resolve(new Uint8Array(70));
    await timers.pass(0);
    expect(seen.error).toMatchObject({ reason: "SIGNER_TIMEOUT" });
  });

  const otherKey = createMemorySigner("ecdsa-p256-sha256");
  it.each<[string, Answer<Uint8Array>]>([
    ["by another key", () => otherKey.sign(MESSAGE)],
    ["truncated", (good) => good.subarray(0, -1)],
    ["followed by a byte", (good) => Buffer.concat([good, Buffer.of(0)])],
    ["empty", () => new Uint8Array()],
    ["random", () => new Uint8Array(70).fill(7)],
    ["as r‖s where DER must be", () => new Uint8Array(64).fill(1)],
    ["with a bit changed", (good) => good.with(good.length - 1, good.at(-1)! ^ 1)],
  ])("[N6] %s is seen by nobody, and not asked for again", async (_, answer) => {
    const { key, signer, timers, attempts } = await openGood();
    key.signatures.push(answer);
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(2_500);
    expect(seen.error).toMatchObject({ code: "signer_failed", reason: "SIGNATURE_INVALID" });
    expect(attempts).toEqual(["sign invalid-signature"]);
    const next = watched(signer.sign(MESSAGE));
    await timers.pass(0);
    expect(next.value).toBeInstanceOf(Uint8Array);
  });
});

describe("credentials that have expired", () => {
  it("are renewed once for all who met that, and the public key is compared again", async () => {
    const { key, signer, timers, attempts } = await openGood();
    key.signatures.push(failing("credentials"), failing("credentials"), failing("credentials"));
    const seen = [1, 2, 3].map(() => watched(signer.sign(MESSAGE)));
    await timers.pass(1);
    expect(seen.every(({ value }) => value !== undefined)).toBe(true);
    expect(key.counts.login).toBe(1);
    const before = key.counts.publicKey;
    const later = [watched(signer.sign(MESSAGE)), watched(signer.sign(MESSAGE))];
    await timers.pass(1);
    expect(later.every(({ value }) => value !== undefined)).toBe(true);
    expect(key.counts.publicKey).toBe(before + 1);
    expect(attempts).toContain("login ok");
  });

  it("and are those of another key service then, sign nothing", async () => {
    const { key, signer, timers, problems } = await openGood();
    key.signatures.push(failing("credentials"));
    watched(signer.sign(MESSAGE));
    await timers.pass(1);
    key.publicKeys.push(() => createMemorySigner("ecdsa-p256-sha256").publicKey);
    const signed = key.counts.sign;
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(1);
    expect(seen.error).toMatchObject({ reason: "SIGNER_KEY_MISMATCH" });
    expect(key.counts.sign).toBe(signed);
    expect(problems).toEqual(["SIGNER_KEY_MISMATCH"]);
  });

  it("have nobody's certificate begun while the public key cannot be compared", async () => {
    const { key, signer, timers, background, problems } = await openGood();
    key.renewed++;
    key.publicKeys.push(failing("denied"), failing("denied"));
    const signed = key.counts.sign;
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(1);
    expect(seen.error).toMatchObject({ reason: "SIGNER_DENIED" });
    expect(beginning(signer)).toThrow(expect.objectContaining({ reason: "SIGNER_DENIED" }));
    await background.pass(5_000);
    expect(beginning(signer)).toThrow(expect.objectContaining({ reason: "SIGNER_DENIED" }));
    expect(key.counts.sign).toBe(signed);
    await background.pass(5_000);
    expect(beginning(signer)).not.toThrow();
    expect(problems).toEqual(["SIGNER_DENIED", undefined]);
  });

  it("and help nothing, are not renewed again for the same signature", async () => {
    const { key, signer, timers } = await openGood();
    key.always = failing("credentials");
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(2_500);
    expect(seen.error).toMatchObject({ reason: "SIGNER_DENIED" });
    expect(key.counts).toMatchObject({ login: 1, sign: 3 });
  });

  it("and cannot be renewed, are not tried again for five seconds, so that no account is locked", async () => {
    const { key, signer, timers } = await openGood();
    key.logins.push(failing("denied") as () => never);
    key.signatures.push(failing("credentials"), failing("credentials"));
    const seen = [watched(signer.sign(MESSAGE)), watched(signer.sign(MESSAGE))];
    await timers.pass(1);
    expect(seen.map(({ error }) => error?.reason)).toEqual(["SIGNER_DENIED", "SIGNER_DENIED"]);
    expect(key.counts.login).toBe(1);
  });
});

describe("the time of a signature", () => {
  const never = (): Promise<never> => new Promise(() => undefined);

  it("is not made longer by a login that hangs", async () => {
    const { key, signer, timers } = await openGood(makeFakeRemoteKey(), { attemptMs: 30_000 });
    key.signatures.push(failing("credentials"));
    key.logins.push(never);
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(2_500);
    expect(seen.error).toMatchObject({ reason: "SIGNER_TIMEOUT" });
  });

  it("has the comparison after a renewal in it", async () => {
    const { key, signer, timers } = await openGood();
    key.renewed++;
    key.publicKeys.push(async (good) => {
      await new Promise<void>((resolve) => timers.startTimer(resolve, 1_500));
      return good;
    });
    key.always = hangs;
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(2_500);
    expect(key.counts.sign).toBe(2);
    expect(seen.error).toMatchObject({ reason: "SIGNER_TIMEOUT" });
  });
});

describe("a service that fails again and again", () => {
  it.each<[string, Answer<Uint8Array>]>([
    ["refuses", failing("refused")],
    ["answers wrongly", failing("wrong-answer")],
    ["signs wrongly", (good) => good.subarray(1)],
  ])("because it %s, has no certificate begun", async (_, answer) => {
    const { key, signer, timers, background, problems } = await openGood(makeFakeRemoteKey(), { attempts: 1 });
    key.always = answer;
    for (let count = 0; count < 4; count++) watched(signer.sign(MESSAGE));
    await timers.pass(1);
    expect(beginning(signer)).not.toThrow();
    watched(signer.sign(MESSAGE));
    await timers.pass(1);
    expect(beginning(signer)).toThrow(expect.objectContaining({ reason: "SIGNER_CIRCUIT_OPEN" }));
    key.always = undefined;
    await background.pass(6_000);
    expect(problems).toEqual(["SIGNER_CIRCUIT_OPEN", undefined]);
  });

  it("is asked once each five seconds, however many attempts a signature has", async () => {
    const { key, signer, timers, background } = await openGood();
    key.always = failing("unavailable");
    for (let count = 0; count < 5; count++) watched(signer.sign(MESSAGE));
    await timers.pass(2_500);
    const asked = key.counts.sign;
    for (let count = 1; count <= 3; count++) {
      await background.pass(5_000);
      await timers.pass(2_500);
      expect(key.counts.sign).toBe(asked + count);
    }
  });

  it("is left alone after five failures in a row, until it signs in the background", async () => {
    const { key, signer, timers, background, problems, shed } = await openGood(makeFakeRemoteKey(), { attempts: 1 });
    key.always = failing("unavailable");
    for (let count = 0; count < 5; count++) watched(signer.sign(MESSAGE));
    await timers.pass(1);
    expect(problems).toEqual(["SIGNER_CIRCUIT_OPEN"]);
    const asked = key.counts.sign;
    const refused = watched(signer.sign(MESSAGE));
    await timers.pass(1);
    expect(refused.error).toMatchObject({ code: "signer_unavailable", reason: "SIGNER_CIRCUIT_OPEN" });
    expect(refused.error!.retryAfterMs).toBeGreaterThanOrEqual(5_000);
    expect(refused.error!.retryAfterMs).toBeLessThanOrEqual(15_000);
    expect(beginning(signer)).toThrow(expect.objectContaining({ reason: "SIGNER_CIRCUIT_OPEN" }));
    expect(shed).toEqual(["shed-open"]);
    expect(key.counts.sign).toBe(asked);

    await background.pass(5_000);
    expect(key.counts.sign).toBe(asked + 1);
    key.always = undefined;
    await background.pass(5_000);
    expect(problems).toEqual(["SIGNER_CIRCUIT_OPEN", undefined]);
    const after = watched(signer.sign(MESSAGE));
    await timers.pass(0);
    expect(after.value).toBeInstanceOf(Uint8Array);
  });

  it("is not left alone for failures with successes between them", async () => {
    const { key, signer, timers, problems } = await openGood(makeFakeRemoteKey(), { attempts: 1 });
    for (let count = 0; count < 12; count++) {
      if (count % 4 !== 3) key.signatures.push(failing("unavailable"));
      watched(signer.sign(MESSAGE));
      await timers.pass(1);
    }
    expect(problems).toEqual([]);
  });
});

describe("[N5] a key that is disabled", () => {
  it("is not asked any more, and is found to work again in the background", async () => {
    const { key, signer, timers, background, problems } = await openGood();
    key.always = failing("key-unusable");
    watched(signer.sign(MESSAGE));
    await timers.pass(1);
    const asked = key.counts.sign;
    const refused = watched(signer.sign(MESSAGE));
    await timers.pass(1);
    expect(refused.error).toMatchObject({ code: "signer_failed", reason: "SIGNER_KEY_UNUSABLE" });
    expect(signer.service!.refusal()).toMatchObject({ reason: "SIGNER_KEY_UNUSABLE" });
    expect(key.counts.sign).toBe(asked);
    key.always = undefined;
    await background.pass(6_000);
    expect(signer.service!.refusal()).toBeUndefined();
    expect(problems).toEqual(["SIGNER_KEY_UNUSABLE", undefined]);
  });
});

describe("[N8] the public key", () => {
  it("is compared every five minutes, and another one stops everything until it is the same again", async () => {
    const { key, signer, background, problems } = await openGood();
    const impostor = createMemorySigner("ecdsa-p256-sha256").publicKey;
    expect(key.counts.publicKey).toBe(1);
    await background.pass(300_000);
    expect(key.counts.publicKey).toBe(2);
    key.publicKeys.push(
      () => impostor,
      () => impostor,
    );
    await background.pass(300_000);
    expect(problems).toEqual(["SIGNER_KEY_MISMATCH"]);
    await background.pass(5_000);
    expect(signer.service!.refusal()).toMatchObject({ reason: "SIGNER_KEY_MISMATCH" });
    await background.pass(5_000);
    expect(problems).toEqual(["SIGNER_KEY_MISMATCH", undefined]);
  });

  it("that cannot be read while signatures are good, is no reason to stop", async () => {
    const { key, signer, timers, background, problems } = await openGood();
    key.publicKeys.push(failing("denied"));
    await background.pass(300_000);
    const seen = watched(signer.sign(MESSAGE));
    await timers.pass(0);
    expect(seen.value).toBeInstanceOf(Uint8Array);
    expect(problems).toEqual([]);
  });
});

describe("more than a key service can do", () => {
  it("waits for its turn, never more at once than may be, and is told so when it takes too long", async () => {
    const { key, signer, timers } = await openGood(makeFakeRemoteKey(), { inFlight: 2, attempts: 1 });
    key.always = hangs;
    const seen = Array.from({ length: 5 }, () => watched(signer.sign(MESSAGE)));
    await timers.pass(2_500);
    expect(key.counts.mostUnderWay).toBe(2);
    expect(seen.map(({ error }) => error?.reason).toSorted()).toEqual([
      ...["SIGNER_BUSY"],
      ...["SIGNER_TIMEOUT", "SIGNER_TIMEOUT", "SIGNER_TIMEOUT", "SIGNER_TIMEOUT"],
    ]);
    expect(key.counts.underWay).toBe(0);
  });

  it("does not pass for a service that is away, when turns came too late", async () => {
    const { key, signer, timers, problems } = await openGood(makeFakeRemoteKey(), { inFlight: 6, attempts: 1 });
    const after =
      (ms: number): Answer<Uint8Array> =>
      async (good) => {
        await new Promise<void>((resolve) => timers.startTimer(resolve, ms));
        return good;
      };
    const reasons = async (ms: number): Promise<unknown[]> => {
      key.always = after(ms);
      const seen = Array.from({ length: 30 }, () => watched(signer.sign(MESSAGE)));
      await timers.pass(3_000);
      return seen.slice(-12).map(({ error }) => error?.reason);
    };
    // Each fourth turn begins 400 ms before the end, each fifth 60 ms.
    expect(await reasons(700)).toEqual([
      ...Array<Reason>(6).fill("SIGNER_TIMEOUT"),
      ...Array<Reason>(6).fill("SIGNER_BUSY"),
    ]);
    const asked = key.counts.sign;
    expect(await reasons(610)).toEqual([
      ...Array<undefined>(6).fill(undefined),
      ...Array<Reason>(6).fill("SIGNER_BUSY"),
    ]);
    expect(key.counts.sign).toBe(asked + 24);
    expect(problems).toEqual([]);
  });

  it("is not begun when those before it would keep it waiting too long", async () => {
    const { key, signer, timers, shed } = await openGood(makeFakeRemoteKey(), { inFlight: 2 });
    const slow: Answer<Uint8Array> = async (good) => {
      await new Promise<void>((resolve) => timers.startTimer(resolve, 1_000));
      return good;
    };
    // A service is known to be slow once it has been for a while.
    key.signatures.push(...Array<Answer<Uint8Array>>(40).fill(slow));
    for (let round = 0; round < 15; round++) {
      watched(signer.sign(MESSAGE));
      watched(signer.sign(MESSAGE));
      await timers.pass(1_000);
    }
    for (let count = 0; count < 2; count++) watched(signer.sign(MESSAGE));
    await timers.pass(0);
    expect(beginning(signer)).not.toThrow();
    for (let count = 0; count < 2; count++) watched(signer.sign(MESSAGE));
    await timers.pass(0);
    expect(beginning(signer)).toThrow(expect.objectContaining({ reason: "SIGNER_BUSY" }));
    expect(shed).toEqual(["shed-busy"]);
    await timers.pass(2_500);
    expect(beginning(signer)).not.toThrow();
  });

  it("is not begun together with others that would take too long, though none of them waits for its turn yet", async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const key = makeFakeRemoteKey();
    key.signatures.push(async (good) => {
      await promise;
      return good;
    });
    const { opening, timers, shed } = await open(key, { inFlight: 2, signaturesPerCertificate: 2 });
    await timers.pass(500);
    resolve(undefined);
    const signer = await opening;
    opened.push(signer);
    // Half a second each, and half of the time of a signature is 1.25 s.
    for (let count = 0; count < 3; count++) expect(beginning(signer)).not.toThrow();
    expect(beginning(signer)).toThrow(expect.objectContaining({ reason: "SIGNER_BUSY" }));
    expect(shed).toEqual(["shed-busy"]);
    await timers.pass(250);
    expect(beginning(signer)).not.toThrow();
    expect(beginning(signer)).toThrow();
  });

  it("has those that finish something served first", async () => {
    const { key, signer, timers } = await openGood(makeFakeRemoteKey(), { inFlight: 1 });
    const order: string[] = [];
    key.always = async (good) => {
      await new Promise<void>((resolve) => timers.startTimer(resolve, 100));
      return good;
    };
    const sign = (name: string, turn?: "finishing"): void => {
      void signer.sign(MESSAGE, turn).then(() => order.push(name));
    };
    sign("one");
    sign("two");
    sign("three");
    sign("end of one", "finishing");
    sign("end of two", "finishing");
    await timers.pass(1_000);
    expect(order).toEqual(["one", "end of one", "end of two", "two", "three"]);
  });

  it("waits behind any number of calls that are quick", async () => {
    const { key, signer, timers } = await openGood(makeFakeRemoteKey(), { inFlight: 1 });
    key.always = (good) => good;
    for (let count = 0; count < 60; count++) watched(signer.sign(MESSAGE));
    expect(beginning(signer)).not.toThrow();
    await timers.pass(0);
  });

  it("is not begun beyond the budget, of which a certificate takes two signatures", async () => {
    const { signer, timers, shed } = await openGood(makeFakeRemoteKey(), {
      signaturesPerSecond: 10,
      signaturesPerCertificate: 2,
    });
    const begin = (): string => {
      try {
        signer.service!.requireOpen();
        return "begun";
      } catch (error) {
        const { reason, retryAfterMs = 0 } = error as MayflyError;
        expect(retryAfterMs).toBeGreaterThanOrEqual(1_000);
        return reason;
      }
    };
    expect(Array.from({ length: 6 }, begin)).toEqual([...Array<string>(5).fill("begun"), "SIGNER_BUDGET"]);
    await timers.pass(199);
    expect(begin()).toBe("SIGNER_BUDGET");
    await timers.pass(1);
    expect([begin(), begin()]).toEqual(["begun", "SIGNER_BUDGET"]);
    expect(shed).toEqual(["shed-budget", "shed-budget", "shed-budget"]);
  });

  it("has what was begun signed, whatever the budget", async () => {
    const { signer, timers } = await openGood(makeFakeRemoteKey(), {
      signaturesPerSecond: 1,
      signaturesPerCertificate: 2,
    });
    const seen = Array.from({ length: 20 }, () => watched(signer.sign(MESSAGE)));
    await timers.pass(0);
    expect(seen.every(({ value }) => value !== undefined)).toBe(true);
  });
});

describe("a remote signer that is closed", () => {
  it("ends what is under way, and asks for nothing any more", async () => {
    const { key, signer, timers, background } = await openGood();
    key.always = hangs;
    const [one, other] = [watched(signer.sign(MESSAGE)), watched(signer.sign(MESSAGE))];
    await timers.pass(0);
    await signer.close();
    await timers.pass(0);
    expect([one.error?.reason, other.error?.reason]).toEqual(["SIGNER_REFUSED", "SIGNER_REFUSED"]);
    expect([...timers.waits, ...background.waits]).toEqual([]);
    const asked = { ...key.counts };
    await background.pass(600_000);
    expect({ ...key.counts, closed: asked.closed }).toEqual(asked);
  });
});
