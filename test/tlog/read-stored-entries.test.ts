import { describe, expect, it } from "@jest/globals";
import { packBytes } from "../../src/core/encoding/packed-bytes.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { LogRecords } from "../../src/ports/log-store.ts";
import { entryAt } from "../../src/tlog/entry-part.ts";
import { readStoredPart } from "../../src/tlog/read-stored-entries.ts";

const STORED = [5, 6, 7, 8].map((byte) => Uint8Array.of(byte, byte));
const RANGE = { start: 2, end: 4 };

type Records = Pick<LogRecords, "entries" | "packedEntries">;

const good: Records = {
  entries: (start, end) => Promise.resolve(STORED.slice(start, end)),
  packedEntries: (start, end) => Promise.resolve(packBytes(STORED.slice(start, end))),
};

const failing = (): Promise<never> =>
  Promise.reject(new MayflyError("LOG_CORRUPT", "entry 3 is not as it was written"));

async function read(records: Records): Promise<{ readonly entries: unknown[]; readonly problems: string[] }> {
  const problems: string[] = [];
  const part = await readStoredPart(records, RANGE, ({ where, what }) => problems.push(`${where}: ${what}`));
  return { entries: [0, 1].map((at) => entryAt(part, at)), problems };
}

describe("readStoredPart", () => {
  it("reads entries in one piece", async () => {
    expect(await read({ ...good, entries: failing })).toEqual({ entries: STORED.slice(2), problems: [] });
  });

  it("tells of entries that read wrongly once", async () => {
    expect(await read({ ...good, packedEntries: failing })).toEqual({
      entries: STORED.slice(2),
      problems: ["entries 2 to 3: entry 3 is not as it was written"],
    });
  });

  it("names the entry that cannot be had, once", async () => {
    const entries: Records["entries"] = (start, end) => (end > 3 ? failing() : good.entries(start, end));
    expect(await read({ entries, packedEntries: failing })).toEqual({
      entries: [STORED[2], undefined],
      problems: ["entry 3: entry 3 is not as it was written"],
    });
  });

  it("names the entry that is missing", async () => {
    const first = STORED.slice(0, 3);
    expect(
      await read({
        entries: (start, end) => Promise.resolve(first.slice(start, end)),
        packedEntries: (start, end) => Promise.resolve(packBytes(first.slice(start, end))),
      }),
    ).toEqual({ entries: [STORED[2], undefined], problems: ["entry 3: is missing"] });
  });

  it("names the entry that is empty", async () => {
    const stored = [...STORED.slice(0, 3), new Uint8Array(0)];
    expect(
      await read({
        entries: (start, end) => Promise.resolve(stored.slice(start, end)),
        packedEntries: (start, end) => Promise.resolve(packBytes(stored.slice(start, end))),
      }),
    ).toEqual({ entries: [STORED[2], undefined], problems: ["entry 3: is empty"] });
  });
});
