import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { MayflyError } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import { makeIssueCertificate } from "../../src/issuance/issue-certificate.ts";
import type { IssuanceDeps } from "../../src/issuance/issue-certificate.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { limitStages } from "../../src/issuance/limit-stages.ts";
import { EMAIL_TOKEN, goodRequest, makeIssuanceDeps, NOW_MS, OPEN_LOG, PATIENT, someSct } from "../support/issuance.ts";

const LIMITS = { tokenMs: 5_000, signatureMs: 2_500, logMs: 2_000 };
const never = () => new Promise<never>(() => undefined);

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate"] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** Issuance over ports of which one answers when the test says so. */
async function makeLimited(change: (deps: IssuanceDeps) => Partial<IssuanceDeps>) {
  const { deps, events } = await makeIssuanceDeps();
  const issue = makeIssueCertificate(limitStages({ ...deps, ...change(deps) }, LIMITS));
  const outcome = issue(goodRequest(), PATIENT).then(
    () => "issued",
    (error: unknown) => (error instanceof MayflyError ? error.reason : "something else"),
  );
  return { outcome, events };
}

/** Lets whatever can go on without a timer go on. */
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
};

describe("a stage that hangs", () => {
  it.each<[string, number, Reason, (deps: IssuanceDeps) => Partial<IssuanceDeps>]>([
    ["the verification of the token", 5_000, "ISSUER_TIMEOUT", () => ({ verifyIdToken: never })],
    [
      "a signature elsewhere",
      2_500,
      "SIGNER_TIMEOUT",
      ({ signer }) => ({ signer: { ...signer, location: "remote", sign: never } }),
    ],
    ["the log", 2_000, "LOG_TIMEOUT", () => ({ log: { ...OPEN_LOG, add: never } })],
  ])("is given up at its limit and not before: %s", async (_name, limitMs, reason, change) => {
    const { outcome } = await makeLimited(change);
    let ended: string | undefined;
    void outcome.then((how) => (ended = how));
    await settle();
    jest.advanceTimersByTime(limitMs - 1);
    await settle();
    expect(ended).toBeUndefined();
    jest.advanceTimersByTime(1);
    expect(await outcome).toBe(reason);
  });

  it("ends the issuance, whatever it answers later", async () => {
    const late = Promise.withResolvers<ReturnType<typeof someSct>>();
    const { outcome, events } = await makeLimited(() => ({ log: { ...OPEN_LOG, add: () => late.promise } }));
    await settle();
    jest.advanceTimersByTime(2_000);
    expect(await outcome).toBe("LOG_TIMEOUT");
    const before = events.filter((event) => event === "sign").length;
    late.resolve(someSct(NOW_MS));
    await settle();
    expect(before).toBe(1);
    expect(events.filter((event) => event === "sign")).toHaveLength(1);
  });

  it("that fails late is no unhandled rejection, and one that fails in time is told as it is", async () => {
    const late = Promise.withResolvers<never>();
    const hung = await makeLimited(() => ({ log: { ...OPEN_LOG, add: () => late.promise } }));
    await settle();
    jest.advanceTimersByTime(2_000);
    expect(await hung.outcome).toBe("LOG_TIMEOUT");
    late.reject(new Error("late"));
    await settle();
    const failed = await makeLimited(() => ({
      log: { ...OPEN_LOG, add: () => Promise.reject(new MayflyError("LOG_QUEUE_FULL", "full")) },
    }));
    expect(await failed.outcome).toBe("LOG_QUEUE_FULL");
  });
});

describe("stages that answer", () => {
  it("leave no timer behind", async () => {
    const { outcome } = await makeLimited(({ signer }) => ({
      verifyIdToken: () => Promise.resolve(EMAIL_TOKEN),
      signer: { ...signer, location: "remote" },
    }));
    expect(await outcome).toBe("issued");
    expect(jest.getTimerCount()).toBe(0);
  });

  it("leave a signature the turn that it is asked for with", async () => {
    const { deps } = await makeIssuanceDeps();
    const turns: unknown[] = [];
    const signer: Signer = {
      ...deps.signer,
      location: "remote",
      sign: (_, turn) => {
        turns.push(turn);
        return Promise.resolve(new Uint8Array());
      },
    };
    await limitStages({ ...deps, signer }, LIMITS).signer.sign(new Uint8Array(), "finishing");
    expect(turns).toEqual(["finishing"]);
  });

  it("include a signer of this process, which is given back as it is", async () => {
    const { deps } = await makeIssuanceDeps();
    expect(limitStages(deps, LIMITS).signer).toBe(deps.signer);
  });
});
