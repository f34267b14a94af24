import { describe, expect, it } from "@jest/globals";
import { parseCoreList } from "../../benchmarks/cores.ts";
import {
  findFaults,
  formatOverload,
  readMetric,
  summarizeOverload,
  type OverloadLevel,
} from "../../benchmarks/overload-results.ts";

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

const IDLE = upTo(100).map((at) => ({ atMs: at * 2, latencyMs: 2 }));
const LEVEL: OverloadLevel = {
  concurrency: 512,
  manner: "at once",
  seconds: 2,
  acceptedMs: upTo(200),
  refusedMs: upTo(50),
  withoutRetryAfter: 0,
  failures: [],
  acceptedLate: 300,
  busyShare: 0.123,
  idleP50Ms: 2,
  lone: IDLE,
  cpuMs: 100,
  peakRssMiB: 99.6,
  loopDelayP99Ms: 20.4,
  loopDelayMaxMs: 30.6,
};

describe("the results of a load past saturation", () => {
  it("tell rates by the time that the load lasted, and latencies by those who were answered in it", () => {
    expect(summarizeOverload([LEVEL])).toEqual([
      {
        callers: 512,
        manner: "at once",
        acceptedPerSecond: 100,
        acceptedP50Ms: 100,
        acceptedP99Ms: 198,
        acceptedMaxMs: 200,
        refusedPerSecond: 25,
        refusedP99Ms: 50,
        retryAfterPercent: 100,
        failures: 0,
        cpuUsPerCertificate: 500,
        peakRssMiB: 100,
        loopDelayP99Ms: 20,
        loopDelayMaxMs: 31,
        idleP50Ms: 2,
        recoveredAfterMs: 2,
        serverBusyPercent: 5,
        callersBusyPercent: 12,
      },
    ]);
  });

  it("say nothing of refusals where there were none, and of CPU and memory where nobody tells", () => {
    const level = { ...LEVEL, refusedMs: [], cpuMs: undefined, peakRssMiB: undefined };
    const [summary] = summarizeOverload([level]);
    expect(summary).toMatchObject({ refusedPerSecond: 0, refusedP99Ms: null, retryAfterPercent: null });
    expect(summary).toMatchObject({ cpuUsPerCertificate: null, serverBusyPercent: null, peakRssMiB: null });
    expect(formatOverload([level])).toContain("—");
  });

  it.each<[string, Partial<OverloadLevel>, string[]]>([
    ["nothing", {}, []],
    [
      "an answer that is neither certificate nor refusal",
      { failures: ["500 x", "y"] },
      ["512 callers, at once: 2 failures; the first: 500 x"],
    ],
    [
      "a refusal that does not say when to come back",
      { withoutRetryAfter: 1 },
      ["512 callers, at once: 1 refusals without Retry-After"],
    ],
    ["no recovery", { lone: IDLE.slice(1, 20) }, ["512 callers, at once: no recovery within 5000 ms"]],
    [
      "a recovery that took too long",
      { lone: IDLE.map(({ atMs, latencyMs }) => ({ atMs: atMs + 5_000, latencyMs })) },
      ["512 callers, at once: no recovery within 5000 ms"],
    ],
  ])("find fault with %s", (_what, change, faults) => {
    expect(findFaults([{ ...LEVEL, ...change }])).toEqual(faults);
  });

  it("show a share that is not whole as such", () => {
    expect(summarizeOverload([{ ...LEVEL, withoutRetryAfter: 1 }])).toMatchObject([{ retryAfterPercent: 98 }]);
  });
});

describe("a metric in Prometheus text", () => {
  const TEXT = '# TYPE a gauge\na_b 2\na 0.0125\nc{x="1"} 3\n';

  it("is found by its whole name", () => {
    expect(readMetric(TEXT, "a")).toBe(0.0125);
  });

  it("is no number when it is not there", () => {
    expect(readMetric(TEXT, "b")).toBeNaN();
    expect(readMetric(TEXT, "c")).toBeNaN();
  });
});

describe("a list of cores", () => {
  it.each([
    ["0-1", [0, 1]],
    ["3", [3]],
    ["0-2,8,10-11", [0, 1, 2, 8, 10, 11]],
  ])("as %s means %j", (list, cores) => {
    expect(parseCoreList(list)).toEqual(cores);
  });
});
