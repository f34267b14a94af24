import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { dataPaths } from "../../src/compose/data-paths.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import { verifyDataFolder } from "../../src/compose/verify-data-folder.ts";
import type { Config } from "../../src/config/schema.ts";
import { originOf, openShardedService } from "../support/sharded-service.ts";
import type { ShardedService } from "../support/sharded-service.ts";

let sharded: ShardedService;
beforeEach(async () => {
  sharded = await openShardedService();
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
    while (leaves.length < before + 30) await pause(5);
    await reload(service, handed, "log frozen");
    const after = leaves.length;
    while (leaves.length < after + 30) await pause(5);
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
