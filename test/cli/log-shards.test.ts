import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";
import { openShardedService, originOf, SHARD_ENV } from "../support/sharded-service.ts";
import type { ShardedService } from "../support/sharded-service.ts";

let sharded: ShardedService;
let separate: ShardedService;
const cli = (...args: readonly string[]): Promise<CliOutcome> => runCli(args, { env: SHARD_ENV });
const configFile = (): string => join(sharded.folder, "mayfly.yaml");

beforeAll(async () => {
  sharded = await openShardedService();
  separate = await openShardedService();
});
afterAll(async () => {
  await sharded.close();
  await separate.close();
});

async function write(shards: Parameters<ShardedService["text"]>[0]): Promise<void> {
  writeFileSync(configFile(), await sharded.text(shards));
}

interface Listed {
  readonly name: string;
  readonly log: string;
  readonly logId: string;
}

async function list(): Promise<readonly Listed[]> {
  const { code, stdout, stderr } = await cli("log", "shards", "--config", configFile(), "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return (JSON.parse(stdout) as { shards: Listed[] }).shards;
}

describe("commands for a log of several shards", () => {
  it("make the logs that are missing, list them, and freeze one for ever", async () => {
    const window = ", window: { start: 2026-01-01T00:00:00Z, end: 2027-02-01T00:00:00Z }";
    await write({ 2026: { state: "active", more: window } });
    expect((await list())[0]).toMatchObject({ name: "2026", log: "missing", windowEnd: "2027-02-01T00:00:00.000Z" });
    expect(await cli("log", "init", "--config", configFile())).toMatchObject({ code: 0, stderr: "" });

    await write({ 2026: { state: "active", more: window }, 2027: { state: "staged" }, 2028: { state: "staged" } });
    expect(await cli("log", "init", "--config", configFile(), "--shard", "2028")).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect((await list()).map(({ log }) => log)).toEqual(["open", "missing", "open"]);
    const { stdout } = await cli("log", "init", "--config", configFile());
    expect(stdout.match(/^ {2}origin .*$/gmu)).toEqual([`  origin  ${originOf("2027")}`]);
    expect((await list())[1]).toMatchObject({
      name: "2027",
      configured: "staged",
      log: "open",
      entries: 0,
      logId: Buffer.from(sharded.logId("2027"), "hex").toString("base64"),
      checkpointKey: expect.stringMatching(/^localhost\/2027\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$/u),
    });

    const again = await cli("log", "init", "--config", configFile());
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("already, and it was left as it is");

    const unsure = await cli("log", "freeze", "--config", configFile(), "--shard", "2026");
    expect(unsure.code).toBe(2);
    expect(unsure.stderr).toContain("'--yes' not specified");
    expect((await list())[0]).toMatchObject({ log: "open" });
    for (const args of [[], ["--shard", "2025"]]) {
      const unclear = await cli("log", "freeze", "--config", configFile(), "--yes", ...args);
      expect(unclear).toMatchObject({ code: 1, stdout: "" });
      expect(unclear.stderr).toContain("there are 2026, 2027, 2028");
    }
    const frozen = await cli("log", "freeze", "--config", configFile(), "--shard", "2026", "--yes");
    expect({ code: frozen.code, stderr: frozen.stderr }).toEqual({ code: 0, stderr: "" });
    expect(frozen.stdout).toMatch(/^log of shard 2026 is frozen\n {2}origin {3}localhost\/2026\n/u);
    expect((await list())[0]).toMatchObject({
      name: "2026",
      configured: "active",
      log: "frozen",
      entries: 0,
      published: 0,
    });
    const text = await cli("log", "shards", "--config", configFile());
    expect(text.stdout).toMatch(/^2026\n(?: {2}.*\n)* {2}log {12}frozen\n/u);
  });

  it("verify every shard, one, and what was issued in each of them", async () => {
    const shards = { 2040: { state: "active" }, 2041: { state: "staged" } };
    const handed = { 2040: { state: "frozen" }, 2041: { state: "active" } };
    for (const each of [shards, handed]) {
      const service = await separate.start(await separate.configure(each));
      await separate.issue(service);
      service.shutdown.stop();
      await service.shutdown.stopped;
    }
    writeFileSync(configFile(), await separate.text(handed));
    const all = await cli("log", "verify", "--config", configFile());
    expect({ code: all.code, stderr: all.stderr }).toEqual({ code: 0, stderr: "" });
    expect(all.stdout.match(/^ {2}origin .*$|^good$/gmu)).toEqual(
      ["2040", "2041"].flatMap((name) => [`  origin       ${originOf(name)}`, "good"]),
    );
    const json = await cli("log", "verify", "--config", configFile(), "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, shards: [{ answered: 1 }, { answered: 1 }] });
    const one = await cli("log", "verify", "--config", configFile(), "--json", "--shard", "2040");
    expect(JSON.parse(one.stdout)).toMatchObject({ ok: true, origin: originOf("2040"), answered: 1 });
  });

  it("leave a service alone that has the data directory", async () => {
    const config = await sharded.configure({ 2030: { state: "active" } });
    const service = await sharded.start(config);
    await write({ 2030: { state: "active" } });
    const refused = await cli("log", "freeze", "--config", configFile(), "--yes");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("is in use by another Mayfly");
    // A new shard has a folder of its own.
    await write({ 2030: { state: "active" }, 2031: { state: "staged" } });
    expect(await cli("log", "init", "--config", configFile())).toMatchObject({ code: 0, stderr: "" });
    service.shutdown.stop();
    expect(await service.shutdown.stopped).toBe(0);
  });
});
