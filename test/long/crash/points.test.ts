import { describe, expect, it } from "@jest/globals";
import {
  crashAtPoint,
  crashUnderLoad,
  POINTS_OF_A_REQUEST,
  POINTS_OF_THE_HEAD_MARK,
} from "../../support/crash/crash-at-point.ts";
import { POINTS_OF_A_SERVICE } from "../../support/crash/crash-point.ts";
import { withCrashLab } from "../../support/crash/lab.ts";
import { recordEvidence } from "../../support/evidence.ts";

/** How often a point is passed before the process ends there: in its start or first batch, soon after, in full swing. */
const HITS = { headMark: [1, 2], batch: [1, 2, 7, 20] };

describe("a process that ends under load", () => {
  it.each(POINTS_OF_A_SERVICE)("at %s leaves a log that keeps every promise", async (point) => {
    const hits = point.includes("head-mark") ? HITS.headMark : HITS.batch;
    await withCrashLab(async (lab) => {
      let answered = 0;
      for (const hit of hits) {
        const remains = await crashUnderLoad(lab, { point, hit });
        answered += remains.answered;
        expect(remains.broken).toEqual([]);
      }
      recordEvidence(
        `${point}: ended there ${String(hits.length)} times, ${String(answered)} SCTs kept, none lost, no fork`,
      );
    });
  });
});

describe("a process that ends in the third of three requests", () => {
  it.each(POINTS_OF_A_REQUEST)("at $point leaves of it what it must", async (given) => {
    const { isLogged, isPublished, isTorn = false } = given;
    const remains = await withCrashLab((lab) => crashAtPoint(lab, given));
    expect(remains).toEqual({ answered: 2, broken: [], isLogged, isPublished, isTorn });
  });

  it("is tried at every point there is", () => {
    expect([...POINTS_OF_A_REQUEST.map(({ point }) => point), ...POINTS_OF_THE_HEAD_MARK]).toEqual(POINTS_OF_A_SERVICE);
  });
});
