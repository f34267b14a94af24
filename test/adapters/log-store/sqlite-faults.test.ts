import { afterAll, afterEach, beforeEach, describe, expect } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createSqliteLog } from "../../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { building } from "../../contracts/log-store.ts";
import { assertLogConsistent } from "../../support/assert-log-consistent.ts";
import { compileFaultShim, type Fault } from "../../support/faults/fault-shim.ts";
import { itWhen } from "../../support/it-when.ts";
import { makeSubmission, MANIFEST } from "../../support/log-fixtures.ts";

const WRITING_PROCESS = fileURLToPath(new URL("../../support/faults/writing-process.ts", import.meta.url));

const shim = compileFaultShim();
const [itWithShim, skipped] = itWhen(shim !== undefined, "no C compiler");

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mayfly-fault-"));
  path = join(directory, "log.db");
  createSqliteLog(path, MANIFEST);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

afterAll(() => {
  shim?.remove();
});

/** How a process that wrote to the log ended, and what it said. */
interface Ended {
  readonly code: number;
  readonly answered: ReadonlyMap<number, string>;
  readonly refused: readonly string[];
  readonly fatal: readonly string[];
  /** Faults that it met. */
  readonly faults: number;
}

async function write(fault: Fault, length: number): Promise<Ended> {
  const child = spawn(process.execPath, [WRITING_PROCESS, path, "200", String(length)], {
    env: { ...process.env, ...shim?.environment(fault) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit") as Promise<[number]>;
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const said: string[][] = [];
  for await (const line of createInterface({ input: child.stdout })) said.push(line.split(" "));
  const [code] = await exited;
  const of = (kind: string): string[][] => said.filter(([first]) => first === kind).map((words) => words.slice(1));
  return {
    code,
    answered: new Map(of("answered").map(([index, text]) => [Number(index), text!])),
    refused: of("refused").map(([reason]) => reason!),
    fatal: of("fatal").map(([reason]) => reason!),
    faults: stderr.match(/^fault: /gmu)?.length ?? 0,
  };
}

/** Verifies the whole log and finds each answered entry at its index; then writes one more. */
async function expectGood(answered: ReadonlyMap<number, string>): Promise<void> {
  const store = await openSqliteLogStore({ path, onFatal: () => undefined, allowAnyFilesystem: true });
  try {
    const { size } = await assertLogConsistent(store);
    const entries = await (await store.snapshot()).entries(0, size);
    for (const [index, text] of answered) {
      expect(Buffer.from(entries[index] ?? []).toString()).toMatch(`${text} at ${index}, `);
    }
    const { size: before } = await store.head();
    expect(await store.append(building([makeSubmission("one more")]))).toMatchObject({ size: before + 1 });
  } finally {
    await store.close();
  }
}

const SMALL = 500;
/** 200 of them exceed what the WAL may hold, so that it is copied into the database under load. */
const LARGE = 400_000;

describe("[P2] a log whose disk fails", () => {
  itWithShim.each<[string, Fault, number]>([
    ["a write to the WAL", { call: "write", file: "-wal", first: 60, error: "EIO" }, SMALL],
    ["a flush of the WAL", { call: "fsync", file: "-wal", first: 6, error: "EIO" }, SMALL],
    ["a write to the database", { call: "write", file: "log.db", first: 9, error: "EIO" }, LARGE],
    ["a flush of the database", { call: "fsync", file: "log.db", first: 1, error: "EIO" }, LARGE],
  ])(`over %s ends its process, and has everything that was answered${skipped}`, async (_, fault, length) => {
    const { code, answered, fatal, faults } = await write(fault, length);
    expect({ code, fatal, faults }).toEqual({ code: 3, fatal: ["LOG_OUTCOME_UNKNOWN"], faults: 1 });
    expect(answered.size).toBeGreaterThan(0);
    await expectGood(answered);
  });
});

describe("[P1] a log whose disk is full", () => {
  itWithShim.each<[string, Fault, number, boolean]>([
    ["for the WAL", { call: "write", file: "-wal", first: 60, count: 30, error: "ENOSPC" }, SMALL, true],
    ["for the database", { call: "write", file: "log.db", first: 1, count: 9, error: "ENOSPC" }, LARGE, false],
    ["for half of a write", { call: "write", file: "-wal", first: 61, error: "SHORT" }, SMALL, false],
  ])(`%s goes on by itself when there is room${skipped}`, async (_, fault, length, isRefused) => {
    const { code, answered, refused, fatal, faults } = await write(fault, length);
    expect({ code, fatal, answered: answered.size }).toEqual({ code: 0, fatal: [], answered: 200 });
    expect(faults).toBeGreaterThan(0);
    expect([...new Set(refused)]).toEqual(isRefused ? ["LOG_DISK_FULL"] : []);
    await expectGood(answered);
  });
});
