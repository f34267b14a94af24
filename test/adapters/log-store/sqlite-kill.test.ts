import { expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createSqliteLog } from "../../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import type { PublishedCheckpoint } from "../../../src/ports/log-store.ts";
import { readRoot } from "../../../src/tlog/log-reader.ts";
import { assertLogConsistent } from "../../support/assert-log-consistent.ts";
import { MANIFEST } from "../../support/log-fixtures.ts";

const KILLS = 20;
const LOG_PROCESS = fileURLToPath(new URL("../../support/log-process.ts", import.meta.url));

/** Lets a process write to the log and kills it while it answers; gives what it had answered. */
async function writeAndKill(path: string, name: string, answers: number): Promise<ReadonlyMap<number, string>> {
  const child = spawn(process.execPath, [LOG_PROCESS, path, name], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const answered = new Map<number, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [index = "", text = ""] = line.split(" ");
    answered.set(Number(index), text);
    if (answered.size === answers) child.kill("SIGKILL");
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return answered;
}

it(`loses no answered entry and rewrites none over ${KILLS} kills`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "mayfly-kill-"));
  try {
    const path = join(directory, "log.db");
    createSqliteLog(path, MANIFEST);
    const answered = new Map<number, string>();
    let published: PublishedCheckpoint | undefined;
    for (let kill = 0; kill < KILLS; kill++) {
      // Different moments of a batch: the number of answers decides when the process dies.
      for (const [index, text] of await writeAndKill(path, `run${kill}`, 1 + ((kill * 7) % 41))) {
        expect(answered.has(index)).toBe(false);
        answered.set(index, text);
      }
      const fatal: Error[] = [];
      const onFatal = (error: Error): void => void fatal.push(error);
      const store = await openSqliteLogStore({ path, onFatal, allowAnyFilesystem: true });
      const checkpoint = await assertLogConsistent(store);
      const snapshot = await store.snapshot();
      const entries = await snapshot.entries(0, checkpoint.size);
      for (const [index, text] of answered) {
        expect(Buffer.from(entries[index] ?? []).toString()).toMatch(`${text} at ${index}, `);
      }
      if (published !== undefined) {
        expect(checkpoint.size).toBeGreaterThanOrEqual(published.size);
        expect(checkpoint.timestampMs).toBeGreaterThan(published.timestampMs);
        expect(Buffer.from(await readRoot(snapshot, published.size))).toEqual(Buffer.from(published.root));
      }
      published = checkpoint;
      await store.close();
      expect(fatal).toEqual([]);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 240_000);
