import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { installGo, type GoClient, type Installation } from "./installation.ts";

/** Sigstore's own services that some clients need beside a certificate authority, built from `tools/clients/`. */
export type NeighbourKind = "timestamp-authority" | "rekor-v1" | "rekor-v2";

const TOOLS: Readonly<Record<NeighbourKind, GoClient>> = {
  "timestamp-authority": {
    command: "timestamp-server",
    module: "github.com/sigstore/timestamp-authority/v2",
    tool: {
      name: "timestamp-server",
      folder: "tools/clients/timestamp-authority",
      package: "github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server",
    },
  },
  "rekor-v1": {
    command: "rekor",
    module: "github.com/sigstore/rekor",
    tool: { name: "rekor", folder: "tools/clients/rekor" },
  },
  "rekor-v2": {
    command: "rekor-tiles",
    module: "github.com/sigstore/rekor-tiles/v2",
    tool: {
      name: "rekor-tiles",
      folder: "tools/clients/rekor-tiles",
      package: "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix",
    },
  },
};

/** Builds a neighbour unless the cache has it. */
export function installNeighbour(kind: NeighbourKind): Installation {
  return installGo(TOOLS[kind]);
}

/** A service that runs beside Mayfly. */
export interface Neighbour {
  readonly kind: NeighbourKind;
  readonly url: string;
  /** What one trusts it by: PEM of the chain of a timestamp authority, or of a log's public key. */
  readonly trustFile: string;
  readonly close: () => Promise<void>;
}

/** The name that the second Rekor signs its checkpoints with; its host name in trust files, whatever its address. */
export const REKOR_V2_NAME = "rekor.test";

/** Starts a neighbour on a free port of loopback; its files are in `folder`. */
export async function startNeighbour(kind: NeighbourKind, folder: string): Promise<Neighbour> {
  const installed = installNeighbour(kind);
  if ("whyNot" in installed) throw new Error(installed.whyNot);
  const home = join(folder, kind);
  mkdirSync(home, { recursive: true });
  const program = Object.values(installed.commands)[0]!;
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const trustFile = join(folder, `${kind}.pem`);
  const start = { program, home, url };
  switch (kind) {
    case "timestamp-authority": {
      const child = await runWithMetrics(start, "/ping", [
        ...["serve", "--host", "127.0.0.1", "--port", String(port), "--timestamp-signer", "memory"],
        "--disable-ntp-monitoring",
      ]);
      writeFileSync(trustFile, await text(`${url}/api/v1/timestamp/certchain`));
      return { kind, url, trustFile, close: () => end(child) };
    }
    case "rekor-v1": {
      const child = await run(start, "/api/v1/log", [
        ...["serve", "--rekor_server.address", "127.0.0.1", "--port", String(port), "--enable_retrieve_api=false"],
        ...["--rekor_server.hostname", "rekor.test", "--rekor_server.signer", "memory", "--log_type", "prod"],
      ]);
      writeFileSync(trustFile, await text(`${url}/api/v1/log/publicKey`));
      return { kind, url, trustFile, close: () => end(child) };
    }
    case "rekor-v2": {
      const keys = generateKeyPairSync("ed25519");
      const keyFile = join(home, "key.pem");
      writeFileSync(keyFile, keys.privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
      writeFileSync(trustFile, keys.publicKey.export({ type: "spki", format: "pem" }));
      const [grpc, metrics] = [await freePort(), await freePort()];
      const child = await run(start, "/healthz", [
        ...["serve", "--hostname", REKOR_V2_NAME, "--signer-filepath", keyFile, "--storage-dir", join(home, "log")],
        ...["--http-address", "127.0.0.1", "--http-port", String(port), "--http-metrics-port", String(metrics)],
        ...["--grpc-address", "127.0.0.1", "--grpc-port", String(grpc), "--checkpoint-interval", "500ms"],
      ]);
      return { kind, url, trustFile, close: () => end(child) };
    }
  }
}

interface Start {
  readonly program: string;
  readonly home: string;
  readonly url: string;
}

/** Starts a program and waits until it answers at `path`; what it says is kept in its folder. */
async function run({ program, home, url }: Start, path: string, args: readonly string[]): Promise<ChildProcess> {
  const log = join(home, "output.log");
  const child = spawn(program, args, { cwd: home, env: { HOME: home }, stdio: ["ignore", "pipe", "pipe"] });
  const output = createWriteStream(log);
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${readFileSync(log, "utf8").slice(-2_000)}`);
    const answer = await globalThis.fetch(`${url}${path}`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok === true) return child;
    await pause(50);
  }
}

async function text(url: string): Promise<string> {
  const answer = await globalThis.fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${String(answer.status)}`);
  return answer.text();
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await closed;
}

/** Where the timestamp authority has its metrics, on every interface; nothing tells it otherwise. */
const METRICS_PORT = 2112;
const PATIENCE_MS = 300_000;

/** Starts a program when nobody listens on {@link METRICS_PORT}, and again when another run of these tests was faster. */
async function runWithMetrics(start: Start, path: string, args: readonly string[]): Promise<ChildProcess> {
  const lateMs = Date.now() + PATIENCE_MS;
  for (;;) {
    while (!(await isFree(METRICS_PORT))) {
      if (Date.now() > lateMs)
        throw new Error(`port ${String(METRICS_PORT)} is taken, which ${start.program} must have`);
      await pause(500);
    }
    try {
      return await run(start, path, args);
    } catch (error) {
      if (Date.now() > lateMs || !String(error).includes(`:${String(METRICS_PORT)}: bind`)) throw error;
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once("error", () => {
      resolve(false);
    });
    server.listen(port, () => {
      resolve(true);
    });
  });
  if (listening) await new Promise((resolve) => server.close(resolve));
  return listening;
}

/** A port of loopback that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
