import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { dataPaths } from "../../src/compose/data-paths.ts";
import { freezeLog } from "../../src/compose/freeze-log.ts";
import { initLog } from "../../src/compose/init-log.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { certificatesOf } from "../../dev/verify-bundle.ts";
import { ANCHORS } from "../support/service.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import { reconcileDataFolder } from "../../src/compose/reconcile-data-folder.ts";
import { verifyDataFolder } from "../../src/compose/verify-data-folder.ts";
import type { Config } from "../../src/config/schema.ts";
import { describeCauses } from "../../src/core/errors.ts";
import { sealRows } from "../support/seal-rows.ts";
import { originOf, openShardedService, SHARD_ENV } from "../support/sharded-service.ts";
import type { ShardedService, ShardKeys } from "../support/sharded-service.ts";

let sharded: ShardedService;
const keys: ShardKeys = new Map();
beforeEach(async () => {
  sharded = await openShardedService(keys);
});
afterEach(async () => {
  await sharded.close();
});

async function stop({ shutdown }: RunningService): Promise<number> {
  shutdown.stop();
  return shutdown.stopped;
}

/** Log lines are written some time after what they tell of; the test's own limit bounds the wait. */
async function said(message: string, times = 1): Promise<void> {
  while (sharded.logText().split(`"${message}"`).length <= times) await pause(5);
}

async function reload(service: RunningService, config: Config, message: string): Promise<void> {
  const times = sharded.logText().split(`"${message}"`).length;
  service.readConfigAgain(() => config);
  await said(message, times);
}

const read = async (url: string): Promise<string> => (await globalThis.fetch(url)).text();
const v3 = async ({ publicUrl }: RunningService, name: string): Promise<Record<string, object>> =>
  JSON.parse(await read(`${publicUrl}/${name}/log.v3.json`)) as Record<string, object>;

async function damageOf(config: Config, name: string): Promise<string[]> {
  const shard = config.log.shards.find((one) => one.name === name)!;
  const damage: string[] = [];
  await verifyDataFolder({
    paths: dataPaths(config, shard.directory),
    origin: shard.origin,
    otherLogs: new Set(config.log.shards.filter((one) => one !== shard).map((one) => sharded.logId(one.name))),
    onProblem: ({ where, what }) => damage.push(`${where}: ${what}`),
  });
  await reconcileDataFolder({
    logs: config.log.shards.map((one) => ({ ...one, paths: dataPaths(config, one.directory) })),
    auditTrail: dataPaths(config).auditTrail,
    nowMs: Date.now(),
    onGap: ({ where, what }) => damage.push(`reconcile: ${where}: ${what}`),
  });
  return damage;
}

const ACTIVE = { state: "active" };
const STAGED = { state: "staged" };
const FROZEN = { state: "frozen" };

describe("a hand-over from one shard to the next", () => {
  it("refuses nobody under load, leaves every certificate in the log that its SCT names, and freezes the old log", async () => {
    const alone = await sharded.configure({ 2026: ACTIVE });
    const staged = await sharded.configure({ 2026: ACTIVE, 2027: STAGED });
    const handed = await sharded.configure({ 2026: FROZEN, 2027: ACTIVE });
    const service = await sharded.start(alone);
    const leaves: Buffer[] = [];
    const load = { isOn: true };
    const callers = Array.from({ length: 6 }, async () => {
      while (load.isOn) leaves.push(await sharded.issue(service));
    });
    await sharded.init(staged);
    await reload(service, staged, "shard staged");
    expect(await v3(service, "2027")).toHaveProperty("state.pending");
    expect((await read(`${service.publicUrl}/2027/checkpoint`)).split("\n").slice(0, 2)).toEqual([
      originOf("2027"),
      "0",
    ]);
    const before = leaves.length;
    while (leaves.length < before + 12) await pause(5);
    await reload(service, handed, "log frozen");
    const after = leaves.length;
    while (leaves.length < after + 12) await pause(5);
    load.isOn = false;
    await Promise.all(callers);

    const byLog = Map.groupBy(leaves, (leaf) => sharded.logIdOf(leaf));
    expect(new Set(byLog.keys())).toEqual(new Set([sharded.logId("2026"), sharded.logId("2027")]));
    for (const name of ["2026", "2027"]) {
      const own = byLog.get(sharded.logId(name))!;
      const indexes = [];
      for (const leaf of own) indexes.push((await sharded.prove(service, leaf, name)).logIndex);
      expect(indexes.sort((a, b) => a - b)).toEqual(own.map((_, at) => at));
    }
    const state = await v3(service, "2026");
    expect(state).toHaveProperty("state.readonly.final_tree_head.tree_size", byLog.get(sharded.logId("2026"))!.length);
    expect(await v3(service, "2027")).toHaveProperty("state.usable");
    const readyz = (await (await globalThis.fetch(`${service.operationsUrl}/readyz`)).json()) as object;
    expect(readyz).toMatchObject({ ok: true, shard: "2027" });
    const metrics = await read(`${service.operationsUrl}/metrics`);
    expect(metrics).toContain('\nmayfly_log_shard{shard="2026",state="frozen"} 1\n');
    expect(metrics).toContain('\nmayfly_log_shard{shard="2027",state="active"} 1\n');

    expect(await stop(service)).toBe(0);
    expect(await damageOf(handed, "2026")).toEqual([]);
    expect(await damageOf(handed, "2027")).toEqual([]);
    const trail = readFileSync(join(sharded.folder, "data", "audit.jsonl"), "utf8");
    expect(new Set([...trail.matchAll(/"generation":(\d)/gu)].map(([, number]) => number))).toEqual(
      new Set(["1", "2", "3"]),
    );
    const keyless = await sharded.configure({ 2026: { ...FROZEN, isKeyless: true }, 2027: ACTIVE });
    const again = await sharded.start(keyless);
    expect(sharded.logIdOf(await sharded.issue(again))).toBe(sharded.logId("2027"));
    await sharded.prove(again, byLog.get(sharded.logId("2026"))![0]!, "2026");
    expect(await v3(again, "2026")).toEqual(state);
  });
});

/** What a start with this configuration was refused with; it must be refused. */
async function refusalOf(config: Config): Promise<string> {
  try {
    await sharded.start(config);
  } catch (error) {
    return describeCauses(error);
  }
  throw new Error("the start was not refused");
}

describe("a frozen log", () => {
  it("never takes anything again, by configuration, by command, by an older database or an older folder", async () => {
    const alone = await sharded.configure({ 2026: ACTIVE });
    const { database, headMark } = dataPaths(alone, "shards/2026");
    const service = await sharded.start(alone);
    await sharded.issue(service);
    await stop(service);
    const unfrozen = [database, headMark].map((file) => [file, readFileSync(file)] as const);
    const context = { env: SHARD_ENV, onNotice: () => undefined };
    const { final } = await freezeLog(alone, context);
    expect(final.size).toBe(1);
    const frozenMs = final.timestampMs;
    // Again changes nothing.
    expect(await freezeLog(alone, context)).toMatchObject({ final: { size: 1, timestampMs: frozenMs } });

    const isFrozen = "the log of shard 2026 is frozen: it can only be configured as frozen";
    expect(await refusalOf(alone)).toBe(isFrozen);
    const staged = await sharded.configure({ 2026: STAGED, 2027: ACTIVE });
    expect(await refusalOf(staged)).toBe(isFrozen);

    const frozen = await sharded.configure({ 2026: FROZEN, 2027: ACTIVE });
    await sharded.init(frozen);
    for (const [file, bytes] of unfrozen) writeFileSync(file, bytes);
    const wasFrozen = "the log was frozen at 1 entries, its database is not";
    for (const config of [staged, frozen]) expect(await refusalOf(config)).toBe(wasFrozen);
    await expect(freezeLog(alone, context)).rejects.toThrow(wasFrozen);
    const elsewhere = await sharded.configure({ 2026: { ...ACTIVE, more: ', directory: "copy"' } });
    cpSync(join(database, ".."), join(sharded.folder, "data", "copy"), { recursive: true });
    expect(await refusalOf(elsewhere)).toBe(wasFrozen);
    // Nor is a new log made in its place.
    for (const file of [database, headMark]) rmSync(file);
    await expect(initLog(alone, { env: SHARD_ENV })).rejects.toThrow(
      /^there is no log at .*, but .*frozen-[0-9a-f]{64}\.note/u,
    );
    await sharded.start(await sharded.configure({ 2027: ACTIVE }));
    await said("certificates were issued in a log that is not configured");
  });

  it("replaces a head.note of before that one key alone has signed", async () => {
    const alone = await sharded.configure({ 2026: ACTIVE });
    await stop(await sharded.start(alone));
    const { headMark } = dataPaths(alone, "shards/2026");
    const before = readFileSync(headMark, "utf8");
    await freezeLog(alone, { env: SHARD_ENV, onNotice: () => undefined });
    const last = readFileSync(headMark, "utf8");
    const frozen = await sharded.configure({ 2026: FROZEN, 2027: ACTIVE });
    await sharded.init(frozen);
    writeFileSync(headMark, before.replace(/[^\n]*\n$/u, ""));
    await stop(await sharded.start(frozen));
    await said(
      "the Ed25519 signature of a stored checkpoint is wrong, its tree head is right; another will replace it",
    );
    expect(readFileSync(headMark, "utf8")).toBe(last);
    expect(await damageOf(frozen, "2026")).toEqual([]);
  });

  it("is not opened with a last checkpoint that one key alone has signed", async () => {
    const alone = await sharded.configure({ 2026: ACTIVE });
    await stop(await sharded.start(alone));
    await freezeLog(alone, { env: SHARD_ENV, onNotice: () => undefined });
    const frozen = await sharded.configure({ 2026: FROZEN, 2027: ACTIVE });
    await sharded.init(frozen);
    const rows = new DatabaseSync(dataPaths(alone, "shards/2026").database);
    const { note } = rows.prepare("SELECT note FROM published").get() as { note: string };
    const [text = "", lines = ""] = note.split("\n\n");
    const cutOff = `${text}\n\n${lines.split("\n", 1)[0] ?? ""}\n`;
    rows.prepare("UPDATE published SET note = ?").run(cutOff);
    sealRows(rows);
    rows.close();
    expect(await refusalOf(frozen)).toBe(
      "the published checkpoint is not what this log signed: no signature by a known key",
    );
  });

  it("is made by a start that finds a hand-over cut short, where the keys are there", async () => {
    const alone = await sharded.configure({ 2026: ACTIVE });
    const first = await sharded.start(alone);
    const leaf = await sharded.issue(first);
    await stop(first);
    const keyless = await sharded.configure({ 2026: { ...FROZEN, isKeyless: true }, 2027: ACTIVE });
    expect(await refusalOf(keyless)).toContain(
      "the log of shard 2026 is not frozen yet: run mayfly log freeze --shard 2026",
    );
    const second = await sharded.start(await sharded.configure({ 2026: FROZEN, 2027: ACTIVE }));
    expect(await v3(second, "2026")).toHaveProperty("state.readonly.final_tree_head.tree_size", 1);
    await sharded.prove(second, leaf, "2026");
    expect(await stop(second)).toBe(0);
    // Without the keys, and with a CA of another root: chains of the frozen log lead to the old one, and to no other.
    const text = await sharded.text({ 2026: { ...FROZEN, isKeyless: true }, 2027: ACTIVE, 2028: STAGED });
    const third = await sharded.start(
      parseConfig(text.replace(/^ca: .*$/mu, "ca: { signer: { kind: memory } }"), "mayfly.yaml"),
    );
    await sharded.prove(third, leaf, "2026");
    const roots = async (name: string): Promise<readonly string[]> =>
      (JSON.parse(await read(`${third.publicUrl}/${name}/ct/v1/get-roots`)) as { certificates: string[] }).certificates;
    const old = certificatesOf(ANCHORS.chainPem).at(-1)!.raw.toString("base64");
    expect(await roots("2026")).toEqual([old]);
    const now = await roots("2027");
    expect([now.length, now.includes(old)]).toEqual([1, false]);
    expect(await roots("2028")).toEqual(now);
  });
});

describe("shards that are configured", () => {
  it("are refused as staged once they had entries, and with a key that is another's by another file", async () => {
    const first = await sharded.start(await sharded.configure({ 2026: ACTIVE }));
    await sharded.issue(first);
    await stop(first);
    const back = await sharded.configure({ 2026: STAGED, 2027: ACTIVE });
    expect(await refusalOf(back)).toContain(
      "the log of shard 2026 has entries: it was active, and is not staged again",
    );
    await sharded.configure({ 2026: ACTIVE, 2028: STAGED });
    cpSync(join(sharded.folder, "2026-checkpoint.json"), join(sharded.folder, "2028-checkpoint.json"));
    const shared = await sharded.configure({ 2026: ACTIVE, 2028: STAGED });
    expect(await refusalOf(shared)).toContain("shards 2026 and 2028 have a key in common");
  });

  it("issue nothing outside the window of the active one, which says so, and is read all the same", async () => {
    const window = ", window: { start: 2020-01-01T00:00:00Z, end: 2021-01-01T00:00:00Z }";
    const service = await sharded.start(await sharded.configure({ 2020: { ...ACTIVE, more: window } }));
    await expect(sharded.issue(service)).rejects.toThrow(/^503: .*"LOG_WINDOW"/u);
    const readyz = await globalThis.fetch(`${service.operationsUrl}/readyz`);
    expect(readyz.status).toBe(503);
    expect(await readyz.json()).toMatchObject({
      checks: expect.arrayContaining([{ name: "log", ok: false, detail: "LOG_WINDOW" }]),
    });
    expect((await read(`${service.publicUrl}/2020/checkpoint`)).split("\n")[1]).toBe("0");
    expect(await v3(service, "2020")).toHaveProperty("temporal_interval.end_exclusive", "2021-01-01T00:00:00.000Z");
    await stop(service);
    const trail = readFileSync(join(sharded.folder, "data", "audit.jsonl"), "utf8");
    expect(trail).not.toContain('"intent"');
  });

  it("stay as they were where a change of them is refused, with the reason", async () => {
    const window = ", window: { start: 2020-01-01T00:00:00Z, end: 2021-01-01T00:00:00Z }";
    const configured = await sharded.configure({ 2026: ACTIVE, 2020: { ...STAGED, more: window } });
    const service = await sharded.start(configured);
    const refused = "configuration refused; the one before stays in force";
    await reload(service, await sharded.configure({ 2020: { ...ACTIVE, more: window } }), refused);
    expect(sharded.logText()).toContain("shard 2026 (localhost/2026) is gone");
    await reload(service, await sharded.configure({ 2026: FROZEN, 2020: { ...ACTIVE, more: window } }), refused);
    expect(sharded.logText()).toContain("shard 2020 cannot be active now: the log's window ended");
    // Nobody has made this one, and in production nothing makes it by itself.
    const missing = await sharded.configure({ 2026: ACTIVE, 2020: { ...STAGED, more: window }, 2030: STAGED });
    rmSync(join(sharded.folder, "2030.json"));
    await reload(service, missing, refused);
    expect(sharded.logText()).toContain("2030");
    const leaf = await sharded.issue(service);
    expect(sharded.logIdOf(leaf)).toBe(sharded.logId("2026"));
    await sharded.prove(service, leaf, "2026");
    expect((await globalThis.fetch(`${service.publicUrl}/2030/checkpoint`)).status).toBe(404);
  });
});
