import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { openSqliteLogStore } from "../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { tileKey } from "../../src/adapters/log-store/sqlite/schema.ts";
import type { DataPaths } from "../../src/compose/data-paths.ts";
import type { LogSnapshot } from "../../src/ports/log-store.ts";
import { makeRandom } from "../support/crash/random.ts";
import { DamageLab } from "../support/faults/damage-lab.ts";
import { flipColumns, flipFile, moveRecords } from "../support/faults/damaged-bytes.ts";
import { bitsOf, flipBit, setColumn, storedRecords } from "../support/faults/stored-records.ts";
import { sealRows } from "../support/seal-rows.ts";

/** Enough for a full tile, partial ones and one of level 1. */
const ENTRIES = 300;
const SEED = 20261122;

let lab: DamageLab;

beforeAll(async () => {
  lab = await DamageLab.open(ENTRIES);
}, 60_000);

afterAll(() => {
  lab.close();
});

/** Changes a copy of the log. */
function damaged(change: (database: DatabaseSync) => void): DataPaths {
  const paths = lab.copy(lab.saved.now);
  const database = new DatabaseSync(paths.database);
  change(database);
  database.close();
  return paths;
}

/** Opens a log as a service does, which has served it until now, and asks for something. */
async function read<T>({ database }: DataPaths, ask: (snapshot: LogSnapshot) => Promise<T>): Promise<T> {
  const store = await openSqliteLogStore({ path: database, onFatal: () => undefined, allowAnyFilesystem: true });
  try {
    return await ask(await store.snapshot());
  } finally {
    await store.close();
  }
}

describe("one flipped bit", () => {
  it("in any column of any record of the log keeps the record from being given out, and is named", () => {
    const random = makeRandom(SEED);
    const { database } = lab.copy(lab.saved.now);
    // All of the short ones, and some of the long ones.
    const flipped = flipColumns(database, (bits, { table }) =>
      table === "entry" || bits > 512
        ? [0, bits - 1, Math.floor(random() * bits)]
        : Array.from({ length: bits }, (_, bit) => bit),
    );
    expect(flipped).toBeGreaterThan(ENTRIES * 6 + 1_000);
  });

  it("in the file of the log is found by the verification, or is in a byte that holds nothing", async () => {
    const random = makeRandom(SEED);
    const { size } = statSync(lab.copy(lab.saved.now).database);
    const flips = Array.from({ length: 30 }, (_, at): [number, number] => [
      Math.floor(random() * (at < 8 ? 200 : size)),
      Math.floor(random() * 8),
    ]);
    const { found, harmless } = await flipFile(lab, flips);
    expect(found).toBeGreaterThan(10);
    expect(found + Object.values(harmless).reduce((sum, count) => sum + count)).toBe(flips.length);
  }, 60_000);
});

it("a record in another's place is not given out", () => {
  const { database } = lab.copy(lab.saved.now);
  const moved = moveRecords(database, ({ table, key }) => {
    if (table === "entry" || table === "tile") return Number(key) === 0 ? 1 : Number(key) - 1;
    return table === "issuer" ? flipBit(key, 9) : undefined;
  });
  expect(moved).toBeGreaterThan(ENTRIES);
});

describe("a data folder whose log is damaged in several places", () => {
  const flip = (database: DatabaseSync, places: readonly string[]): void => {
    const random = makeRandom(SEED);
    for (const record of storedRecords(database)) {
      if (!places.includes(record.place)) continue;
      const [column, value] = Object.entries(record.columns)[0]!;
      setColumn(database, record, [column, flipBit(value, Math.floor(random() * bitsOf(value)))]);
    }
  };

  it("is verified to the end, each of them is named, and none of them is served", async () => {
    const places = ["entry 0", "entry 17", "entry 255", "entry 299", "tile 0/0"];
    const paths = damaged((database) => {
      flip(database, places);
      database.exec("DELETE FROM entry WHERE idx = 200; UPDATE submission SET idx = 5 WHERE idx = 4;");
    });
    const found = await lab.verify(paths);
    for (const place of [...places, "entry 200", "index of submissions"]) expect(found).toContain(`${place},`);
    expect(found).not.toMatch(/entry (?:1|16|18|199|201|254|256|298),/u);
    await read(paths, async (snapshot) => {
      for (const [index, message] of [
        [0, "entry 0 is not as it was written"],
        [17, "entry 17 is not as it was written"],
        [200, "entry 200 is published, but missing"],
        [299, "entry 299 is not as it was written"],
      ] as const) {
        await expect(snapshot.entries(index, index + 1)).rejects.toThrow(message);
      }
      expect(await snapshot.entries(256, 299)).toHaveLength(43);
      await expect(snapshot.tile(0, 0)).rejects.toThrow("tile 0/0 is not as it was written");
      expect(await snapshot.tile(0, 1)).toHaveLength((ENTRIES - 256) * 32);
      await expect(snapshot.indexOfLeaf(new Uint8Array(32))).rejects.toThrow("tile 0/0 is not as it was written");
    });
  });

  it.each(["manifest", "head", "published checkpoint", "tile 0/1", "tile 1/0"])(
    "is not opened, neither to be verified nor to be served, over its %s",
    async (place) => {
      const paths = damaged((database) => {
        flip(database, [place]);
      });
      const message = `${place} is not as it was written: its row has another checksum`;
      expect(await lab.start(paths)).toBe(`LOG_CORRUPT: ${message}`);
      expect(await lab.verify(paths)).toBe(`damaged: ${message}`);
    },
  );

  it("names issuers, of which it serves none that is damaged", async () => {
    let fingerprints: Uint8Array[] = [];
    const paths = damaged((database) => {
      const issuers = storedRecords(database).filter(({ table }) => table === "issuer");
      fingerprints = issuers.map(({ key }) => key as Uint8Array);
      flip(
        database,
        issuers.slice(0, 1).map(({ place }) => place),
      );
    });
    const name = `issuer ${Buffer.from(fingerprints[0]!).toString("hex")}`;
    expect(await lab.verify(paths)).toContain(name);
    await read(paths, async (snapshot) => {
      await expect(snapshot.issuer(fingerprints[0]!)).rejects.toThrow(`${name} is not as it was written`);
      for (const fingerprint of fingerprints.slice(1)) expect(await snapshot.issuer(fingerprint)).toBeDefined();
    });
  });
});

describe("a data folder whose log was changed by somebody who knows how rows are checked", () => {
  const level1 = tileKey(1, 0);
  it.each<[string, string, string]>([
    [
      "entries in each other's place",
      "UPDATE entry SET idx = -1 WHERE idx = 4; UPDATE entry SET idx = 4 WHERE idx = 5; UPDATE entry SET idx = 5 WHERE idx = -1",
      "entry 4, entry 5",
    ],
    ["an entry too many", "INSERT INTO entry SELECT 300, stored, 0 FROM entry WHERE idx = 299", "head"],
    ["an entry before the first", "INSERT INTO entry SELECT -1, stored, 0 FROM entry WHERE idx = 299", "entry -1"],
    ["a tile too many", "INSERT INTO tile SELECT 2, hashes, 0 FROM tile WHERE key = 1", "tile 0/2"],
    ["a tile too many above", `INSERT INTO tile SELECT ${level1 + 1}, hashes, 0 FROM tile WHERE key = 1`, "tile 1/1"],
    [
      "a tile of a level that is not there",
      `INSERT INTO tile SELECT ${2 * level1}, hashes, 0 FROM tile WHERE key = 1`,
      "tile 2/0",
    ],
    ["a tile of no level", "INSERT INTO tile SELECT -1, hashes, 0 FROM tile WHERE key = 1", "tile -1/"],
    [
      "a full tile that is too long",
      "UPDATE tile SET hashes = CAST(hashes || zeroblob(32) AS BLOB) WHERE key = 0",
      "tile 0/0",
    ],
    [
      "a partial tile that is too long",
      "UPDATE tile SET hashes = CAST(hashes || zeroblob(32) AS BLOB) WHERE key = 1",
      "tile 0/1",
    ],
    ["an issuer that nobody knows", "INSERT INTO issuer VALUES (zeroblob(32), x'30', 0)", `issuer ${"0".repeat(64)}`],
    ["a table of his own", "CREATE TABLE his (own TEXT)", "database"],
    ["a trigger", "CREATE TRIGGER his AFTER INSERT ON entry BEGIN DELETE FROM tile; END", "database"],
    ["no published checkpoint", "DELETE FROM published", "published checkpoint"],
    ["been frozen", "UPDATE head SET frozen_ms = timestamp_ms - 1", "published checkpoint"],
    ["no manifest", "DELETE FROM manifest", "manifest is missing"],
    ["no head", "DELETE FROM head", "head is missing"],
    ["a submission too many", "INSERT INTO submission VALUES (zeroblob(32), 3)", "index of submissions"],
  ])("and has %s is found out", async (_, sql, place) => {
    const paths = damaged((database) => {
      database.exec(sql);
      sealRows(database);
    });
    expect(await lab.verify(paths)).toContain(place);
  });
});
