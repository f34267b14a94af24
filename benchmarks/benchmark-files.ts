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

/**
 * Makes them as an operator would, with the program's own commands, on a disk below `.mayfly`.
 *
 * @throws Error when `.mayfly` is in memory
 */
export async function makeBenchmarkFiles(
  issuerUrl: string,
  { grpc = false, crowded = false }: { readonly grpc?: boolean; readonly crowded?: boolean } = {},
): Promise<BenchmarkFiles> {
  const folder = makeBenchmarkFolder();
  const [port, operationsPort] = await freePorts();
  const origin = "localhost/benchmark";
  const config = writeConfig(folder, { issuerUrl, port, operationsPort, origin, grpc, crowded });
  makeKeysAndLog(folder, config);
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
}

/** JSON is YAML. Only the issuer's plain HTTP needs `environment: development`; all else is as in production. */
function writeConfig(folder: string, { issuerUrl, port, operationsPort, origin, grpc, crowded }: Settings): string {
  const signer = (name: string) => ({ kind: "file", path: `keys/${name}.json`, passphrase: { file: "passphrase" } });
  const config = {
    environment: "development",
    dataDirectory: "data",
    // All callers have one address.
    limits: { rates: { enabled: false }, connectionsPerAddress: 2000 },
    shutdown: { lameDuckSeconds: 0 },
    http: { listen: `127.0.0.1:${String(port)}` },
    ...(grpc ? { grpc: { listen: `127.0.0.1:${String(port)}` } } : {}),
    operations: { listen: `127.0.0.1:${String(operationsPort)}` },
    ca: { chain: "keys/chain.pem", signer: signer("issuing") },
    log: { origin, signer: signer("log"), checkpointSigner: signer("checkpoint") },
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
