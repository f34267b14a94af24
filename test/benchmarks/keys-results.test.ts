import { describe, expect, it } from "@jest/globals";
import { findKeyFaults, formatKeys, summarizeKeys, type KeyLevel } from "../../benchmarks/keys-results.ts";

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

const LEVEL: KeyLevel = {
  layout: "CA",
  latencyMs: 20,
  concurrency: 64,
  seconds: 2,
  acceptedMs: upTo(200),
  refusedMs: upTo(50),
  withoutRetryAfter: 0,
  failures: [],
  acceptedLate: 50,
  busyShare: 0.5,
  cpuMs: 100,
  peakRssMiB: 159.6,
  calls: 500,
  mostUnderWay: 32,
};

describe("the results of keys in a key service", () => {
  it("tell rates by the time that the load lasted, and the service's calls by all that was issued", () => {
    expect(summarizeKeys([LEVEL])).toEqual([
      {
        layout: "CA",
        latencyMs: 20,
        callers: 64,
        perSecond: 100,
        p50Ms: 100,
        p99Ms: 198,
        maxMs: 200,
        cpuUsPerCertificate: 500,
        peakRssMiB: 160,
        mostUnderWay: 32,
        callsPerCertificate: 2,
        refused: 50,
        retryAfterPercent: 100,
      },
    ]);
  });

  it("say nothing of refusals where there were none, and of CPU and memory where nobody tells", () => {
    const level = { ...LEVEL, seconds: 50, refusedMs: [], cpuMs: undefined, peakRssMiB: undefined };
    expect(summarizeKeys([level])).toMatchObject([
      { perSecond: 4, refused: 0, retryAfterPercent: null, cpuUsPerCertificate: null, peakRssMiB: null },
    ]);
    expect(formatKeys([level]).split("\n").at(-1)).toMatch(/\| +— \| +— \| +32 \| +2\.00 \| +0 \| +— \|$/u);
  });

  it.each<[string, Partial<KeyLevel>, RegExp]>([
    ["a failure", { failures: ["500 no"] }, /1 failures; the first: 500 no/u],
    ["a refusal without a time to come back", { withoutRetryAfter: 1 }, /1 refusals without Retry-After/u],
    ["more calls at a time than may be", { mostUnderWay: 33 }, /33 calls at a time, where 32 may be/u],
    ["an answer after the time of a request", { acceptedMs: [10_001] }, /an answer after 10001 ms/u],
  ])("have %s for a fault", (_, change, sentence) => {
    expect(findKeyFaults([{ ...LEVEL, ...change }])).toEqual([expect.stringMatching(sentence)]);
  });

  it("are without fault as long as each key has its calls", () => {
    expect(findKeyFaults([LEVEL, { ...LEVEL, layout: "CA and log", mostUnderWay: 96 }])).toEqual([]);
  });
});
