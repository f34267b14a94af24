import { expect, it } from "@jest/globals";
import { killSeries } from "../../support/crash/kill-series.ts";

const KILLS = 20;
/** Data folders, each in the hands of a process of its own at any time: two, as there are two cores. */
const FOLDERS = 2;

it(`[P3] no SCT is lost and no log forked in ${String(KILLS)} kills at random moments under load`, async () => {
  const series = await Promise.all(
    Array.from({ length: FOLDERS }, (_, at) => killSeries({ kills: KILLS / FOLDERS, seed: 20261122 + at })),
  );
  for (const { broken, scts, entries, auditStarts, readyStarts } of series) {
    expect(broken).toEqual([]);
    expect(scts).toBeGreaterThan(50);
    expect(entries).toBeGreaterThanOrEqual(scts);
    // Each process that was ready had begun a chain of its own in the trail.
    expect(auditStarts).toBeGreaterThanOrEqual(readyStarts);
  }
}, 240_000);
