import { describe, expect, it } from "@jest/globals";
import type { MayflyError } from "../../src/core/errors.ts";
import type { SigningRequest } from "../../src/core/issuance-types.ts";
import { makePausableIssuance, makePauseSwitch } from "../../src/issuance/pause-switch.ts";
import { ISSUED } from "../http/public-app.ts";
import { PATIENT } from "../support/issuance.ts";

const REQUEST: SigningRequest = { idToken: "a.b.c", key: { kind: "csr", csr: new Uint8Array(1) } };

describe("issuance with a brake", () => {
  it("goes on while the brake is off", async () => {
    const issue = makePausableIssuance(
      () => Promise.resolve(ISSUED),
      makePauseSwitch(false, () => undefined),
    );
    expect(await issue(REQUEST, PATIENT)).toBe(ISSUED);
  });

  it("hands on request and signal as they came", async () => {
    const given: unknown[] = [];
    const issue = makePausableIssuance(
      (...args) => {
        given.push(...args);
        return Promise.resolve(ISSUED);
      },
      makePauseSwitch(false, () => undefined),
    );
    await issue(REQUEST, PATIENT);
    expect(given).toHaveLength(2);
    expect(given[0]).toBe(REQUEST);
    expect(given[1]).toBe(PATIENT);
  });

  it("asks nothing of anybody while the brake is on", async () => {
    let asked = 0;
    const pauseSwitch = makePauseSwitch(true, () => undefined);
    const issue = makePausableIssuance(() => {
      asked++;
      return Promise.resolve(ISSUED);
    }, pauseSwitch);
    const refusals = await Promise.allSettled(Array.from({ length: 50 }, () => issue(REQUEST, PATIENT)));
    const reasons = refusals.map((refusal) => (refusal as PromiseRejectedResult).reason as MayflyError);
    expect(new Set(reasons.map(({ code, reason }) => `${code} ${reason}`))).toEqual(
      new Set(["overloaded ISSUANCE_PAUSED"]),
    );
    const waits = reasons.map(({ retryAfterMs = 0 }) => retryAfterMs);
    expect(waits.every((ms) => ms >= 30_000 && ms <= 90_000)).toBe(true);
    expect(new Set(waits).size).toBeGreaterThan(1);
    expect(asked).toBe(0);
    pauseSwitch.set(false);
    expect(await issue(REQUEST, PATIENT)).toBe(ISSUED);
  });

  it("finishes what began before", async () => {
    const held = Promise.withResolvers<typeof ISSUED>();
    const pauseSwitch = makePauseSwitch(false, () => undefined);
    const issue = makePausableIssuance(() => held.promise, pauseSwitch);
    const begun = issue(REQUEST, PATIENT);
    pauseSwitch.set(true);
    held.resolve(ISSUED);
    expect(await begun).toBe(ISSUED);
    await expect(issue(REQUEST, PATIENT)).rejects.toMatchObject({ reason: "ISSUANCE_PAUSED" });
  });

  it("tells of changes only", () => {
    const told: boolean[] = [];
    const pauseSwitch = makePauseSwitch(false, (isPaused) => told.push(isPaused));
    for (const isPaused of [false, true, true, false, false, true]) pauseSwitch.set(isPaused);
    expect(told).toEqual([true, false, true]);
  });
});
