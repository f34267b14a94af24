import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";
import { publicKeyIn } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";
import { openShardedService, SHARD_ENV } from "../support/sharded-service.ts";
import type { ShardedService, WrittenShard } from "../support/sharded-service.ts";
import { ANCHORS } from "../support/service.ts";

const TRUST = 'trust: { publicUrl: "https://ca.example.com" }\n';
const WINDOW = ", window: { start: 2026-01-01T00:00:00Z, end: 2098-01-01T00:00:00Z }";
const NEXT_WINDOW = ", window: { start: 2026-02-01T00:00:00Z, end: 2099-01-01T00:00:00Z }";

let sharded: ShardedService;

beforeAll(async () => {
  sharded = await openShardedService();
});
afterAll(async () => {
  await sharded.close();
});

const configFile = (): string => join(sharded.folder, "mayfly.yaml");

/** Writes the configuration for commands too. */
async function configure(shards: Readonly<Record<string, WrittenShard>>): Promise<Config> {
  const text = (await sharded.text(shards)) + TRUST;
  writeFileSync(configFile(), text);
  return parseConfig(text, configFile());
}

interface TrustedLog {
  readonly keyId: string | undefined;
  readonly start: string | undefined;
  readonly end: string | undefined;
}

function logsIn(text: string): readonly TrustedLog[] {
  return TrustedRoot.fromJSON(JSON.parse(text)).ctlogs.map(({ logId, publicKey }) => ({
    keyId: logId?.keyId.toString("hex"),
    start: publicKey?.validFor?.start?.toISOString(),
    end: publicKey?.validFor?.end?.toISOString(),
  }));
}

describe("the trust files of a log that is continued in another one", () => {
  it("have a staged shard from its start, keep a frozen one closed, and are those of the command all the time", async () => {
    const windowed = { state: "active", more: WINDOW };
    const alone = await configure({ 2026: windowed });
    await sharded.init(alone);
    const service = await sharded.start(alone);
    const get = async (name: string): Promise<string> =>
      (await globalThis.fetch(`${service.publicUrl}/trust/${name}`)).text();
    const command = async (...words: readonly string[]): Promise<string> =>
      (await runCli(["trust", ...words, "--config", configFile()], { env: SHARD_ENV })).stdout;
    const first = { keyId: sharded.logId("2026"), start: "2026-01-01T00:00:00.000Z", end: "2098-01-01T00:00:00.000Z" };
    expect(logsIn(await get("trusted_root.json"))).toEqual([first]);

    const staged = await configure({ 2026: windowed, 2027: { state: "staged", more: NEXT_WINDOW } });
    const next = { keyId: sharded.logId("2027"), start: "2026-02-01T00:00:00.000Z", end: "2099-01-01T00:00:00.000Z" };
    await sharded.init(staged);
    service.readConfigAgain(() => staged);
    while (!(await get("trusted_root.json")).includes("2027")) await pause(5);
    expect(logsIn(await get("trusted_root.json"))).toEqual([first, next]);
    expect(await command("trusted-root")).toBe(await get("trusted_root.json"));
    const before = await get("ct_log.pem");

    const leaf = await sharded.issue(service);
    const handed = await configure({
      2026: { state: "frozen", more: WINDOW },
      2027: { state: "active", more: NEXT_WINDOW },
    });
    service.readConfigAgain(() => handed);
    while (!sharded.logText().includes('"log frozen"')) await pause(5);
    const [closed, active] = logsIn(await get("trusted_root.json"));
    expect(active).toEqual(next);
    expect(closed).toMatchObject({ keyId: first.keyId, start: first.start });
    // Closed with its last checkpoint, and not before what it certified.
    const end = Date.parse(closed?.end ?? "");
    expect(end).toBeLessThan(Date.now() + 1_000);
    expect(end).toBeGreaterThanOrEqual(new X509Certificate(leaf).validFromDate.getTime());
    expect(await get("ct_log.pem")).not.toBe(before);
    expect((await get("ct_logs.pem")).startsWith(before)).toBe(true);
    for (const [words, name] of [
      [["trusted-root"], "trusted_root.json"],
      [["client-trust-config"], "client_trust_config.json"],
      [["log-keys", "--active"], "ct_log.pem"],
      [["fingerprints"], "fingerprints.txt"],
    ] as const) {
      expect({ name, text: await command(...words) }).toEqual({ name, text: await get(name) });
    }
  });

  it("stay as they were, and say so, when a shard comes whose key is trusted already", async () => {
    const again = await openShardedService();
    try {
      const active = { 2033: { state: "active" } };
      const both = { ...active, 2034: { state: "staged" } };
      await again.text(both);
      const pem = `-----BEGIN PUBLIC KEY-----\n${publicKeyIn(join(again.folder, "2034.json")).toString("base64")}\n-----END PUBLIC KEY-----\n`;
      writeFileSync(join(again.folder, "2034.pub"), pem);
      const trust = `${TRUST.replace(" }\n", "")}, otherLogs: [{ baseUrl: "https://to.come", publicKey: 2034.pub }] }\n`;
      const configOf = async (shards: Readonly<Record<string, WrittenShard>>): Promise<Config> =>
        parseConfig((await again.text(shards)) + trust, join(again.folder, "mayfly.yaml"));
      const alone = await configOf(active);
      await again.init(alone);
      const service = await again.start(alone);
      const get = async (): Promise<readonly [number, string]> => {
        const answer = await globalThis.fetch(`${service.publicUrl}/trust/trusted_root.json`);
        return [answer.status, await answer.text()];
      };
      const before = await get();
      expect(logsIn(before[1]).map(({ keyId }) => keyId)).toEqual([again.logId("2033"), again.logId("2034")]);
      const staged = await configOf(both);
      await again.init(staged);
      service.readConfigAgain(() => staged);
      while (!again.logText().includes('"shard staged"')) await pause(5);
      expect([await get(), await get()]).toEqual([before, before]);
      while (!again.logText().includes("trust files")) await pause(5);
      const said = again
        .logText()
        .split("\n")
        .filter((line) => line.includes("trust files could not be made anew"));
      expect(said).toEqual([expect.stringContaining("the same log stands there twice")]);
    } finally {
      await again.close();
    }
  });

  it("leave out a shard that was frozen before its window, and are there without it", async () => {
    const abandoned = await openShardedService();
    try {
      const active = { 2035: { state: "active" } };
      const more = ", window: { start: 2097-01-01T00:00:00Z, end: 2098-01-01T00:00:00Z }";
      const file = join(abandoned.folder, "mayfly.yaml");
      const write = async (state: string): Promise<Config> => {
        const text = (await abandoned.text({ ...active, 2036: { state, more } })) + TRUST;
        writeFileSync(file, text);
        return parseConfig(text, file);
      };
      const staged = await write("staged");
      await abandoned.init(staged);
      expect((await runCli(["log", "freeze", "--shard", "2036", "--yes", "-c", file], { env: SHARD_ENV })).code).toBe(
        0,
      );
      const service = await abandoned.start(await write("frozen"));
      const answer = await globalThis.fetch(`${service.publicUrl}/trust/trusted_root.json`);
      const text = await answer.text();
      expect(logsIn(text).map(({ keyId }) => keyId)).toEqual([abandoned.logId("2035")]);
      const { stdout } = await runCli(["trust", "trusted-root", "-c", file], { env: SHARD_ENV });
      expect(stdout).toBe(text);
    } finally {
      await abandoned.close();
    }
  });

  it("begin a shard without a window with the CA", async () => {
    await configure({ 2030: { state: "active" } });
    const { stdout } = await runCli(["trust", "trusted-root", "--config", configFile()], { env: SHARD_ENV });
    const issuing = new X509Certificate(ANCHORS.chainPem);
    expect(logsIn(stdout)).toEqual([
      { keyId: sharded.logId("2030"), start: issuing.validFromDate.toISOString(), end: undefined },
    ]);
  });

  it.each([true, false])(
    "refuse a frozen shard without its log, as nobody knows its end; keyless: %s",
    async (isKeyless) => {
      await configure({ 2031: { state: "active" }, 2032: { state: "frozen", isKeyless } });
      const { code, stderr } = await runCli(["trust", "trusted-root", "--config", configFile()], { env: SHARD_ENV });
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^mayfly: shard 2032 is frozen, and there is no log in .* to say since when \(LOG_MISSING\)\n$/u,
      );
    },
  );
});
