import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { DatabaseSync } from "node:sqlite";
import { readTogether } from "../../../src/adapters/log-store/sqlite/read-together.ts";

let database: DatabaseSync;
beforeEach(() => {
  database = new DatabaseSync(":memory:");
});
afterEach(() => {
  database.close();
});

const answer = (): unknown => database.prepare("SELECT 1 AS one").get();

describe("reading of several rows together", () => {
  it("gives what was read, inside one transaction that is over afterwards", () => {
    let isWithin = false;
    const read = readTogether(database, () => {
      isWithin = database.isTransaction;
      return answer();
    });
    expect(read).toEqual({ one: 1 });
    expect([isWithin, database.isTransaction]).toEqual([true, false]);
  });

  it.each<[string, () => void]>([
    ["while its transaction goes on", () => undefined],
    [
      "after SQLite ended its transaction",
      () => {
        database.exec("ROLLBACK");
      },
    ],
    [
      "and closed the database",
      () => {
        database.close();
      },
    ],
  ])("that fails %s throws the error that it failed with", (_, before) => {
    const failure = new Error("disk I/O error");
    expect(() =>
      readTogether(database, () => {
        before();
        throw failure;
      }),
    ).toThrow(failure);
    if (!database.isOpen) database.open();
    expect(database.isTransaction).toBe(false);
    expect(readTogether(database, answer)).toEqual({ one: 1 });
  });
});
