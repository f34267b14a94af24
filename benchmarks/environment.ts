import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { fetch } from "undici";
import { pinned } from "./cores.ts";
import type { LoadOrder } from "./load.ts";

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 20_000;
const TMPFS_MAGIC = 0x0102_1994;
const PROGRAM = resolve("dist/bin.js");

/** How the server runs. */
export interface EnvironmentOptions {
  /** Where the server leaves CPU profiles of its threads; it is not profiled when left out. */
  readonly profileFolder?: string | undefined;
  /** The one core that all of its threads share; any when left out. */
  readonly core?: number;
}

/** A server and an issuer, each in a process of its own, with keys, log and data folder made for this run. */
export interface Environment {
  readonly host: string;
  readonly port: number;
  readonly issuer: LoadOrder["issuer"];
  readonly serverPid: number;
  /** From the start of the server's process to the first 200 of `/readyz`, milliseconds. */
  readonly startMs: number;
  /** Entries under the log's published checkpoint. */
  readonly treeSize: () => Promise<number>;
  /** The server's metrics, Prometheus text. */
  readonly metrics: () => Promise<string>;
  /** Stops both processes and removes the folder; rejects when the server did not end cleanly. */
  readonly close: () => Promise<void>;
}

/**
 * Starts what is measured, as an operator would: keys from encrypted files, `mayfly log init`, `mayfly serve` from
 * `dist/`, the log on SQLite with `synchronous=FULL` on a disk.
 */
export async function openEnvironment(options: EnvironmentOptions = {}): Promise<Environment> {
  mkdirSync(".mayfly", { recursive: true });
  if (statfsSync(".mayfly").type === TMPFS_MAGIC) throw new Error(".mayfly is in memory; a benchmark needs a disk");
  const folder = mkdtempSync(resolve(".mayfly", "bench-"));
  const running: ChildProcess[] = [];
  process.once("exit", () => {
    for (const child of running) child.kill();
  });
  try {
    const issuer = await startIssuer(folder, running);
    const [port, operationsPort] = await freePorts();
    const config = writeConfig(folder, { issuerUrl: issuer.url, port, operationsPort });
    makeKeysAndLog(folder, config);
    const spawned = performance.now();
    const server = startServer(folder, config, options);
    running.push(server);
    await untilReady(server, folder, operationsPort);
    const startMs = performance.now() - spawned;
    const get = async (atPort: number, path: string): Promise<string> =>
      (await fetch(`http://127.0.0.1:${String(atPort)}${path}`)).text();
    return {
      host: "127.0.0.1",
      port,
      issuer,
      serverPid: pidOf(server),
      startMs,
      treeSize: async () => Number((await get(port, "/benchmark/checkpoint")).split("\n")[1]),
      metrics: () => get(operationsPort, "/metrics"),
      close: async () => {
        const codes = await Promise.all(running.map(stop));
        if (codes.some((code) => code !== 0)) {
          throw new Error(`a process ended with ${codes.join(", ")}; its log: ${join(folder, "server.log")}`);
        }
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await Promise.all(running.map(stop));
    throw error;
  }
}

async function startIssuer(folder: string, running: ChildProcess[]): Promise<LoadOrder["issuer"]> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const keyFile = join(folder, "issuer.pem");
  writeFileSync(keyFile, keyPem, { mode: 0o600 });
  const child = spawn(process.execPath, ["dev/oidc-issuer.ts", "--port", "0", "--key", keyFile], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  const [line] = (await once(child.stdout, "data", { signal: AbortSignal.timeout(START_LIMIT_MS) })) as [Buffer];
  const url = /tokens: (http:[^\s)]+)/u.exec(line.toString())?.[1];
  if (url === undefined) throw new Error(`the issuer said: ${line.toString()}`);
  const { keys } = (await (await fetch(new URL("/jwks", url))).json()) as { keys: { kid: string; alg: string }[] };
  const kid = keys.find(({ alg }) => alg === "RS256")?.kid ?? "";
  return { url, kid, keyPem };
}

/** Two ports that are free now. */
async function freePorts(): Promise<[number, number]> {
  const listeners = [createServer(), createServer()];
  for (const listener of listeners) await once(listener.listen(0, "127.0.0.1"), "listening");
  const [first = 0, second = 0] = listeners.map((listener) => (listener.address() as AddressInfo).port);
  for (const listener of listeners) listener.close();
  return [first, second];
}

interface Addresses {
  readonly issuerUrl: string;
  readonly port: number;
  readonly operationsPort: number;
}

/** JSON is YAML. Only the issuer's plain HTTP needs `environment: development`; all else is as in production. */
function writeConfig(folder: string, { issuerUrl, port, operationsPort }: Addresses): string {
  const signer = (name: string) => ({ kind: "file", path: `keys/${name}.json`, passphrase: { file: "passphrase" } });
  const config = {
    environment: "development",
    dataDirectory: "data",
    // All callers have one address.
    limits: { rates: { enabled: false }, connectionsPerAddress: 2000 },
    shutdown: { lameDuckSeconds: 0 },
    http: { listen: `127.0.0.1:${String(port)}` },
    operations: { listen: `127.0.0.1:${String(operationsPort)}` },
    ca: { chain: "keys/chain.pem", signer: signer("issuing") },
    log: { origin: "localhost/benchmark", signer: signer("log"), checkpointSigner: signer("checkpoint") },
    issuers: [
      { url: issuerUrl, identity: { kind: "github-actions" }, allowInsecureHttp: true, allowPrivateNetwork: true },
    ],
  };
  const path = join(folder, "mayfly.yaml");
  writeFileSync(path, JSON.stringify(config, null, 2));
  return path;
}

function makeKeysAndLog(folder: string, config: string): void {
  const mayfly = (...args: string[]): void => {
    execFileSync(process.execPath, [PROGRAM, ...args], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  };
  writeFileSync(join(folder, "passphrase"), randomBytes(24).toString("base64"), { mode: 0o600 });
  const passphrase = ["--passphrase-file", "passphrase"];
  mkdirSync(join(folder, "keys"), { mode: 0o700 });
  mayfly("ca", "create", "--directory", "keys", "--organization", "Benchmark", ...passphrase);
  mayfly("key", "create", "--algorithm", "ecdsa-p256", "--out", "keys/log.json", ...passphrase);
  mayfly("key", "create", "--algorithm", "ed25519", "--out", "keys/checkpoint.json", ...passphrase);
  mayfly("log", "init", "--config", config);
}

function startServer(folder: string, config: string, { profileFolder, core }: EnvironmentOptions): ChildProcess {
  const log = openSync(join(folder, "server.log"), "w");
  const profiling =
    profileFolder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profileFolder)}` };
  // As a command, so that it runs with the settings of V8 in its first line.
  const [command, ...prefix] = pinned(core, PROGRAM);
  return spawn(command, [...prefix, "serve", "--config", config], {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...profiling },
  });
}

async function untilReady(server: ChildProcess, folder: string, operationsPort: number): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (!(await isReady(operationsPort))) {
    if (server.exitCode !== null || performance.now() > deadline) {
      throw new Error(`the server did not become ready:\n${readFileSync(join(folder, "server.log"), "utf8")}`);
    }
    await new Promise((next) => setTimeout(next, 10));
  }
}

async function isReady(operationsPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${String(operationsPort)}/readyz`)).ok;
  } catch {
    return false;
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("a process did not start");
  return child.pid;
}

/** Asks a process to end and returns its exit code; null when it had to be killed. */
async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const limit = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  child.kill("SIGTERM");
  await once(child, "exit");
  clearTimeout(limit);
  return child.exitCode;
}
