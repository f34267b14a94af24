import { describe, expect, it } from "@jest/globals";
import { LogClock } from "../../src/tlog/log-clock.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";

/** A log's clock, and how often it asked for the time since boot. */
function makeCountedClock() {
  const clock = makeFakeClock();
  const asked = { sinceBoot: 0 };
  const sinceBoot = (): number => {
    asked.sinceBoot += 1;
    return clock.sinceBoot();
  };
  return { clock, asked, logClock: new LogClock({ ...clock, sinceBoot }) };
}

describe("LogClock", () => {
  it("asks for the time since boot once a second while wall clock and monotonic clock agree", () => {
    const { clock, asked, logClock } = makeCountedClock();
    let lastMs = 0;
    for (let batch = 0; batch < 100; batch++) {
      clock.advance(50);
      lastMs = logClock.timeAfter(lastMs);
      expect(lastMs).toBe(clock.now());
    }
    expect(asked.sinceBoot).toBe(1 + 5);
  });

  it("asks at once when they disagree, and so knows that the machine slept", () => {
    const { clock, asked, logClock } = makeCountedClock();
    clock.advance(10);
    logClock.timeAfter(0);
    clock.sleep(3 * 86_400_000);
    expect(logClock.timeAfter(0)).toBe(clock.now());
    expect(asked.sinceBoot).toBe(2);
  });

  it("knows a step for one within the second in which it did not ask", () => {
    const { clock, logClock } = makeCountedClock();
    clock.advance(10);
    logClock.timeAfter(0);
    clock.step(6_000);
    expect(() => logClock.timeAfter(0)).toThrow("the clock was set forward by 6 s");
  });

  it("is not misled by short sleeps that it did not notice", () => {
    const { clock, logClock } = makeCountedClock();
    for (let sleep = 0; sleep < 20; sleep++) {
      clock.sleep(4_000);
      clock.advance(100);
      logClock.timeAfter(0);
    }
    clock.sleep(86_400_000);
    expect(logClock.timeAfter(0)).toBe(clock.now());
  });
});
