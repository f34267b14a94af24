import { describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { COSTLY } from "../../fuzz/identity/costly.ts";
import type { Costly } from "../../fuzz/identity/costly.ts";
import { READERS } from "../../fuzz/readers.ts";
import { recordEvidence } from "../../support/evidence.ts";

/** Four doublings up to the limit. */
const sizesOf = ({ limit }: Costly): number[] => [
  limit / 16,
  limit / 8,
  limit / 4,
  limit / 2,
  Math.floor(limit * 0.95),
];
/** 16 times the CPU when linear, 256 times when quadratic; noise of a busy machine lies between. */
const MOST_GROWTH = 64;
/** Beyond what the process has before it reads: heap, and the buffers that no collection has freed yet. */
const MOST_MEMORY_MIB = 192;
const SPAN_US = 20_000;

/** CPU of one call in microseconds: the least of several spans of calls, as disturbances only add. */
function cpuOf(work: () => unknown): number {
  const run = (calls: number): number => {
    const start = process.cpuUsage();
    for (let call = 0; call < calls; call++) work();
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  run(20);
  let calls = 1;
  while (run(calls) < SPAN_US && calls < 200_000) calls *= 4;
  return Math.min(...Array.from({ length: 5 }, () => run(calls))) / calls;
}

const READING: readonly Costly[] = READERS.map(({ name, limit, expensive, read, refusal }) => ({
  name,
  limit,
  works: (size) =>
    expensive(size).map((input) => () => {
      try {
        read(input);
      } catch (error) {
        if (!(error instanceof refusal)) throw error;
      }
    }),
}));

describe("the most expensive inputs", () => {
  it.each([...READING, ...COSTLY].map((one) => [one.name, one] as const))(
    "cost %s no more than their length",
    (name, costly) => {
      const sizes = sizesOf(costly);
      const works = sizes.map((size) => costly.works(size));
      const growths = works[0]!.map((_first, kind) => {
        const costs = works.map((ofSize) => cpuOf(ofSize[kind]!));
        return { growth: costs.at(-1)! / Math.max(costs[0]!, 0.5), largest: costs.at(-1)! };
      });
      const worst = Math.max(...growths.map(({ growth }) => growth));
      const dearest = Math.max(...growths.map(({ largest }) => largest));
      recordEvidence(
        `${name}: ${sizes[0]!} to ${sizes.at(-1)!}, CPU × ${worst.toFixed(1)} at most; the largest cost ${(dearest / 1000).toFixed(2)} ms at most`,
      );
      expect(worst).toBeLessThan(MOST_GROWTH);
    },
  );

  it("are read over and over in little memory", () => {
    const peakMib = (rounds: number): number => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["--max-old-space-size=64", "--max-semi-space-size=4", "test/fuzz/read-expensive.ts", "131072", String(rounds)],
        { encoding: "utf8", env: { PATH: process.env["PATH"] } },
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      return Number(stdout);
    };
    const [idle, few, many] = [peakMib(0), peakMib(5), peakMib(50)] as const;
    recordEvidence(
      `inputs of 128 KiB with 64 MiB of heap: ${idle} MiB resident at most unread, ${few} when each is read 5 times, ${many} when 50 times`,
    );
    expect(few - idle).toBeLessThan(MOST_MEMORY_MIB);
    expect(many - idle).toBeLessThan(MOST_MEMORY_MIB);
  });
});
