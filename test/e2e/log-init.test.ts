import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { POINTS_OF_A_CREATION } from "../support/crash/crash-point.ts";
import { preloadArguments } from "../support/crash/lab.ts";
import { compileFaultShim, type Fault } from "../support/faults/fault-shim.ts";
import { faultsOf } from "../support/faults/service-rig.ts";
import { itWhen } from "../support/it-when.ts";
import { startMayflyProcess, type Exit, type ProcessOptions } from "../support/mayfly-process.ts";
import { operatorConfig, writeOperatorKeys } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";

/** A start takes its time on machines that do other work too. */
const LIMIT_MS = 60_000;

const shim = compileFaultShim();
const [itWithShim, skipped] = itWhen(shim !== undefined, "no C compiler");

const folder = mkdtempSync(join(tmpdir(), "mayfly-log-init-"));
const data = join(folder, "data");
const log = join(data, "log.sqlite");
const configFile = join(folder, "mayfly.yaml");

beforeAll(async () => {
  await writeOperatorKeys(folder);
  writeFileSync(configFile, operatorConfig(folder));
});

afterEach(() => {
  rmSync(data, { recursive: true, force: true });
});

afterAll(() => {
  shim?.remove();
  rmSync(folder, { recursive: true });
});

/** `log init` in a process of its own, which something happens to. */
const logInit = (special: Partial<ProcessOptions>): Promise<Exit> =>
  startMayflyProcess({ configFile, command: ["log", "init"], ...special }).exited;

const mayfly = (...command: readonly string[]) => runCli([...command, "--config", configFile]);

/** There is a whole log, and nothing is left of what went before. */
async function expectLog(): Promise<void> {
  expect(readdirSync(data).sort()).toEqual(["log.sqlite", "serve.lock"]);
  expect(await mayfly("log", "verify")).toMatchObject({ code: 0, stderr: "" });
}

/** There is no log, and it can be made. */
async function expectNoLog(): Promise<void> {
  const stderr = `mayfly: there is no log at ${log}; make one with mayfly log init (LOG_MISSING)\n`;
  expect(await mayfly("serve")).toMatchObject({ code: 1, stderr });
  expect(await mayfly("log", "init")).toMatchObject({ code: 0, stderr: "" });
  await expectLog();
}

describe("a log init that is killed", () => {
  it.each(POINTS_OF_A_CREATION.filter((point) => point !== "after-log-name"))(
    "%s has made no log, and can be repeated",
    async (point) => {
      const nodeArguments = preloadArguments({ point, hit: 1 });
      expect(await logInit({ nodeArguments })).toMatchObject({ signal: "SIGKILL", stderr: "" });
      await expectNoLog();
    },
    LIMIT_MS,
  );

  it(
    "after-log-name has made a log, which the next one leaves as it is",
    async () => {
      const nodeArguments = preloadArguments({ point: "after-log-name", hit: 1 });
      expect(await logInit({ nodeArguments })).toMatchObject({ signal: "SIGKILL", stderr: "" });
      const before = readFileSync(log);
      const stderr = `mayfly: there is a log at ${log} already, and it was left as it is (LOG_WRITE_FAILED)\n`;
      expect(await mayfly("log", "init")).toMatchObject({ code: 1, stderr });
      expect(readFileSync(log).equals(before)).toBe(true);
      await expectLog();
    },
    LIMIT_MS,
  );
});

describe("a log init whose disk fails", () => {
  itWithShim.each<[string, Fault]>([
    ["while tables are written", { call: "write", file: "log.sqlite.new-wal", first: 1, error: "ENOSPC" }],
    ["when the log is flushed", { call: "fsync", file: "log.sqlite.new", first: 1, count: 9, error: "EIO" }],
    // SQLite flushes the directory too, and does not mind when that fails.
    ["when the directory is flushed", { call: "fsync", file: "/data", first: 1, count: 9, error: "EIO" }],
  ])(
    `%s has made no log, and can be repeated${skipped}`,
    async (_, fault) => {
      const exit = await logInit({ environment: shim!.environment(fault) });
      expect(faultsOf(exit)).toBeGreaterThan(0);
      expect(exit).toMatchObject({ code: 1, stderr: expect.stringContaining(`mayfly: cannot make a log at ${log}: `) });
      expect(existsSync(log)).toBe(false);
      await expectNoLog();
    },
    LIMIT_MS,
  );
});
