import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { createSqliteLog } from "../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { dataPaths, finalNotePath } from "../../src/compose/data-paths.ts";
import { readLogMarks, type LogFiles } from "../../src/compose/known-log-marks.ts";
import type { LogStore, PublishedCheckpoint } from "../../src/ports/log-store.ts";
import { buildBatch } from "../../src/tlog/build-batch.ts";
import { growLog, makeLogKeys, precertificates } from "../support/growing-log.ts";

const keys = makeLogKeys();

const newStore = (): LogStore => createMemoryLogStore({ manifest: keys.manifest, onFatal: () => undefined });

async function checkpointsOf(sizes: readonly number[], series = 0): Promise<readonly PublishedCheckpoint[]> {
  const store = newStore();
  const checkpoints: PublishedCheckpoint[] = [];
  for (const size of sizes) checkpoints.push(await growLog(store, keys, size - (await store.head()).size, series));
  return checkpoints;
}

describe("what a data directory remembers of a log", () => {
  let folder: string;
  let paths: LogFiles;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mayfly-marks-"));
    const where = { dataDirectory: folder };
    paths = { ...dataPaths(where), finalNote: finalNotePath(where, keys.manifest.logId) };
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  async function makeDatabase(manifest = keys.manifest): Promise<LogStore> {
    createSqliteLog(paths.database, manifest);
    return openSqliteLogStore({ path: paths.database, onFatal: () => undefined, allowAnyFilesystem: true });
  }

  const writeText = (path: string, text: string): Promise<void> => writeFile(path, text);

  it("is nothing where nothing is", async () => {
    expect(await readLogMarks(paths, keys.manifest)).toEqual({ marks: [], isFinalSigned: false });
  });

  it("is in both checkpoints that are kept outside the database", async () => {
    const [three, five] = await checkpointsOf([3, 5]);
    writeFileSync(paths.headMark, five!.note);
    writeFileSync(paths.cosignedMark, three!.note);
    expect((await readLogMarks(paths, keys.manifest)).marks).toEqual([
      { where: "head.note", size: 5, root: five!.root },
      { where: "cosigned.note", size: 3, root: three!.root },
    ]);
  });

  it("is in a database that can be read, with what it has not published", async () => {
    const store = await makeDatabase();
    const published = await growLog(store, keys, 4);
    const more = await precertificates(4, 6);
    const head = await store.append((before) => ({ ...buildBatch(before, before.timestampMs + 1, more), issuers: [] }));
    await store.close();
    const where = `the database ${paths.database}`;
    expect((await readLogMarks(paths, keys.manifest)).marks).toEqual([
      { where, size: 6, root: head.root },
      { where, size: 4, root: published.root },
    ]);
  });

  it("tells that the log was frozen, by the note about it", async () => {
    const [five] = await checkpointsOf([5]);
    writeFileSync(paths.finalNote, five!.note);
    expect(await readLogMarks(paths, keys.manifest)).toEqual({
      marks: [{ where: expect.stringMatching(/^frozen-[0-9a-f]{64}\.note$/u), size: 5, root: five!.root }],
      final: five,
      isFinalSigned: true,
    });
  });

  it("tells that the log was frozen, by its database", async () => {
    const store = await makeDatabase();
    const final = await growLog(store, keys, 4);
    expect(await readLogMarks(paths, keys.manifest)).not.toHaveProperty("final");
    await store.freeze(final);
    await store.close();
    expect(await readLogMarks(paths, keys.manifest)).toMatchObject({ final, isFinalSigned: true });
  });

  it("tells that the log was frozen, by a database whose last checkpoint one key alone has signed", async () => {
    const store = await makeDatabase();
    const { note, ...tree } = await growLog(store, keys, 4);
    await store.freeze({ ...tree, note: note.replace(/[^\n]*\n$/u, "") });
    await store.close();
    expect(await readLogMarks(paths, keys.manifest)).toMatchObject({ final: { size: 4 }, isFinalSigned: false });
  });

  it("is not in a database that cannot be read, and that is said", async () => {
    writeFileSync(paths.database, "no database");
    const { marks, unreadableDatabase } = await readLogMarks(paths, keys.manifest);
    expect(marks).toEqual([]);
    expect(unreadableDatabase).toContain(paths.database);
  });

  it.each([
    ["a database of other keys", async () => (await makeDatabase(makeLogKeys().manifest)).close(), "LOG_WRONG_KEY"],
    [
      "a database of another origin",
      async () => (await makeDatabase({ ...keys.manifest, origin: "log.test/2027" })).close(),
      "LOG_WRONG_KEY",
    ],
    ["a head mark that is no note", () => writeText(paths.headMark, "300\n"), "LOG_CORRUPT"],
    [
      "a head mark that was changed",
      async () => {
        const [checkpoint] = await checkpointsOf([3]);
        writeFileSync(paths.headMark, checkpoint!.note.replace("\n3\n", "\n2\n"));
      },
      "LOG_CORRUPT",
    ],
    ["a cosigned checkpoint that is no note", () => writeText(paths.cosignedMark, ""), "LOG_CORRUPT"],
    ["a final checkpoint that is no note", () => writeText(paths.finalNote, "frozen\n"), "LOG_CORRUPT"],
    [
      "a final checkpoint of another log",
      async () => {
        const others = makeLogKeys();
        const store = createMemoryLogStore({ manifest: others.manifest, onFatal: () => undefined });
        writeFileSync(paths.finalNote, (await growLog(store, others, 3)).note);
      },
      "LOG_CORRUPT",
    ],
    ["an audit trail that was changed", () => writeText(paths.auditTrail, "{}\n"), "AUDIT_FAILED"],
  ])("is refused with %s", async (_, damage, reason) => {
    await damage();
    await expect(readLogMarks(paths, keys.manifest)).rejects.toMatchObject({ reason });
  });
});
