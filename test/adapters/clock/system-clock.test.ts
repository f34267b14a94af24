import { describe, expect, it } from "@jest/globals";

import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { makeFakeClock } from "../../fakes/fake-clock.ts";

describe("systemClock", () => {
  it("tells the wall clock in whole milliseconds since 1970", () => {
    const before = Date.now();
    const now = systemClock.now();
    expect(Number.isSafeInteger(now)).toBe(true);
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it("has a second clock that never goes back", () => {
    const readings = Array.from({ length: 1_000 }, () => systemClock.monotonic());
    expect(readings).toEqual([...readings].sort((one, other) => one - other));
  });
});

describe("systemClock.sinceBoot", () => {
  it("goes on beside the clock that never steps", () => {
    const [up, monotonic] = [systemClock.sinceBoot(), systemClock.monotonic()];
    expect(up).toBeGreaterThan(0);
    const deadline = monotonic + 30;
    while (systemClock.monotonic() < deadline);
    expect(systemClock.sinceBoot()).toBeGreaterThan(up);
  });
});

describe("the fake clock", () => {
  it("moves only when told, steps only its wall clock, and sees no sleep on the clock that never steps", () => {
    const clock = makeFakeClock(1_000);
    clock.advance(5);
    clock.step(-900);
    clock.sleep(20);
    expect([clock.now(), clock.monotonic(), clock.sinceBoot()]).toEqual([125, 5, 25]);
    expect(() => {
      clock.advance(-1);
    }).toThrow(RangeError);
  });
});
