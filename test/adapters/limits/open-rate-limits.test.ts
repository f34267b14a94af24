import { describe, expect, it } from "@jest/globals";
import { openRateLimits } from "../../../src/adapters/limits/open-rate-limits.ts";
import { makeFakeClock } from "../../fakes/fake-clock.ts";

const once = { perSecond: 0.01, burst: 1 };
const SETTINGS = { enabled: true, signing: once, failedTokens: once, reads: once, issuer: once, subject: once };

describe("rate limits whose settings change", () => {
  it("hold from then on, for whoever uses them already", () => {
    const limits = openRateLimits(SETTINGS, makeFakeClock());
    const { signing } = limits;
    expect(signing.take("a")).toBe(0);
    expect(signing.waitMs("a")).toBeGreaterThan(0);
    limits.change({ ...SETTINGS, signing: { perSecond: 1, burst: 3 } });
    expect([1, 2, 3].map(() => signing.take("a"))).toEqual([0, 0, 0]);
    expect(signing.take("a")).toBeGreaterThan(0);
  });

  it("forget nothing where they stay as they were", () => {
    const limits = openRateLimits(SETTINGS, makeFakeClock());
    for (const limit of [limits.subject, limits.auditedOutcomes]) limit.take("a");
    limits.change({ ...SETTINGS, subject: { ...once }, signing: { perSecond: 1, burst: 3 } });
    expect(limits.subject.take("a")).toBeGreaterThan(0);
  });

  it("are switched off and on, but for what protects the audit trail", () => {
    const limits = openRateLimits(SETTINGS, makeFakeClock());
    const takes = (): boolean[] => [limits.reads, limits.issuer].map((limit) => limit.take("a") === 0);
    expect([takes(), takes()]).toEqual([
      [true, true],
      [false, false],
    ]);
    limits.change({ ...SETTINGS, enabled: false });
    expect([takes(), takes()].flat()).not.toContain(false);
    limits.change(SETTINGS);
    expect([takes(), takes()]).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(Array.from({ length: 1_001 }, () => limits.auditedOutcomes.take("")).at(-1)).toBeGreaterThan(0);
  });
});
