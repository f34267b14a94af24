import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lockDataDirectory } from "../../../src/adapters/data-directory/lock-data-directory.ts";

const LOCK_PROCESS = fileURLToPath(new URL("../../support/lock-process.ts", import.meta.url));
const NOW_MS = Date.UTC(2026, 10, 22, 12);

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mayfly-lock-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const lock = (pid = 1): { readonly release: () => void } => lockDataDirectory(directory, { pid, nowMs: NOW_MS });

describe("[P8] a data directory", () => {
  it("is taken by one process, and the next one is told which", async () => {
    const holder = spawn(process.execPath, [LOCK_PROCESS, directory], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(holder, "exit");
    await once(holder.stdout, "data");
    const refusal = { reason: "DATA_DIRECTORY_LOCKED", message: expect.stringContaining(`process ${holder.pid!} on `) };
    expect(() => lock()).toThrow(expect.objectContaining(refusal));
    // Nothing of it has to be cleared away: the lock was the process's.
    holder.kill("SIGKILL");
    await exited;
    expect(existsSync(join(directory, "serve.holder"))).toBe(true);
    lock().release();
  });

  it("is taken once within a process too, and free again when it was released", () => {
    const first = lock(11);
    expect(() => lock(12)).toThrow("process 11 on ");
    first.release();
    first.release();
    const second = lock(13);
    expect(() => lock(14)).toThrow("process 13 on ");
    second.release();
  });

  it("holds an empty file for its owner alone, and no note once it was released", () => {
    const { release } = lock();
    const { size, mode } = statSync(join(directory, "serve.lock"));
    expect({ size, mode: mode & 0o777 }).toEqual({ size: 0, mode: 0o600 });
    expect(readdirSync(directory).sort()).toEqual(["serve.holder", "serve.lock"]);
    release();
    expect(readdirSync(directory)).toEqual(["serve.lock"]);
  });

  it("is refused without a name when the holder left none", () => {
    const { release } = lock();
    rmSync(join(directory, "serve.holder"));
    expect(() => lock()).toThrow("it does not say which");
    release();
  });

  it.each([
    ["is not there", "missing"],
    ["has something else in the lock's place", "taken"],
  ])("is refused where it %s", (_, name) => {
    const place = join(directory, name);
    writeFileSync(join(directory, "file"), "");
    if (name === "taken") writeFileSync(place, "");
    const attempt = (): unknown => lockDataDirectory(place, { nowMs: NOW_MS });
    expect(attempt).toThrow(expect.objectContaining({ reason: "DATA_DIRECTORY_LOCKED" }));
    expect(attempt).toThrow(`cannot lock ${place}`);
  });
});
