import { expect, it } from "@jest/globals";
import { killSeries, type KillSeries } from "../../support/crash/kill-series.ts";
import { recordEvidence } from "../../support/evidence.ts";

const FOLDERS = 10;
const KILLS_PER_FOLDER = 20;
/** Folders that are worked on at the same time. */
const LANES = 2;
const FIRST_SEED = 1;

const sum = (series: readonly KillSeries[], of: (each: KillSeries) => number): number =>
  series.reduce((total, each) => total + of(each), 0);

function describeSeries(seed: number, { kills, killsWhileStarting, ...found }: KillSeries): string {
  const { entries, scts, checkpoints, broken } = found;
  return `| ${[seed, kills, killsWhileStarting, entries, scts, checkpoints, broken.length].join(" | ")} |`;
}

it(`no SCT is lost and no log forked in ${String(FOLDERS * KILLS_PER_FOLDER)} kills at random moments under load`, async () => {
  recordEvidence(
    "kill -9 at random moments: 8 callers over HTTP; after each kill `log verify`, every SCT that reached a caller in the " +
      "tree at its index, every checkpoint that reached a reader a prefix of the tree; then a new start on what was left",
  );
  recordEvidence("| seed | kills | while starting | entries | SCTs kept | checkpoints seen | promises broken |");
  recordEvidence("| --- | --- | --- | --- | --- | --- | --- |");
  const seeds = Array.from({ length: FOLDERS }, (_, at) => FIRST_SEED + at);
  const all: KillSeries[] = [];
  const lane = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const series = await killSeries({ kills: KILLS_PER_FOLDER, seed });
      recordEvidence(describeSeries(seed, series));
      for (const broken of series.broken.slice(0, 20)) recordEvidence(`broken, seed ${String(seed)}: ${broken}`);
      all.push(series);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const kills = sum(all, (each) => each.kills);
  const kept = sum(all, ({ scts }) => scts);
  const broken = all.flatMap((each) => each.broken);
  const lost = broken.filter((what) => what.startsWith("SCT of")).length;
  const forks = broken.filter((what) => /^two trees|no prefix/u.test(what)).length;
  recordEvidence(`${String(kills)} kills, ${String(kept)} SCTs kept: ${String(lost)} lost, ${String(forks)} forks`);
  expect(broken).toEqual([]);
  expect({ kills, enough: kept > kills * 5 }).toEqual({ kills: FOLDERS * KILLS_PER_FOLDER, enough: true });
  expect(sum(all, ({ killsWhileStarting }) => killsWhileStarting)).toBeGreaterThan(kills / 10);
  expect(all.every(({ auditStarts, readyStarts }) => auditStarts >= readyStarts)).toBe(true);
});
