import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../../../dev/free-port.ts";
import { ask } from "../ask.ts";
import { goToolPath } from "../go-tool.ts";
import type { GoTool } from "../go-tool.ts";

/** The server program of Fulcio. */
export const FULCIO: GoTool = { name: "fulcio", folder: "tools/fulcio", package: "github.com/sigstore/fulcio" };

/** The release that `tools/fulcio` pins, such as `v1.8.8`. */
export function fulcioVersion(): string {
  return /github\.com\/sigstore\/fulcio (v\S+)/u.exec(readFileSync("tools/fulcio/go.mod", "utf8"))![1]!;
}

/** Where the source of that release is. */
export function fulcioSource(): string {
  const args = ["list", "-mod=mod", "-m", "-f", "{{.Dir}}", "github.com/sigstore/fulcio"];
  return execFileSync("go", args, { cwd: resolve("tools/fulcio"), encoding: "utf8" }).trim();
}

const START_LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 50;

type Environment = Readonly<Record<string, string>>;

/** What `fulcio` says that ends by itself: with the help it was asked for, or because it cannot start. */
export function whatFulcioSays(args: readonly string[], env: Environment = {}): string {
  const { status, stdout, stderr } = spawnSync(goToolPath(FULCIO), args, {
    encoding: "utf8",
    env,
    timeout: START_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  if (status === null) throw new Error(`fulcio ${args.join(" ")} did not end`);
  return stdout + stderr;
}

/** `fulcio serve` that answers. */
export interface FulcioProcess {
  /** Its HTTP. */
  readonly url: string;
  /** `host:port` of its gRPC. */
  readonly grpcTarget: string;
  /** All that it was started with. */
  readonly flags: readonly string[];
  readonly close: () => Promise<void>;
}

/**
 * Starts `fulcio serve` on free ports of 127.0.0.1.
 *
 * @throws Error with the end of what it said when it does not start
 */
export async function startFulcioProgram(
  more: readonly string[],
  environment: Environment = {},
): Promise<FulcioProcess> {
  const [http, grpc, metrics] = [await freePort(18_080), await freePort(18_380), await freePort(18_680)];
  const flags = [
    ...["--log_type", "prod", "--host", "127.0.0.1", "--port", String(http)],
    ...["--grpc-host", "127.0.0.1", "--grpc-port", String(grpc), "--metrics-port", String(metrics)],
    ...more,
  ];
  const child = spawn(goToolPath(FULCIO), ["serve", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  }
  const ended = once(child, "close");
  const url = `http://127.0.0.1:${String(http)}`;
  const close = async (): Promise<void> => {
    // It waits for connections to end when it is asked to stop.
    child.kill("SIGKILL");
    await ended;
  };
  try {
    await ready(`${url}/healthz`, () => child.exitCode === null);
  } catch (cause) {
    await close();
    throw new Error(`Fulcio did not start: ${said}`, { cause });
  }
  return { url, grpcTarget: `127.0.0.1:${String(grpc)}`, flags, close };
}

async function ready(url: string, isRunning: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(START_LIMIT_MS);
  for (;;) {
    if (!isRunning()) throw new Error("it ended");
    const answer = await ask(url, { signal }).catch(() => undefined);
    if (answer?.status === 200) return;
    await wait(LOOK_EVERY_MS, undefined, { signal });
  }
}
