import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { encryptKeyFile } from "../../src/adapters/signers/file.ts";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import { initLog } from "../../src/compose/init-log.ts";
import { LogShards } from "../../src/compose/log-shards.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

/** Lowest cost of scrypt: these keys protect nothing. */
const COST = { n: 2 ** 14, r: 8, p: 1 };
const ENV = { SHARD_PASSPHRASE: "of a shard in a test" };

let folder: string;
let resources: AsyncDisposableStack;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-log-shards-"));
  resources = new AsyncDisposableStack();
});

afterEach(async () => {
  await resources.disposeAsync();
  rmSync(folder, { recursive: true });
});

async function writeKeys(name: string): Promise<void> {
  const keys = { [name]: generatePrivateKey("ecdsa-p256-sha256"), [`${name}-cp`]: generatePrivateKey("ed25519") };
  for (const [file, key] of Object.entries(keys)) {
    writeFileSync(join(folder, `${file}.json`), await encryptKeyFile(key, ENV.SHARD_PASSPHRASE, COST), { mode: 0o600 });
  }
}

/** A configuration with these shards, the first of them active. */
function configWith(...names: readonly string[]): Config {
  const key = (file: string): string =>
    `{ kind: file, path: ${join(folder, `${file}.json`)}, passphrase: { env: SHARD_PASSPHRASE } }`;
  const shards = names.map(
    (name, at) =>
      `{ name: "${name}", state: ${at === 0 ? "active" : "staged"}, origin: localhost/${name}, ` +
      `signer: ${key(name)}, checkpointSigner: ${key(`${name}-cp`)} }`,
  );
  const text = MEMORY_CONFIG.replace("dataDirectory: data", `dataDirectory: ${join(folder, "data")}`).replace(
    /^log: .*$/mu,
    `log: { store: { kind: sqlite, allowAnyFilesystem: true }, shards: [${shards.join(", ")}] }`,
  );
  return parseConfig(text, "mayfly.yaml");
}

const openShards = (config: Config): Promise<LogShards> =>
  LogShards.open(config.log.shards, {
    config: { ...config, environment: "production" },
    env: ENV,
    clock: systemClock,
    telemetry: makeRecordingTelemetry(),
    requestsInFlight: () => 0,
    auditEnd: { highestLogIndexes: {} },
    onFatal: (error) => {
      throw error;
    },
    resources,
  });

/** Whether some process, this one that is, has a shard's database open. */
const isOpen = (name: string): boolean => {
  const shard = join(folder, "data", "shards", name);
  return existsSync(shard) && readdirSync(shard).includes("log.sqlite-wal");
};

describe("the shards of a service", () => {
  it("are all as before when one of several new ones cannot be opened, and may be tried again", async () => {
    for (const name of ["one", "two", "three"]) await writeKeys(name);
    const config = configWith("one", "two", "three");
    await initLog(configWith("one", "two"), { env: ENV });
    const shards = await openShards(configWith("one"));
    const { added, refusals } = shards.plan(config.log.shards);
    expect([added.map(({ name }) => name), refusals]).toEqual([["two", "three"], []]);

    await expect(shards.change(config.log.shards, added)).rejects.toMatchObject({ reason: "LOG_MISSING" });
    expect(shards.all.map(({ config: { name } }) => name)).toEqual(["one"]);
    expect(["one", "two"].map(isOpen)).toEqual([true, false]);

    await initLog(config, { env: ENV }, "three");
    await shards.change(config.log.shards, added);
    expect(shards.all.map(({ config: { name } }) => name)).toEqual(["one", "two", "three"]);
    expect(["one", "two", "three"].map(isOpen)).toEqual([true, true, true]);
  });
});
