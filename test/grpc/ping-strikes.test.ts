import { describe, expect, it } from "@jest/globals";
import { PingStrikes } from "../../src/grpc/ping-strikes.ts";

/** What is said of pings at these times, milliseconds. */
function judged(...times: readonly number[]): boolean[] {
  const strikes = new PingStrikes();
  return times.map((time) => strikes.count(time));
}

describe("pings", () => {
  it("may come every ten seconds for ever", () => {
    expect(judged(...Array.from({ length: 100 }, (_, at) => at * 10_000))).not.toContain(true);
  });

  it("end the connection with the third that comes earlier", () => {
    expect(judged(0, 9_999, 19_998, 29_997)).toEqual([false, false, false, true]);
    expect(judged(0, 0, 0, 0, 0)).toEqual([false, false, false, true, true]);
  });

  it("are not forgiven by one that is in time", () => {
    expect(judged(0, 1, 2, 20_000, 20_001)).toEqual([false, false, false, false, true]);
  });

  it("are forgiven by a call", () => {
    const strikes = new PingStrikes();
    for (let count = 0; count < 100; count++) {
      expect([strikes.count(0), strikes.count(0), strikes.count(0)]).toEqual([false, false, false]);
      strikes.forgive();
    }
  });
});
