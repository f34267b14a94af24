import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createSqliteLog } from "../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { ed25519KeyOfSpki, makeEd25519Verifier, SIGNATURE_TYPE } from "../../src/core/note/verifier-key.ts";
import { FakeWitness } from "../fakes/fake-witness.ts";
import { growLog, makeLogKeys } from "../support/growing-log.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";
import { readStaticDirectory } from "../support/read-static-directory.ts";
import { runCli, type CliOutcome } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-cli-export-"));
const configFile = join(folder, "mayfly.yaml");
const data = join(folder, "data");
const keys = makeLogKeys();
let store: LogStore;
let directory: string;
let directories = 0;

const exportTo = (target: string, ...args: readonly string[]): Promise<CliOutcome> =>
  runCli(["log", "export", "--config", configFile, "--directory", target, ...args]);
const sizeIn = (target: string): number => readStaticDirectory(target, keys.manifest).size;

beforeAll(async () => {
  mkdirSync(data);
  // Keys that are not there: nothing is signed.
  const signer = "{ kind: file, path: key.json, passphrase: { file: passphrase } }";
  const log = `log: { origin: ${keys.manifest.origin}, store: { kind: sqlite }, signer: ${signer}, checkpointSigner: ${signer} }`;
  const config = MEMORY_CONFIG.replace(/dataDirectory: .*/u, `dataDirectory: ${data}`).replace(/log: .*/u, log);
  writeFileSync(configFile, config);
  createSqliteLog(join(data, "log.sqlite"), keys.manifest);
  store = await openSqliteLogStore({
    path: join(data, "log.sqlite"),
    onFatal: () => undefined,
    allowAnyFilesystem: true,
  });
  await growLog(store, keys, 270);
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  directory = join(folder, `public-${++directories}`);
});

describe("log export", () => {
  it("writes a log that is being written to, says how much, and exits with 0", async () => {
    const { size } = await store.head();
    expect(await exportTo(directory)).toEqual({
      code: 0,
      stdout: `${directory}: ${size} entries; 9 files written\n`,
      stderr: "",
    });
    expect(sizeIn(directory)).toBe(size);
    await growLog(store, keys, 3);
    expect((await exportTo(directory)).stdout).toBe(
      `${directory}: ${size + 3} entries, 3 of them new; 3 files written\n`,
    );
    expect(sizeIn(directory)).toBe(size + 3);
    expect(await exportTo(directory)).toMatchObject({
      code: 0,
      stdout: `${directory}: ${size + 3} entries, 0 of them new; 0 files written\n`,
    });
  });

  it("prints the same as one JSON object", async () => {
    const { size, root } = await store.head();
    const { stdout } = await exportTo(directory, "--json", "--gzip");
    expect(stdout).toMatch(/^\{[^\n]*\}\n$/u);
    expect(JSON.parse(stdout)).toMatchObject({
      size,
      root: Buffer.from(root).toString("base64"),
      previousSize: null,
      files: 9,
    });
    expect(readFileSync(join(directory, "tile/data/000"))[0]).toBe(0x1f);
  });

  it("shows what the configured witnesses have made of exactly this tree, and no other line", async () => {
    const { origin, checkpointPublicKey } = keys.manifest;
    const witness = new FakeWitness("witness.test/w1");
    const publicKey = ed25519KeyOfSpki(checkpointPublicKey);
    witness.learn(origin, [makeEd25519Verifier({ name: origin, type: SIGNATURE_TYPE.ed25519, publicKey })]);
    const { note } = (await store.published())!;
    const line = Buffer.from(witness.answer(`old 0\n\n${note}`).body ?? "").toString();
    expect(line).toMatch(/^\u2014 witness\.test\/w1 /u);
    const forged = line.replace("w1 ", "w2 ");
    const cosignedNote = join(data, "cosigned.note");
    const config = readFileSync(configFile, "utf8");
    const witnesses = ["w1", "w2"].map((name) => {
      const key = name === "w1" ? witness.key : new FakeWitness("witness.test/w2").key;
      return `{ key: "${key}", url: "http://127.0.0.1:1/${name}" }`;
    });
    writeFileSync(configFile, config.replace("log: {", `log: { witnesses: [${witnesses.join(", ")}],`));
    writeFileSync(cosignedNote, `${note}${line}${forged}`);
    try {
      expect((await exportTo(directory)).code).toBe(0);
      const cosigned = `${note}${line}`;
      expect(readFileSync(join(directory, "checkpoint"), "utf8")).toBe(cosigned);
      expect((await exportTo(directory)).stdout).toMatch(/ 0 files written\n$/u);
      await growLog(store, keys, 1);
      expect((await exportTo(directory)).code).toBe(0);
      expect(readFileSync(join(directory, "checkpoint"), "utf8")).toBe((await store.published())!.note);
    } finally {
      rmSync(cosignedNote);
      writeFileSync(configFile, config);
    }
  });

  it("goes on until it is told to stop, and then ends with 0", async () => {
    const { size } = await store.head();
    const stop = Promise.withResolvers<() => void>();
    const lines: string[] = [];
    const waiting: { readonly count: number; readonly resolve: (nothing: undefined) => void }[] = [];
    const printed = (count: number): Promise<undefined> => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      waiting.push({ count, resolve });
      return promise;
    };
    const running = runCli(
      ["log", "export", "--config", configFile, "--directory", directory, "--every", "1s", "--json"],
      {
        onStopSignal: stop.resolve,
        stdout: (text) => {
          lines.push(text);
          for (const { count, resolve } of waiting) if (lines.length >= count) resolve(undefined);
        },
      },
    );
    await Promise.race([printed(1), running]);
    expect(sizeIn(directory)).toBe(size);
    await growLog(store, keys, 1);
    await Promise.race([printed(2), running]);
    expect(sizeIn(directory)).toBe(size + 1);
    (await stop.promise)();
    expect((await running).code).toBe(0);
    expect(lines).toHaveLength(2);
  });

  it("is refused while another one writes to the folder, and not afterwards", async () => {
    const stop = Promise.withResolvers<() => void>();
    const begun = Promise.withResolvers<undefined>();
    const first = runCli(["log", "export", "--config", configFile, "--directory", directory, "--every", "1h"], {
      onStopSignal: stop.resolve,
      stdout: () => {
        begun.resolve(undefined);
      },
    });
    await Promise.race([begun.promise, first]);
    const { code, stderr } = await exportTo(directory);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^mayfly: .*\.mayfly is in use by another Mayfly: process 1 on /u),
    });
    (await stop.promise)();
    expect((await first).code).toBe(0);
    expect((await exportTo(directory)).code).toBe(0);
  });

  it("keeps what is not for the public where only its owner can read it", async () => {
    await exportTo(directory);
    expect(statSync(join(directory, ".mayfly")).mode & 0o777).toBe(0o700);
    expect(statSync(directory).mode & 0o777).toBe(0o755);
  });

  it.each([
    ["the data directory itself", data],
    ["a folder in the data directory", join(data, "public")],
    ["a folder around the data directory", folder],
  ])("refuses to publish %s", async (_, target) => {
    const { code, stderr } = await exportTo(target);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("apart from the data directory") });
    expect(existsSync(join(target, "checkpoint"))).toBe(false);
  });

  it.each([
    ["the data directory", () => data, ""],
    ["a folder around the data directory", () => folder, ""],
    ["the data directory, in a folder there that is still to be made", () => data, "public"],
  ])("refuses to publish a link that leads to %s", async (_, leadsTo, below) => {
    const link = join(mkdtempSync(join(tmpdir(), "mayfly-export-link-")), "link");
    symlinkSync(leadsTo(), link);
    const { code, stderr } = await exportTo(join(link, below));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("apart from the data directory") });
    expect(readdirSync(data).filter((name) => !/^(?:log\.sqlite|head\.note)/u.test(name))).toEqual([]);
    rmSync(dirname(link), { recursive: true });
  });

  it("refuses a log of another origin than the configured one, before anything is written", async () => {
    const other = join(folder, "other.yaml");
    writeFileSync(other, readFileSync(configFile, "utf8").replace(/origin: [^,]*/u, "origin: log.test/2027"));
    const { code, stderr } = await runCli(["log", "export", "--config", other, "--directory", directory]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "mayfly: the log was made as log.test/2026, the configured origin is log.test/2027 (LOG_WRONG_KEY)\n",
    });
    expect(existsSync(join(directory, "checkpoint"))).toBe(false);
  });

  it("exports the shard that is named, and asks for a name where there are several", async () => {
    const shards = join(folder, "shards.yaml");
    const text = readFileSync(configFile, "utf8").replace(/log: .*/u, (log) => {
      const signers = /signer: .* \}/u.exec(log)?.[0].slice(0, -2) ?? "";
      const staged = signers.replaceAll("key.json", "other.json").replace("path: other", "path: another");
      return (
        `log: { shards: [{ name: "2026", state: active, origin: ${keys.manifest.origin}, directory: ".", ${signers} },` +
        ` { name: "2027", state: staged, origin: log.test/2027, ${staged} }] }`
      );
    });
    writeFileSync(shards, text);
    const exportShard = (...args: readonly string[]): Promise<CliOutcome> =>
      runCli(["log", "export", "--config", shards, "--directory", directory, ...args]);
    expect(await exportShard()).toEqual({
      code: 1,
      stdout: "",
      stderr: "log.shards: name one of the shards; there are 2026, 2027\n",
    });
    expect((await exportShard("--shard", "2028")).stderr).toBe(
      "log.shards: no shard is named 2028; there are 2026, 2027\n",
    );
    expect(await exportShard("--shard", "2026")).toMatchObject({ code: 0, stderr: "" });
    expect(sizeIn(directory)).toBe((await store.head()).size);
  });

  it.each(["10", "0s", "1d", "25h", "-1s", "1.5s", "s", ""])("takes %j for no interval", async (interval) => {
    const { code, stderr } = await exportTo(directory, "--every", interval);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("Expected a time of 1s to 24h") });
  });

  it("says which folder cannot be made", async () => {
    writeFileSync(directory, "a file");
    const { code, stderr } = await exportTo(join(directory, "public"));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("cannot be made") });
  });
});
