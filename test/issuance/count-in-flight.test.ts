import { describe, expect, it } from "@jest/globals";
import type { IssuedCertificate } from "../../src/core/issuance-types.ts";
import { countInFlight } from "../../src/issuance/count-in-flight.ts";
import { goodRequest, PATIENT } from "../support/issuance.ts";

/** Issuance whose requests end when the test says so. */
function makeHeld() {
  const held: PromiseWithResolvers<IssuedCertificate>[] = [];
  const counted = countInFlight(() => {
    const one = Promise.withResolvers<IssuedCertificate>();
    held.push(one);
    return one.promise;
  });
  const issue = (): Promise<unknown> =>
    counted.issueCertificate(goodRequest(), PATIENT).catch((error: unknown) => error);
  return { held, counted, issue };
}

/** Whether a promise is settled once everything that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await new Promise(setImmediate);
  return settled;
}

describe("issuance that is counted", () => {
  it("is idle at once where nothing is under way", async () => {
    expect(await isSettled(makeHeld().counted.idle())).toBe(true);
  });

  it("is idle when the last request has ended, however it ended", async () => {
    const { held, counted, issue } = makeHeld();
    const failure = new Error("made by a test");
    const ended = [issue(), issue(), issue()];
    const idle = counted.idle();
    held[1]!.reject(failure);
    held[0]!.resolve({} as IssuedCertificate);
    expect(await isSettled(idle)).toBe(false);
    held[2]!.reject(failure);
    await idle;
    expect(await Promise.all(ended)).toEqual([{}, failure, failure]);
  });

  it("is not idle for a request that came and ended before it was asked", async () => {
    const { held, counted, issue } = makeHeld();
    const first = issue();
    held[0]!.resolve({} as IssuedCertificate);
    await first;
    void issue();
    const idle = counted.idle();
    expect(await isSettled(idle)).toBe(false);
    held[1]!.resolve({} as IssuedCertificate);
    await idle;
  });
});
