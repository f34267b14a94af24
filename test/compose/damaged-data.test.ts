import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { DataPaths } from "../../src/compose/data-paths.ts";
import { openSqliteLogRecords } from "../../src/adapters/log-store/sqlite/open-sqlite-log-records.ts";
import { itWhen } from "../support/it-when.ts";
import { sealRows } from "../support/seal-rows.ts";
import { DamageLab, replace, type SavedFolders } from "../support/faults/damage-lab.ts";

let lab: DamageLab;

beforeAll(async () => {
  lab = await DamageLab.open();
});

afterAll(() => {
  lab.close();
});

const walOf = ({ database }: DataPaths): string => `${database}-wal`;

/** Flips a bit of the byte at a part (0 to 1) of the file. */
function flip(path: string, part: number): void {
  const bytes = readFileSync(path);
  const at = Math.floor(part * bytes.length);
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(path, bytes);
}

function cut(path: string, part: number): void {
  truncateSync(path, Math.floor(part * statSync(path).size));
}

/** Changes rows by accident. */
function sql(text: string): (paths: DataPaths) => void {
  return ({ database }) => {
    const rows = new DatabaseSync(database);
    rows.exec(text);
    rows.close();
  };
}

/** Changes rows as somebody would who knows how they are checked. */
function forge(text: string): (paths: DataPaths) => void {
  return ({ database }) => {
    const rows = new DatabaseSync(database);
    rows.exec(text);
    sealRows(rows);
    rows.close();
  };
}

/** A note whose last line, which is the checkpoint key's, has another signature. */
function withoutCheckpointKey(note: string): string {
  const lines = note.split("\n");
  const [dash, name, signature] = (lines.at(-2) ?? "").split(" ");
  const bytes = Buffer.from(signature ?? "", "base64");
  bytes[30] = bytes[30]! ^ 1;
  return [...lines.slice(0, -2), [dash, name, bytes.toString("base64")].join(" "), ""].join("\n");
}

function changePublished(database: string, change: (note: string) => string): void {
  const rows = new DatabaseSync(database);
  const { note } = rows.prepare("SELECT note FROM published").get() as { note: string };
  rows.prepare("UPDATE published SET note = ?").run(change(note));
  sealRows(rows);
  rows.close();
}

const remove = (...files: readonly (keyof DataPaths)[]) => {
  return (paths: DataPaths): void => {
    for (const file of files) rmSync(paths[file]);
  };
};

type Damage = readonly [
  what: string,
  from: keyof SavedFolders,
  change: (paths: DataPaths, saved: SavedFolders) => void,
  outcome: string,
];

/** What is opened with nothing lost and nothing wrong. */
const ACCEPTED = "accepted";
const BEHIND = "LOG_ROLLED_BACK";
const LAST_FRAME_BYTES = 4096 + 24;

const damages: readonly Damage[] = [
  ["nothing that was changed", "now", () => undefined, ACCEPTED],
  ["a WAL that was not copied back", "live", () => undefined, ACCEPTED],
  [
    "[P4] a WAL without the frame that published the last checkpoint",
    "live",
    (paths) => {
      truncateSync(walOf(paths), statSync(walOf(paths)).size - LAST_FRAME_BYTES);
    },
    ACCEPTED,
  ],
  [
    "a damaged frame in the WAL",
    "live",
    (paths) => {
      flip(walOf(paths), 0.4);
    },
    BEHIND,
  ],
  [
    "a damaged header of the WAL",
    "live",
    (paths) => {
      flip(walOf(paths), 0);
    },
    BEHIND,
  ],
  [
    "[P4] a WAL that was cut off",
    "live",
    (paths) => {
      cut(walOf(paths), 0.6);
    },
    BEHIND,
  ],
  [
    "a database without its WAL",
    "live",
    (paths) => {
      rmSync(walOf(paths));
    },
    BEHIND,
  ],
  [
    "a database without its WAL and without head.note",
    "live",
    (paths) => {
      rmSync(walOf(paths));
      rmSync(paths.headMark);
    },
    BEHIND,
  ],
  [
    "a database without its WAL and without the audit trail",
    "live",
    (paths) => {
      rmSync(walOf(paths));
      rmSync(paths.auditTrail);
    },
    BEHIND,
  ],
  [
    "an older database",
    "now",
    ({ database }, { old }) => {
      replace(database, old);
    },
    BEHIND,
  ],
  [
    "an older database and head.note",
    "now",
    ({ database, headMark }, { old }) => {
      replace(database, old);
      replace(headMark, old);
    },
    BEHIND,
  ],
  [
    "an older database and audit trail",
    "now",
    ({ database, auditTrail }, { old }) => {
      replace(database, old);
      replace(auditTrail, old);
    },
    BEHIND,
  ],
  [
    "an older database without head.note",
    "now",
    (paths, { old }) => {
      replace(paths.database, old);
      rmSync(paths.headMark);
    },
    BEHIND,
  ],
  ["a database alone", "now", remove("headMark", "auditTrail"), BEHIND],
  // Nothing that is left remembers more. Only copies elsewhere do, of checkpoints or of the audit trail.
  ["a whole folder of an older time", "old", () => undefined, ACCEPTED],
  ["a log without head.note", "now", remove("headMark"), ACCEPTED],
  ["a log without its audit trail", "now", remove("auditTrail"), ACCEPTED],
  [
    "another log of the same keys",
    "now",
    ({ database }, { other }) => {
      replace(database, other);
    },
    BEHIND,
  ],
  [
    "a head.note of another log of the same keys",
    "now",
    ({ headMark }, { other }) => {
      replace(headMark, other);
    },
    BEHIND,
  ],
  ["another origin in the manifest", "now", forge("UPDATE manifest SET origin = 'other/log'"), "LOG_WRONG_KEY"],
  [
    "another key in the manifest",
    "now",
    forge("UPDATE manifest SET checkpoint_public_key = zeroblob(44)"),
    "LOG_WRONG_KEY",
  ],
  ["another log id in the manifest", "now", forge("UPDATE manifest SET log_id = zeroblob(32)"), "LOG_WRONG_KEY"],
  ["another format in the manifest", "now", forge("UPDATE manifest SET format_version = 2"), "LOG_CORRUPT"],
  [
    "a later time of the published checkpoint",
    "now",
    forge("UPDATE published SET timestamp_ms = timestamp_ms + 1"),
    "LOG_CORRUPT",
  ],
  [
    "a published checkpoint whose note was changed",
    "now",
    forge("UPDATE published SET note = replace(note, 'A', 'B')"),
    "LOG_CORRUPT",
  ],
  [
    "a flipped bit in an entry",
    "now",
    sql("UPDATE entry SET stored = CAST(replace(stored, x'30', x'31') AS BLOB) WHERE idx = 2"),
    "damaged: entry 2",
  ],
  [
    "an entry that was changed together with its checksum",
    "now",
    forge("UPDATE entry SET stored = CAST(replace(stored, x'30', x'31') AS BLOB) WHERE idx = 2"),
    "damaged: entry 2",
  ],
  [
    "a manifest that is not as it was written",
    "now",
    sql("UPDATE manifest SET created_ms = created_ms + 1"),
    "LOG_CORRUPT: manifest is not as it was written",
  ],
  [
    "a head that is not as it was written",
    "now",
    sql("UPDATE head SET timestamp_ms = timestamp_ms + 1"),
    "LOG_CORRUPT: head is not as it was written",
  ],
  [
    "a published checkpoint that is not as it was written",
    "now",
    sql("UPDATE published SET note = note || ' '"),
    "LOG_CORRUPT: published checkpoint is not as it was written",
  ],
  [
    "a tile that was changed together with its checksum",
    "now",
    forge("UPDATE tile SET hashes = zeroblob(length(hashes))"),
    "LOG_CORRUPT",
  ],
  [
    "a flipped bit in a tile",
    "now",
    sql("UPDATE tile SET hashes = zeroblob(length(hashes))"),
    "LOG_CORRUPT: tile 0/0 is not as it was written",
  ],
  [
    "a flipped bit in a line of the audit trail",
    "now",
    ({ auditTrail }) => {
      flip(auditTrail, 0.5);
    },
    "AUDIT_FAILED",
  ],
  [
    "an empty head.note",
    "now",
    ({ headMark }) => {
      writeFileSync(headMark, "");
    },
    "LOG_CORRUPT",
  ],
  [
    "a head.note that was cut off",
    "now",
    ({ headMark }) => {
      cut(headMark, 0.7);
    },
    "LOG_CORRUPT",
  ],
  [
    "a database that is empty",
    "now",
    ({ database }) => {
      writeFileSync(database, "");
    },
    "LOG_CORRUPT",
  ],
  [
    "a database that was cut off",
    "now",
    ({ database }) => {
      cut(database, 0.5);
    },
    "LOG_CORRUPT",
  ],
];

describe("[P5] [P6] [P7] [P9] a start on a data directory with", () => {
  it.each(damages)("%s", async (_, from, change, outcome) => {
    const paths = lab.copy(lab.saved[from]);
    change(paths, lab.saved);
    expect((await lab.start(paths)).slice(0, outcome.length)).toBe(outcome);
  });

  it("what it refused once, every time: a refusal changes nothing", async () => {
    const paths = lab.copy(lab.saved.live);
    rmSync(walOf(paths));
    const mark = readFileSync(paths.headMark);
    const trail = readFileSync(paths.auditTrail);
    const refusals = [await lab.start(paths), await lab.start(paths), await lab.start(paths)];
    expect(new Set(refusals).size).toBe(1);
    expect(refusals[0]).toMatch(/^LOG_ROLLED_BACK: /u);
    expect([readFileSync(paths.headMark), readFileSync(paths.auditTrail)]).toEqual([mark, trail]);
    // Found again, the WAL makes it the log that was served.
    rmSync(paths.database);
    for (const file of [paths.database, walOf(paths)]) replace(file, lab.saved.live);
    rmSync(`${paths.database}-shm`, { force: true });
    expect(await lab.start(paths)).toBe("accepted");
  });

  it.each<[string, (paths: DataPaths) => void]>([
    [
      "head.note",
      ({ headMark }) => {
        writeFileSync(headMark, withoutCheckpointKey(readFileSync(headMark, "utf8")));
      },
    ],
    [
      "the published checkpoint",
      ({ database }) => {
        changePublished(database, withoutCheckpointKey);
      },
    ],
  ])("a wrong Ed25519 signature in %s, loudly, and another one replaces it", async (_, change) => {
    const paths = lab.copy(lab.saved.now);
    change(paths);
    expect(await lab.verify(paths)).toMatch(/^damaged: (?:head\.note|published checkpoint)$/u);
    expect(await lab.start(paths)).toBe("accepted");
    expect(lab.notices).toEqual([expect.stringMatching(/^the Ed25519 signature of a stored checkpoint is wrong/u)]);
    expect(await lab.verify(paths)).toBe("accepted");
    expect(await lab.start(paths)).toBe("accepted");
    expect(lab.notices).toEqual([]);
  });

  const [itLocks, skipped] = itWhen(existsSync("/proc/locks"), "there is no /proc/locks");
  itLocks(
    `nothing wrong keeps SQLite's locks on it while a verification looks through the file${skipped}`,
    async () => {
      const { database } = lab.copy(lab.saved.now);
      const inode = `:${String(statSync(database).ino)} `;
      const locks = (): number => readFileSync("/proc/locks", "utf8").split(inode).length - 1;
      const { fileProblems, close } = await openSqliteLogRecords(database);
      const held = locks();
      expect(held).toBeGreaterThan(0);
      expect(await fileProblems()).toEqual([]);
      expect(locks()).toBe(held);
      await close();
      expect(locks()).toBe(0);
    },
  );

  it.each([0.02, 0.1, 0.3, 0.5])("a flipped bit at %d of head.note", async (part) => {
    const paths = lab.copy(lab.saved.now);
    flip(paths.headMark, part);
    expect(await lab.start(paths)).toMatch(
      /^LOG_CORRUPT: .*head\.note (holds no checkpoint|is not what this log signed)/u,
    );
  });
});
