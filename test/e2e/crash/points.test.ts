import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { crashAtPoint, POINTS_OF_A_REQUEST, POINTS_OF_THE_HEAD_MARK } from "../../support/crash/crash-at-point.ts";
import { requireKilled } from "../../support/crash/kill-at-random.ts";
import { CrashLab } from "../../support/crash/lab.ts";

/** A start takes its time on machines that do other work too. */
const LIMIT_MS = 60_000;

let lab: CrashLab;

// One folder for all: each start goes on from where the process before it was cut off.
beforeAll(async () => {
  lab = await CrashLab.open();
});

afterAll(() => lab.close());

const SAMPLE = POINTS_OF_A_REQUEST.filter(({ isSample }) => isSample);
const HEAD_MARK_SAMPLE = POINTS_OF_THE_HEAD_MARK.slice(0, 1);

describe("[P3] a process that ends", () => {
  it.each(SAMPLE)(
    "$point leaves a log that keeps every promise",
    async (given) => {
      const { isLogged, isPublished, isTorn = false } = given;
      const remains = await crashAtPoint(lab, given);
      expect(remains).toEqual({ answered: 2, broken: [], isLogged, isPublished, isTorn });
    },
    LIMIT_MS,
  );

  it.each(HEAD_MARK_SAMPLE)(
    "at %s of its start has served nobody, and leaves a mark that the next start can compare with",
    async (point) => {
      const run = lab.start({ point, hit: 1 });
      await expect(run.ready).rejects.toThrow('ended without "ready"');
      await requireKilled(run);
      expect((await lab.judge()).broken).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    "at any of these points is followed by one that serves, and closes the trail's torn lines",
    async () => {
      const run = lab.start();
      const url = await run.ready;
      const before = lab.lastVerdict?.report.head.size ?? 0;
      const answered = lab.load(run, 2, (count) => {
        if (count === 4) run.process.signal("SIGTERM");
      });
      expect(url).toMatch(/^http:/u);
      expect(await answered).toBeGreaterThanOrEqual(4);
      expect((await run.process.exited).code).toBe(0);
      const { broken, report } = await lab.judge();
      expect(broken).toEqual([]);
      expect(report.published?.size).toBe(report.head.size);
      expect(report.head.size - before).toBeGreaterThanOrEqual(4);
      expect(report.audit?.tornLines).toBe(2);
      // The head mark is advanced before the trail is opened.
      expect(report.audit?.starts).toBeGreaterThan(SAMPLE.length);
    },
    LIMIT_MS,
  );
});
