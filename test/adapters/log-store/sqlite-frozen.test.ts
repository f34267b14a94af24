import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { createSqliteLog } from "../../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import type { LogStore, PublishedCheckpoint } from "../../../src/ports/log-store.ts";
import { building } from "../../contracts/log-store.ts";
import { assertLogConsistent } from "../../support/assert-log-consistent.ts";
import { checkpointOf, makeSubmission, makeSubmissions, MANIFEST } from "../../support/log-fixtures.ts";

// Every test starts threads, which takes its time on a busy machine.
jest.setTimeout(20_000);

describe("a frozen log in an SQLite file", () => {
  let directory: string;
  let path: string;
  let open: LogStore[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "mayfly-frozen-"));
    path = join(directory, "log.db");
    open = [];
    createSqliteLog(path, MANIFEST);
  });

  afterEach(async () => {
    await Promise.all(open.map((store) => store.close()));
    rmSync(directory, { recursive: true });
  });

  async function openStore(): Promise<LogStore> {
    const onFatal = (error: Error): void => {
      throw error;
    };
    const store = await openSqliteLogStore({ path, onFatal, allowAnyFilesystem: true });
    open.push(store);
    return store;
  }

  async function fillAndFreeze(store: LogStore): Promise<PublishedCheckpoint> {
    const final = checkpointOf(await store.append(building(makeSubmissions("entry", 300))));
    await store.freeze(final);
    return final;
  }

  /** How often this process has the file open; SQLite closes none of them while it has another one in use. */
  const timesOpen = (): number => readdirSync("/proc/self/fd").filter((fd) => linkOf(fd) === path).length;

  it("is written to by nobody from then on, while those who read it go on", async () => {
    const store = await openStore();
    expect(threads()).toBe(1);
    const head = await store.append(building(makeSubmissions("first", 2)));
    await store.publish(checkpointOf(head));
    const before = await store.snapshot();
    expect(await before.entries(0, 2)).toHaveLength(2);
    expect(threads()).toBe(2);
    const reading = before.entries(0, 1);
    const final = await fillAndFreeze(store);
    expect(threads()).toBe(1);
    expect(await reading).toHaveLength(1);
    expect(await before.entries(0, 2)).toHaveLength(2);
    expect((await store.snapshot()).checkpoint).toEqual(final);
    expect((await assertLogConsistent(store)).size).toBe(302);
    // All of it is in the database itself.
    rmSync(`${path}-wal`, { force: true });
    await store.close();
    const again = await openStore();
    expect((await assertLogConsistent(again)).size).toBe(302);
  });

  it("is not even open after a start, until somebody reads it", async () => {
    const first = await openStore();
    const final = await fillAndFreeze(first);
    await first.close();
    const { mtimeMs } = statSync(path);
    const store = await openStore();
    expect(await store.manifest()).toEqual({ ...MANIFEST, frozenMs: final.timestampMs });
    expect(await store.published()).toEqual(final);
    expect((await store.head()).size).toBe(300);
    expect({ threads: threads(), timesOpen: timesOpen() }).toEqual({ threads: 0, timesOpen: 0 });
    // SQLite gives the whole file to one connection only while nobody else has it.
    const other = new DatabaseSync(path);
    expect(other.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;");
    other.close();
    expect((await assertLogConsistent(store)).size).toBe(300);
    expect({ threads: threads(), timesOpen: timesOpen() }).toEqual({ threads: 1, timesOpen: 1 });
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
    for (const late of [
      store.append(building([makeSubmission("late")])),
      store.publish({ ...final, timestampMs: final.timestampMs + 1 }),
      store.freeze({ ...final, timestampMs: final.timestampMs + 1 }),
    ]) {
      await expect(late).rejects.toMatchObject({ code: "log_failed", reason: "LOG_FROZEN" });
    }
    await store.close();
    await expect(store.manifest()).rejects.toMatchObject({ reason: "LOG_CLOSED" });
    expect({ threads: threads(), timesOpen: timesOpen() }).toEqual({ threads: 0, timesOpen: 0 });
  });

  it("is taken for frozen by a process that has it open while another one freezes it", async () => {
    const one = await openStore();
    const other = await openStore();
    await fillAndFreeze(other);
    await expect(one.append(building([makeSubmission("late")]))).rejects.toMatchObject({ reason: "LOG_FROZEN" });
    expect(threads()).toBe(1);
    expect((await one.head()).size).toBe(300);
    expect({ threads: threads(), timesOpen: timesOpen() }).toEqual({ threads: 0, timesOpen: 0 });
    await expect(one.append(building([makeSubmission("late")]))).rejects.toMatchObject({ reason: "LOG_FROZEN" });
    expect((await assertLogConsistent(one)).size).toBe(300);
  });
});

/** Worker threads of this process. */
function threads(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
}

/** A descriptor that was closed meanwhile, as that of the directory itself, leads nowhere. */
function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
