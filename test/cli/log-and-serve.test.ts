import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockDataDirectory } from "../../src/adapters/data-directory/lock-data-directory.ts";
import { IS_SHM_IN_MEMORY } from "../support/faults/mounts.ts";
import { itWhen } from "../support/it-when.ts";
import { operatorConfig, PASSPHRASE, publicKeyIn, writeOperatorKeys } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";
import { makeTestTlsPair } from "../support/tls-pair.ts";

const KEYS_DEV = join(import.meta.dirname, "..", "..", "keys-dev");
const folder = mkdtempSync(join(tmpdir(), "mayfly-cli-serve-"));
const data = join(folder, "data");

beforeAll(async () => {
  await writeOperatorKeys(folder);
});

afterEach(() => {
  rmSync(data, { recursive: true, force: true });
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const configFile = join(folder, "mayfly.yaml");

/** The operator's configuration, after a change that must change something. */
function configure(change: (text: string) => string = (text) => `${text}\n`): string {
  const text = operatorConfig(folder);
  expect(change(text)).not.toBe(text);
  writeFileSync(configFile, change(text));
  return configFile;
}

const logInit = (env: Record<string, string> = {}): Promise<CliOutcome> =>
  runCli(["log", "init", "--config", configFile], { env });

/** Starts the service; once it runs, it is told to stop. */
async function serve(): Promise<CliOutcome & { readonly exits: readonly number[] }> {
  const exits: number[] = [];
  let stop = (): void => undefined;
  const outcome = await runCli(["serve", "--config", configFile], {
    exit: (code) => exits.push(code),
    onStopSignal: (handler) => (stop = handler),
    // Registered when the service runs.
    onCrash: () => {
      stop();
    },
  });
  return { ...outcome, exits };
}

/** One readable line, whatever the chain of causes: no stack, no second line. */
function expectRefusal({ code, stdout, stderr }: CliOutcome, says: string | RegExp): void {
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^[^\n]+\n$/u);
  expect(stderr).toMatch(says);
  expect(stderr).not.toContain(PASSPHRASE);
}

describe("log init", () => {
  it("makes a log of the configured keys and says which it is", async () => {
    configure();
    const logId = hash("sha256", publicKeyIn(join(folder, "log.json")), "base64");
    expect(await logInit()).toEqual({
      code: 0,
      stdout: `log made in ${join(data, "log.sqlite")}\n  origin  ca.example.com/log\n  log id  ${logId}\n`,
      stderr: "",
    });
  });

  it("refuses to make a second one and leaves the first as it was", async () => {
    configure();
    await logInit();
    const before = readFileSync(join(data, "log.sqlite"));
    expectRefusal(
      await logInit(),
      `mayfly: there is a log at ${join(data, "log.sqlite")} already, and it was left as it is`,
    );
    expect(readFileSync(join(data, "log.sqlite")).equals(before)).toBe(true);
  });

  it.each(["head.note", "audit.jsonl"])("refuses where %s is left of a log that was lost", async (trace) => {
    configure();
    await logInit();
    rmSync(join(data, "log.sqlite"));
    writeFileSync(join(data, trace), "");
    expectRefusal(
      await logInit(),
      `there is no log at ${join(data, "log.sqlite")}, but ${join(data, trace)} knows of one`,
    );
    expect(existsSync(join(data, "log.sqlite"))).toBe(false);
  });

  it("refuses a data directory that is in use, and touches nothing of what is made there", async () => {
    configure();
    mkdirSync(data);
    const { release } = lockDataDirectory(data, { pid: 4711, nowMs: 0 });
    const unfinished = join(data, "log.sqlite.new");
    writeFileSync(unfinished, "by another process");
    expectRefusal(await logInit(), `mayfly: ${data} is in use by another Mayfly: process 4711 on `);
    expect(readFileSync(unfinished, "utf8")).toBe("by another process");
    release();
    expect((await logInit()).code).toBe(0);
    expect(existsSync(unfinished)).toBe(false);
  });

  it("takes the passphrase from the environment variable that the configuration names", async () => {
    configure((text) => text.replaceAll(/\{ file: [^}]*passphrase \}/gu, "{ env: MAYFLY_PASSPHRASE }"));
    expectRefusal(await logInit(), "log.json: environment variable MAYFLY_PASSPHRASE is not set");
    expect((await logInit({ MAYFLY_PASSPHRASE: PASSPHRASE })).code).toBe(0);
  });

  it("refuses a wrong passphrase, naming the setting and not the passphrase", async () => {
    configure((text) => text.replaceAll(/\{ file: [^}]*passphrase \}/gu, "{ env: MAYFLY_PASSPHRASE }"));
    const outcome = await logInit({ MAYFLY_PASSPHRASE: "a wrong guess" });
    expectRefusal(outcome, /^mayfly: log\.signer .*log\.json: .*the passphrase is wrong, or the file was changed/u);
    expect(outcome.stderr).not.toContain("a wrong guess");
    expect(existsSync(data)).toBe(false);
  });

  it("refuses a key of the wrong kind", async () => {
    configure((text) => text.replace("log.json", "checkpoint.json"));
    expectRefusal(await logInit(), "checkpoint.json: the key is ed25519; expected ecdsa-p256-sha256");
  });

  it("refuses the development keys, whose private halves everybody has", async () => {
    configure((text) =>
      text.replaceAll(/path: \S*\/(log|checkpoint)\.json, passphrase: \{ file: [^}]* \}/gu, (_, name: string) =>
        developmentSigner(name),
      ),
    );
    expectRefusal(await logInit(), "this key is one of Mayfly's development keys, whose private half everybody has");
    expect(existsSync(data)).toBe(false);
  });

  const [itInMemory, skipped] = itWhen(IS_SHM_IN_MEMORY, "no tmpfs at /dev/shm");
  itInMemory(`refuses a file system that forgets${skipped}`, async () => {
    const shared = mkdtempSync("/dev/shm/mayfly-cli-");
    configure((text) => text.replace(data, shared).replace("allowAnyFilesystem: true", "allowAnyFilesystem: false"));
    expectRefusal(await logInit(), `mayfly: ${shared} is on tmpfs, where a log could be lost`);
    expect(readdirSync(shared)).toEqual(["serve.lock"]);
    rmSync(shared, { recursive: true });
  });

  it("has nothing to make for a log in memory", async () => {
    configure((text) => `environment: development\n${text.replace(/store: .*/u, "store: { kind: memory }")}`);
    expectRefusal(await logInit(), "log.store.kind is memory: there is nothing to make");
  });
});

/** A signer of `keys-dev/`, copied to files that only their owner may read: nothing but the key is to object to. */
function developmentSigner(name: string): string {
  const copy = join(folder, `dev-${name}.json`);
  writeFileSync(copy, readFileSync(join(KEYS_DEV, `${name}.json`)), { mode: 0o600 });
  const passphrase = join(folder, "dev-passphrase");
  writeFileSync(passphrase, readFileSync(join(KEYS_DEV, "passphrase")), { mode: 0o600 });
  return `path: ${copy}, passphrase: { file: ${passphrase} }`;
}

describe("serve", () => {
  it("runs until it is told to stop, then exits with 0", async () => {
    configure();
    await logInit();
    expect(await serve()).toEqual({ code: 0, stdout: "", stderr: "", exits: [0] });
  });

  it("ends at once with 0 when it is told to stop before it is ready", async () => {
    configure();
    await logInit();
    const exits: number[] = [];
    let stopIt = (): void => undefined;
    const { stderr } = await runCli(["serve", "--config", configFile], {
      exit: (code) => exits.push(code),
      onStopSignal: (handler) => {
        handler();
        stopIt = handler;
      },
      onCrash: () => {
        stopIt();
      },
    });
    expect(exits[0]).toBe(0);
    expect(stderr).toBe("mayfly: stopped before it was ready\n");
  });

  it("never makes a log in production, and says how to make one", async () => {
    configure();
    const outcome = await serve();
    expectRefusal(outcome, `mayfly: there is no log at ${join(data, "log.sqlite")}; make one with mayfly log init`);
    expect(outcome.exits).toEqual([]);
    expect(existsSync(join(data, "log.sqlite"))).toBe(false);
  });

  it.each(["issuing", "log", "checkpoint"])("refuses the development key %s in production", async (name) => {
    configure();
    await logInit();
    configure((text) => {
      const signer = new RegExp(`path: \\S*/${name}\\.json, passphrase: \\{ file: [^}]* \\}`, "u");
      return text.replace(signer, () => developmentSigner(name));
    });
    expectRefusal(await serve(), "one of Mayfly's development keys");
  });

  it("refuses key files that other accounts can read", async () => {
    configure((text) => text.replace(join(folder, "log.json"), join(folder, "open.json")));
    writeFileSync(join(folder, "open.json"), readFileSync(join(folder, "log.json")), { mode: 0o644 });
    expectRefusal(
      await serve(),
      /^mayfly: log\.signer .*open\.json: .*is open to other accounts \(mode 0644\); set it to 0600/u,
    );
  });

  it.each([0o644, 0o620])("refuses a passphrase file that is open to other accounts (mode %o)", async (mode) => {
    const open = join(folder, `open-${String(mode)}`);
    writeFileSync(open, PASSPHRASE);
    chmodSync(open, mode);
    configure((text) => text.replace(join(folder, "passphrase"), open));
    expectRefusal(
      await serve(),
      new RegExp(
        `^mayfly: ca\\.signer .*: passphrase file .* is open to other accounts \\(mode 0${mode.toString(8)}\\)`,
        "u",
      ),
    );
  });

  it("refuses a passphrase file that is a named pipe, without waiting for it", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", ["-m", "600", pipe]);
    configure((text) => text.replace(join(folder, "passphrase"), pipe));
    expectRefusal(await serve(), /^mayfly: ca\.signer .*: passphrase file .*pipe is not a regular file/u);
  });

  it("refuses keys that are not those the log was made with", async () => {
    configure();
    await logInit();
    const other = mkdtempSync(join(tmpdir(), "mayfly-cli-other-"));
    await writeOperatorKeys(other);
    configure((text) => text.replace(join(folder, "log.json"), join(other, "log.json")));
    expectRefusal(await serve(), "mayfly: the log was made with other keys than the configured ones");
    rmSync(other, { recursive: true });
  });

  it("refuses an origin that is not the log's", async () => {
    configure();
    await logInit();
    configure((text) => text.replace("ca.example.com/log", "ca.example.com/other"));
    expectRefusal(await serve(), "mayfly: the log was made as ca.example.com/log, log.origin is ca.example.com/other");
  });

  it("refuses a chain that is not its key's", async () => {
    configure((text) => text.replace(join(folder, "chain.pem"), join(KEYS_DEV, "chain.pem")));
    expectRefusal(await serve(), /^mayfly: ca\.chain .*chain\.pem: ecdsa public keys are not equal/u);
  });

  it("refuses a chain file in which something else is", async () => {
    configure((text) => text.replace(join(folder, "chain.pem"), join(folder, "no-chain.pem")));
    writeFileSync(join(folder, "no-chain.pem"), "not PEM\n");
    expectRefusal(await serve(), /^mayfly: ca\.chain .*no-chain\.pem: the chain file is not PEM/u);
  });

  it.each(["http", "operations"])("refuses an address of %s that another process has", async (setting) => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    configure();
    await logInit();
    configure((text) => text.replace(`${setting}: { listen: "127.0.0.1:0" }`, `${setting}: { listen: "${address}" }`));
    expectRefusal(await serve(), `${setting}.listen: listen EADDRINUSE: address already in use ${address}`);
    server.close();
    await once(server, "close");
    // What the refused start had opened is closed: the same log opens again.
    configure();
    expect((await serve()).code).toBe(0);
  });

  it("refuses a TLS certificate that is not its key's", async () => {
    configure();
    await logInit();
    const [one, other] = [makeTestTlsPair(folder, "one"), makeTestTlsPair(folder, "other")];
    const tls = `tls: { certificate: ${one.certificateFile}, key: ${other.keyFile} }`;
    configure((text) => text.replace('http: { listen: "127.0.0.1:0"', `http: { listen: "127.0.0.1:0", ${tls}`));
    expectRefusal(
      await serve(),
      `http.tls (${one.certificateFile}, ${other.keyFile}): the key is not that of the certificate`,
    );
  });

  it("says what is wrong with the configuration before it opens anything", async () => {
    configure((text) => text.replace("127.0.0.1:0", "0.0.0.0:80"));
    expectRefusal(await serve(), `${configFile}:2: http.listen: plain HTTP off loopback`);
    expect(existsSync(data)).toBe(false);
  });
});
