import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join, resolve } from "node:path";

const TMPFS_MAGIC = 0x0102_1994;

/** The built program, as an operator runs it. */
export const PROGRAM = resolve("dist/bin.js");

/** What the processes of one run share: keys, an empty log, and the configuration that names them. */
export interface BenchmarkFiles {
  readonly folder: string;
  /** Path of the configuration. */
  readonly config: string;
  readonly port: number;
  readonly operationsPort: number;
  readonly origin: string;
  readonly dataDirectory: string;
  /** File with the passphrase of all keys. */
  readonly passphrase: string;
  /** Folder of `issuing.json`, `log.json` and `checkpoint.json`. */
  readonly keys: string;
  /** The CA's chain, PEM. */
  readonly chain: string;
}

/** Keys in a key service, an engine of OpenBao's protocol; those that it does not name are in files. */
export interface RemoteKeys {
  readonly address: string;
  readonly token: string;
  readonly names: { readonly ca: string; readonly log?: string; readonly checkpoint?: string };
  /** Of the CA whose key it holds, PEM. */
  readonly chainPem: string;
  readonly signaturesPerSecond?: number | undefined;
}

/** What differs from the usual configuration. */
export interface BenchmarkVariant {
  /** Also gRPC, on the port of HTTP. */
  readonly grpc?: boolean | undefined;
  /** With 200 issuers and 1,000 claim rules. */
  readonly crowded?: boolean | undefined;
  readonly remote?: RemoteKeys | undefined;
}

/**
 * Makes them as an operator would, with the program's own commands, on a disk below `.mayfly`.
 *
 * @throws Error when `.mayfly` is in memory
 */
export async function makeBenchmarkFiles(
  issuerUrl: string,
  { grpc = false, crowded = false, remote }: BenchmarkVariant = {},
): Promise<BenchmarkFiles> {
  const folder = makeBenchmarkFolder();
  const [port, operationsPort] = await freePorts();
  const origin = "localhost/benchmark";
  const config = writeConfig(folder, { issuerUrl, port, operationsPort, origin, grpc, crowded, remote });
  makeKeys(folder, remote);
  runProgram(folder, "log", "init", "--config", config);
  return {
    folder,
    config,
    port,
    operationsPort,
    origin,
    dataDirectory: join(folder, "data"),
    passphrase: join(folder, "passphrase"),
    keys: join(folder, "keys"),
    chain: readFileSync(join(folder, "keys/chain.pem"), "utf8"),
  };
}

/** Removes all of them. */
export function removeBenchmarkFiles({ folder }: BenchmarkFiles): void {
  rmSync(folder, { recursive: true, force: true });
}

function makeBenchmarkFolder(): string {
  mkdirSync(".mayfly", { recursive: true });
  if (statfsSync(".mayfly").type === TMPFS_MAGIC) throw new Error(".mayfly is in memory; a benchmark needs a disk");
  return mkdtempSync(resolve(".mayfly", "bench-"));
}

/** Two ports that are free now. */
async function freePorts(): Promise<[number, number]> {
  const listeners = [createServer(), createServer()];
  for (const listener of listeners) await once(listener.listen(0, "127.0.0.1"), "listening");
  const [first = 0, second = 0] = listeners.map((listener) => (listener.address() as AddressInfo).port);
  for (const listener of listeners) listener.close();
  return [first, second];
}

interface Settings {
  readonly issuerUrl: string;
  readonly port: number;
  readonly operationsPort: number;
  readonly origin: string;
  /** Whether gRPC is served too, on the port of HTTP. */
  readonly grpc: boolean;
  /** Whether there are many other issuers, and many rules for this one. */
  readonly crowded: boolean;
  readonly remote: RemoteKeys | undefined;
}

/** JSON is YAML. Only the issuer's plain HTTP needs `environment: development`; all else is as in production. */
function writeConfig(folder: string, settings: Settings): string {
  const { issuerUrl, port, operationsPort, origin, grpc, crowded, remote } = settings;
  const signer = (name: string) => ({ kind: "file", path: `keys/${name}.json`, passphrase: { file: "passphrase" } });
  const { ca, log, checkpoint } = remote === undefined ? {} : remoteSigners(remote);
  const config = {
    environment: "development",
    dataDirectory: "data",
    // All callers have one address.
    limits: { rates: { enabled: false }, connectionsPerAddress: 2000 },
    shutdown: { lameDuckSeconds: 0 },
    http: { listen: `127.0.0.1:${String(port)}` },
    ...(grpc ? { grpc: { listen: `127.0.0.1:${String(port)}` } } : {}),
    operations: { listen: `127.0.0.1:${String(operationsPort)}` },
    ca: { chain: "keys/chain.pem", signer: ca ?? signer("issuing") },
    log: { origin, signer: log ?? signer("log"), checkpointSigner: checkpoint ?? signer("checkpoint") },
    issuers: [
      {
        ...{ url: issuerUrl, identity: { kind: "github-actions" }, allowInsecureHttp: true, allowPrivateNetwork: true },
        ...(crowded ? manyRules() : {}),
      },
      ...(crowded ? otherIssuers() : []),
    ],
  };
  const path = join(folder, "mayfly.yaml");
  writeFileSync(path, JSON.stringify(config, null, 2));
  return path;
}

const count = <T>(length: number, make: (number: string) => T): readonly T[] =>
  Array.from({ length }, (_, index) => make(String(index)));

/** A thousand of every form, of which only the last one holds for what is asked for. */
function manyRules(): object {
  const repository = (matcher: unknown): object => ({ claims: { repository: matcher } });
  return {
    deny: [
      ...count(300, (number) => repository(`blocked/repo-${number}`)),
      ...count(200, (number) => repository({ prefix: `blocked-${number}/` })),
    ],
    allow: [
      ...count(300, (number) => repository(`example/repo-${number}`)),
      ...count(199, (number) => ({ claims: { repository: { glob: `example-${number}/*` }, ref: "refs/heads/main" } })),
      repository({ glob: "octo-org-*/octo-repo-*" }),
    ],
  };
}

/** With the one that is measured, 200. */
function otherIssuers(): readonly object[] {
  return count(199, (number) => ({ url: `https://issuer-${number}.example.com`, identity: { kind: "email" } }));
}

/** All else is as by default: among it, that 32 calls of a key are under way at a time. */
function remoteSigners({ address, names, signaturesPerSecond }: RemoteKeys) {
  const auth = { kind: "token", token: { file: "token" } };
  const signer = (key: string | undefined) =>
    key === undefined ? undefined : { kind: "vault", address, key, version: 1, auth };
  const budget = signaturesPerSecond === undefined ? {} : { signaturesPerSecond };
  return { ca: { ...signer(names.ca), ...budget }, log: signer(names.log), checkpoint: signer(names.checkpoint) };
}

function makeKeys(folder: string, remote: RemoteKeys | undefined): void {
  writeFileSync(join(folder, "passphrase"), randomBytes(24).toString("base64"), { mode: 0o600 });
  const passphrase = ["--passphrase-file", "passphrase"];
  mkdirSync(join(folder, "keys"), { mode: 0o700 });
  runProgram(folder, "ca", "create", "--directory", "keys", "--organization", "Benchmark", ...passphrase);
  runProgram(folder, "key", "create", "--algorithm", "ecdsa-p256", "--out", "keys/log.json", ...passphrase);
  runProgram(folder, "key", "create", "--algorithm", "ed25519", "--out", "keys/checkpoint.json", ...passphrase);
  if (remote === undefined) return;
  writeFileSync(join(folder, "token"), remote.token, { mode: 0o600 });
  writeFileSync(join(folder, "keys/chain.pem"), remote.chainPem);
}

function runProgram(folder: string, ...args: string[]): void {
  execFileSync(process.execPath, [PROGRAM, ...args], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}
