import { describe, expect, it } from "@jest/globals";
import { encodeTileLeaf } from "../../src/core/ct/static-entry.ts";
import { makeEntryJudge } from "../../src/ctlog/entry-judge.ts";
import { openJudge } from "../../src/compose/judge-pool.ts";
import { packEntries, type EntryPart } from "../../src/tlog/entry-part.ts";
import { makeStaticLog } from "../support/static-log.ts";

describe("judging in threads", () => {
  it("says what judging in one thread says, of every part", async () => {
    const log = await makeStaticLog(40);
    const parts = (): EntryPart[] =>
      [0, 10, 20, 30].map((start) => {
        const stored = log.entries.slice(start, start + 10).map(encodeTileLeaf);
        // One entry of each part is of another index.
        return packEntries(start, [...stored.slice(0, 9), stored[0]]);
      });
    const pool = openJudge("static-ct", 40, 2);
    const alone = makeEntryJudge("static-ct");
    const { certificates } = log.ca.chain;
    const judged = await Promise.all(parts().map((part) => pool.judge(part, certificates)));
    const expected = await Promise.all(parts().map((part) => alone.judge(part, certificates)));
    expect(judged).toEqual(expected);
    expect(judged.map(({ problems }) => problems.map(({ where }) => where))).toEqual([
      ["entry 9"],
      ["entry 19"],
      ["entry 29"],
      ["entry 39"],
    ]);
    await pool.close();
  });

  it("fails everything under way when a thread dies, and all that is asked later", async () => {
    const pool = openJudge("static-ct", 1, 1);
    // No reader of the thread knows what to do with this: it dies of it.
    const certificates = JSON.parse("[null]") as readonly Uint8Array[];
    await expect(pool.judge(packEntries(0, [Uint8Array.of(1)]), certificates)).rejects.toMatchObject({
      reason: "UNEXPECTED",
    });
    await expect(pool.judge(packEntries(0, []), [])).rejects.toMatchObject({ reason: "UNEXPECTED" });
    await pool.close();
  });

  it("fails what is under way when it is closed", async () => {
    const pool = openJudge("static-ct", 1, 1);
    const waiting = expect(pool.judge(packEntries(0, [Uint8Array.of(1)]), [])).rejects.toMatchObject({
      reason: "LOG_CLOSED",
    });
    await pool.close();
    await waiting;
  });
});
