import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { createSqliteLog } from "../../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { openFileSigner } from "../../../src/adapters/signers/file.ts";
import { makeManifest } from "../../../src/compose/init-log.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { makeRandom } from "../../support/crash/random.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { growLog, type LogKeys } from "../../support/growing-log.ts";
import { MEMORY_CONFIG } from "../../support/memory-config.ts";
import { readStaticDirectory } from "../../support/read-static-directory.ts";
import { runCli } from "../../support/run-cli.ts";

const SEED = 20_261_122;
const KILLS = 40;
const SIZE = 20_000;
const KEYS = join(import.meta.dirname, "../../../keys-dev");
const ORIGIN = "log.test/2026";
const folder = mkdtempSync(join(tmpdir(), "mayfly-kills-"));
const data = join(folder, "data");
const configFile = join(folder, "mayfly.yaml");
const random = makeRandom(SEED);
let keys: LogKeys;
let store: LogStore;

const devSigner = async (name: string) => {
  const passphrase = readFileSync(join(KEYS, "passphrase"), "utf8").trim();
  return openFileSigner({ path: join(KEYS, name), passphrase, exposedFile: "allow" });
};

beforeAll(async () => {
  const signers = { log: await devSigner("log.json"), checkpoint: await devSigner("checkpoint.json") };
  keys = { signers, manifest: makeManifest(ORIGIN, signers, Date.UTC(2026, 0, 1)) };
  const yaml = (name: string): string =>
    `{ kind: file, path: ${join(KEYS, name)}, passphrase: { file: ${join(KEYS, "passphrase")} } }`;
  const log = `log: { origin: ${ORIGIN}, store: { kind: sqlite, allowAnyFilesystem: true }, signer: ${yaml("log.json")}, checkpointSigner: ${yaml("checkpoint.json")} }`;
  writeFileSync(
    configFile,
    MEMORY_CONFIG.replace(/dataDirectory: .*/u, `dataDirectory: ${data}`).replace(/log: .*/u, log),
  );
  mkdirSync(data);
  createSqliteLog(join(data, "log.sqlite"), keys.manifest);
  store = await openSqliteLogStore({
    path: join(data, "log.sqlite"),
    onFatal: () => undefined,
    allowAnyFilesystem: true,
  });
  for (let size = 0; size < SIZE; size += 1_000) await growLog(store, keys, 1_000);
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

/** Starts a command and kills it (SIGKILL) so long after a file is there; resolves with whether it had not ended before. */
async function killAfter(args: readonly string[], path: string, delayMs: number): Promise<boolean> {
  const child = spawn(process.execPath, ["src/main.ts", "log", ...args, "--config", configFile], { stdio: "ignore" });
  const ended = new Promise<boolean>((resolve) => {
    child.on("exit", (_, signal) => {
      resolve(signal === "SIGKILL");
    });
  });
  while (!existsSync(path) && child.exitCode === null) await setTimeout(2);
  await setTimeout(delayMs);
  child.kill("SIGKILL");
  return ended;
}

describe("processes that are killed at any moment", () => {
  it("an export leaves the old log, the new one, or none where there was none, and can go on", async () => {
    let directory = join(folder, "public-0");
    let before = 0;
    let killed = 0;
    const seen = new Map<string, number>();
    for (let round = 0; round < KILLS; round++) {
      const gzip = round % 16 < 8 ? [] : ["--gzip"];
      if (round % 8 === 0) {
        rmSync(directory, { recursive: true, force: true });
        directory = join(folder, `public-${String(round)}`);
        before = 0;
      } else {
        if (before === 0) {
          expect(
            (await runCli(["log", "export", "--config", configFile, "--directory", directory, ...gzip])).code,
          ).toBe(0);
          before = (await store.head()).size;
        }
        await growLog(store, keys, 1 + Math.floor(random() * 600));
      }
      const { size } = await store.head();
      // The first exports of a folder take longer.
      const delayMs = random() * (round % 8 === 0 ? 1_500 : 700);
      const args = ["export", "--directory", directory, ...gzip];
      if (await killAfter(args, join(directory, ".mayfly", "serve.lock"), delayMs)) killed += 1;
      const now = existsSync(join(directory, "checkpoint")) ? readStaticDirectory(directory, keys.manifest).size : 0;
      expect([before, size]).toContain(now);
      const outcome = now === 0 ? "no log yet" : now === size ? "the new log" : "the old log";
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      before = now;
    }
    expect((await runCli(["log", "export", "--config", configFile, "--directory", directory])).code).toBe(0);
    expect(readStaticDirectory(directory, keys.manifest).size).toBe((await store.head()).size);
    recordEvidence(
      `\`log export\` was killed ${String(killed)} times in ${String(KILLS)} runs (seed ${String(SEED)}); what another reader ` +
        `found: ${[...seen].map(([what, count]) => `${what} ${String(count)}`).join(", ")}`,
    );
    expect(killed).toBeGreaterThan(KILLS / 2);
  });

  it("an adoption leaves no log or the whole one, and can be repeated", async () => {
    const mirror = join(folder, "mirror");
    expect((await runCli(["log", "export", "--config", configFile, "--directory", mirror])).code).toBe(0);
    const { size } = await store.head();
    await store.close();
    const adopt = ["adopt", "--from", mirror, "--at-least", String(size)];
    const database = join(data, "log.sqlite");
    let killed = 0;
    let whole = 0;
    for (let round = 0; round < KILLS / 4; round++) {
      rmSync(data, { recursive: true });
      if (await killAfter(adopt, `${database}.adopted`, random() * 4_000)) killed += 1;
      if (!existsSync(database)) {
        // Slow ones tell how far they are, on standard error.
        expect((await runCli(["log", ...adopt, "--config", configFile])).code).toBe(0);
      } else whole += 1;
      expect((await runCli(["log", "verify", "--config", configFile])).stdout).toMatch(
        new RegExp(` {2}entries {6}${String(size)}\n[\\s\\S]*good\n$`, "u"),
      );
    }
    recordEvidence(
      `\`log adopt\` of ${String(size)} entries was killed ${String(killed)} times in ${String(KILLS / 4)} runs: the log was whole ` +
        `${String(whole)} times, made by the next run the others, and always verified`,
    );
    expect(killed).toBeGreaterThan(0);
  });
});
