import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { makeTokenBuckets, MAX_BUCKETS } from "../../../src/adapters/limits/token-buckets.ts";
import type { RateLimit } from "../../../src/ports/limits.ts";
import { makeFakeClock } from "../../fakes/fake-clock.ts";

/** How many of `count` takes are given at once. */
const given = (limit: RateLimit, key: string, count: number): number =>
  Array.from({ length: count }, () => limit.take(key)).filter((waitMs) => waitMs === 0).length;

describe("token buckets", () => {
  it.each([
    ["signing", { perSecond: 20, burst: 40 }],
    ["failed tokens", { perSecond: 1, burst: 60 }],
    ["reads", { perSecond: 50, burst: 100 }],
    ["issuer", { perSecond: 200, burst: 400 }],
    ["subject", { perSecond: 5, burst: 50 }],
    ["a rate that is no round number", { perSecond: 3, burst: 7 }],
    ["less than one a second", { perSecond: 0.3, burst: 2 }],
  ])("give a burst at once and then the steady rate: %s", (_name, settings) => {
    const clock = makeFakeClock();
    const limit = makeTokenBuckets(settings, clock);
    expect(given(limit, "a", settings.burst + 5)).toBe(settings.burst);
    clock.advance(10_000);
    expect(given(limit, "a", 10_000)).toBe(Math.min(settings.burst, Math.floor(settings.perSecond * 10 + 1e-9)));
    clock.advance(3_600_000);
    expect(given(limit, "a", 10_000)).toBe(settings.burst);
  });

  it("tell when there will be a token: not a moment earlier, and then there is one", () => {
    const clock = makeFakeClock();
    const limit = makeTokenBuckets({ perSecond: 3, burst: 2 }, clock);
    given(limit, "a", 2);
    const waitMs = limit.take("a");
    expect(waitMs).toBeCloseTo(1_000 / 3, 1);
    expect(limit.waitMs("a")).toBe(waitMs);
    clock.advance(waitMs - 0.01);
    expect(limit.take("a")).toBeGreaterThan(0);
    clock.advance(0.01);
    expect(limit.waitMs("a")).toBe(0);
    expect(limit.take("a")).toBe(0);
  });

  it("lose nothing to a refusal or a look", () => {
    const clock = makeFakeClock();
    const limit = makeTokenBuckets({ perSecond: 1, burst: 1 }, clock);
    expect([limit.waitMs("a"), limit.take("a")]).toEqual([0, 0]);
    for (let at = 0; at < 100; at++) expect(limit.take("a") + limit.waitMs("a")).toBeGreaterThan(0);
    clock.advance(1_000);
    expect(limit.take("a")).toBe(0);
  });

  it("keep keys apart", () => {
    const limit = makeTokenBuckets({ perSecond: 1, burst: 1 }, makeFakeClock());
    const keys = Array.from({ length: 1_000 }, (_, at) => `192.0.2.${String(at)}`);
    expect(keys.filter((key) => limit.take(key) === 0)).toHaveLength(1_000);
    expect(keys.filter((key) => limit.take(key) === 0)).toHaveLength(0);
  });

  it("are not moved by the wall clock", () => {
    const clock = makeFakeClock();
    const limit = makeTokenBuckets({ perSecond: 1, burst: 1 }, clock);
    limit.take("a");
    clock.step(86_400_000);
    expect(limit.take("a")).toBeGreaterThan(0);
    clock.step(-2 * 86_400_000);
    expect(limit.take("a")).toBeLessThanOrEqual(1_000);
  });

  it("behave like counted tokens that drip in, whatever the order of events", () => {
    const events = fc.array(fc.record({ key: fc.constantFrom("a", "b"), afterMs: fc.nat({ max: 700 }) }), {
      maxLength: 200,
    });
    const settings = fc.record({ perSecond: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(settings, events, ({ perSecond, burst }, steps) => {
        const clock = makeFakeClock();
        const limit = makeTokenBuckets({ perSecond, burst }, clock);
        // In thousandths of a token, so that the count is exact.
        const tokens = new Map<string, { left: number; atMs: number }>();
        for (const { key, afterMs } of steps) {
          clock.advance(afterMs);
          const nowMs = clock.monotonic();
          const { left, atMs } = tokens.get(key) ?? { left: burst * 1_000, atMs: nowMs };
          const now = Math.min(burst * 1_000, left + (nowMs - atMs) * perSecond);
          const allowed = now >= 1_000;
          tokens.set(key, { left: allowed ? now - 1_000 : now, atMs: nowMs });
          expect(limit.take(key) === 0).toBe(allowed);
        }
      }),
      { seed: 20261122 },
    );
  });

  describe("when more keys come than there is room for", () => {
    it("hold on to those that owe most", () => {
      const clock = makeFakeClock();
      const limit = makeTokenBuckets({ perSecond: 1, burst: 60 }, clock, 80);
      given(limit, "attacker", 60);
      for (let at = 0; at < 5_000; at++) limit.take(`passer-by ${String(at)}`);
      expect(limit.take("attacker")).toBeGreaterThan(0);
    });

    it("never refuse a key that took nothing", () => {
      const limit = makeTokenBuckets({ perSecond: 1, burst: 1 }, makeFakeClock(), 80);
      const keys = Array.from({ length: 5_000 }, (_, at) => String(at));
      expect(keys.every((key) => limit.take(key) === 0)).toBe(true);
    });

    it("remember most of 50,000 keys, in memory that does not grow", () => {
      const limit = makeTokenBuckets({ perSecond: 0.01, burst: 1 }, makeFakeClock());
      const keys = Array.from({ length: MAX_BUCKETS / 2 }, (_, at) => `2001:db8:${at.toString(16)}:1::/64`);
      for (const key of keys) limit.take(key);
      const remembered = keys.filter((key) => limit.waitMs(key) > 0).length;
      expect(remembered).toBeGreaterThan(keys.length * 0.95);
    });
  });
});
