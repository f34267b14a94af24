import { describe, expect, it } from "@jest/globals";
import { killSeries } from "../../support/crash/kill-series.ts";
import { withCrashLab } from "../../support/crash/lab.ts";
import { putAnOlderDatabaseBack, refusalOf } from "../../support/crash/mutant-runs.ts";
import { recordEvidence } from "../../support/evidence.ts";

/** The first promises of each kind that a mutant broke. */
function kindsOf(broken: readonly string[]): readonly string[] {
  const kinds = new Map(broken.map((what) => [what.replaceAll(/\d+/gu, "n"), what]));
  return [...kinds.values()].slice(0, 8);
}

describe("the same run", () => {
  it("over an older database that was put back is refused", async () => {
    await withCrashLab(async (lab) => {
      await putAnOlderDatabaseBack(lab);
      const refusal = await refusalOf(lab.start());
      recordEvidence(`an older database put back, unchanged Mayfly: the start ends with ${refusal}`);
      expect(refusal).toMatch(/^1: the log's database is not the one that was served: /u);
    });
  });

  it("over an older database, without the head comparison at start, is caught", async () => {
    const { broken, kills } = await killSeries({ kills: 20, seed: 1, mutant: "no-head-comparison", putBackAt: 6 });
    recordEvidence(`head comparison removed, older database put back before kill 7: caught at kill ${String(kills)}`);
    for (const what of kindsOf(broken)) recordEvidence(`head comparison removed: ${what}`);
    expect(kills).toBeGreaterThan(6);
    expect(broken.some((what) => what.startsWith("SCT of entry"))).toBe(true);
  });

  it("with answers before their COMMIT is caught", async () => {
    const { broken, kills } = await killSeries({ kills: 20, seed: 1, mutant: "answer-before-commit" });
    recordEvidence(`answer before COMMIT: caught at kill ${String(kills)}`);
    for (const what of kindsOf(broken)) recordEvidence(`answer before COMMIT: ${what}`);
    expect(broken.some((what) => what.startsWith("SCT of entry"))).toBe(true);
  });
});
