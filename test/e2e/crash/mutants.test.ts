import { describe, expect, it } from "@jest/globals";
import { withCrashLab } from "../../support/crash/lab.ts";
import { killAtAnswer, putAnOlderDatabaseBack, refusalOf } from "../../support/crash/mutant-runs.ts";

/** Several processes start one after the other, on machines that do other work too. */
const LIMIT_MS = 120_000;

const REFUSAL =
  /^1: the log's database is not the one that was served: it has \d+ entries, but a caller was told of entry \d+$/u;

describe("an older database in the place of the newest", () => {
  it(
    "[P6] is refused by the next start, and is a fork that is found out where a start compares nothing",
    () =>
      withCrashLab(async (lab) => {
        await putAnOlderDatabaseBack(lab);
        expect(await refusalOf(lab.start())).toMatch(REFUSAL);
        await killAtAnswer(lab, lab.start("no-head-comparison"), 8);
        const { broken } = await lab.judge();
        expect(broken).toContainEqual(expect.stringMatching(/^two trees of size \d+ were signed$/u));
        expect(broken).toContainEqual(expect.stringMatching(/^two certificates were told of entry \d+$/u));
        expect(broken).toContainEqual(expect.stringMatching(/^SCT of entry \d+ is not what the log has there$/u));
        expect(broken).toContainEqual(expect.stringMatching(/^a checkpoint of \d+ entries is no prefix$/u));
        expect(broken).toContainEqual(
          expect.stringMatching(/^log verify: audit\.jsonl line \d+: a caller was told of entry \d+/u),
        );
      }),
    LIMIT_MS,
  );
});

describe("an answer before its COMMIT", () => {
  it(
    "is found out by the kill that comes between, and refused by the next start",
    () =>
      withCrashLab(async (lab) => {
        await killAtAnswer(lab, lab.start("answer-before-commit"), 4);
        const { broken } = await lab.judge();
        expect(broken).toContainEqual(expect.stringMatching(/^SCT of entry \d+ is not in the log$/u));
        expect(broken).toContainEqual(
          expect.stringMatching(
            /^log verify: audit\.jsonl line \d+: a caller was told of entry \d+, which the log does not have$/u,
          ),
        );
        expect(await refusalOf(lab.start())).toMatch(REFUSAL);
      }),
    LIMIT_MS,
  );
});
