import { fetch } from "undici";
import { makeBenchmarkFiles, removeBenchmarkFiles, type BenchmarkVariant } from "./benchmark-files.ts";
import { startIssuer } from "./issuer-process.ts";
import type { LoadOrder } from "./load.ts";
import { startServer, type ServerOptions } from "./server-process.ts";

/** What is measured. */
export interface EnvironmentOptions extends ServerOptions, BenchmarkVariant {}

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
  const { issuer, stop: stopIssuer } = await startIssuer();
  const files = await makeBenchmarkFiles(issuer.url, options);
  const { port, operationsPort } = files;
  const server = await startServer(files, options);
  const get = async (atPort: number, path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${String(atPort)}${path}`)).text();
  return {
    host: "127.0.0.1",
    port,
    issuer,
    serverPid: server.pid,
    startMs: server.startMs,
    treeSize: async () => Number((await get(port, "/benchmark/checkpoint")).split("\n")[1]),
    metrics: () => get(operationsPort, "/metrics"),
    close: async () => {
      await server.stop();
      await stopIssuer();
      removeBenchmarkFiles(files);
    },
  };
}
