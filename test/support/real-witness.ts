import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { goToolPath, type GoTool } from "./go-tool.ts";

/** The witness of filippo.io/torchwood. */
export const LITEWITNESS: GoTool = {
  name: "litewitness",
  folder: "tools/witness",
  package: "filippo.io/torchwood/cmd/litewitness",
};

/** Version of what is built of {@link LITEWITNESS}, as its module pins it. */
export const LITEWITNESS_VERSION = "torchwood 0.9.0";

/** A litewitness that runs, with a key of its own in an ssh-agent. */
export interface RealWitness {
  /** Its key for cosignatures, as it says itself. */
  readonly key: string;
  readonly url: string;
  /** Lets it know a log, by origin and Ed25519 verifier key. */
  learn(origin: string, verifierKey: string): void;
  /** Size that it has cosigned last. */
  size(origin: string): number;
  /** Ends the process, and starts it again on the same database. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a witness whose files are in `folder`, which must have a short name: a socket's path has 107 bytes at most. */
export async function startRealWitness(folder: string, name: string): Promise<RealWitness> {
  mkdirSync(folder, { recursive: true });
  const [key, socket, database] = ["key", "agent", "witness.sqlite"].map((file) => join(folder, file)) as [
    string,
    string,
    string,
  ];
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  while (!existsSync(socket)) await pause(5);
  execFileSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  const fingerprint = execFileSync("ssh-keygen", ["-lf", `${key}.pub`], { encoding: "utf8" }).split(" ")[1] ?? "";
  const address = `127.0.0.1:${String(await freePort())}`;
  const names = ["-db", database, "-name", name, "-key", fingerprint];
  const args = [...names, "-ssh-agent", socket, "-listen", address];
  let child: ChildProcess | undefined;
  let verifierKey = "";

  const start = async (): Promise<void> => {
    const started = spawn(goToolPath(LITEWITNESS), args, { stdio: ["ignore", "ignore", "pipe"] });
    child = started;
    for await (const line of createInterface({ input: started.stderr })) {
      verifierKey = / vkey=(\S+)/u.exec(line)?.[1] ?? verifierKey;
      if (line.includes("msg=listening")) break;
    }
    started.stderr.resume();
    while (!(await isListening(address))) await pause(5);
  };
  const stop = async (): Promise<void> => {
    if (child !== undefined) await end(child);
    child = undefined;
  };
  const sql = <T>(use: (opened: DatabaseSync) => T): T => {
    using opened = new DatabaseSync(database, { timeout: 5_000 });
    return use(opened);
  };
  await start();
  return {
    key: verifierKey,
    url: `http://${address}`,
    learn: (origin, logKey) => {
      sql((opened) => {
        const empty = createHash("sha256").digest("base64");
        opened.prepare("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)").run(origin, empty);
        opened.prepare("INSERT INTO key (origin, key) VALUES (?, ?)").run(origin, logKey);
      });
    },
    size: (origin) =>
      sql((opened) => Number(opened.prepare("SELECT tree_size FROM log WHERE origin = ?").get(origin)?.["tree_size"])),
    start,
    stop,
    close: async () => {
      await stop();
      await end(agent);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => child.once("close", resolve));
  if (child.exitCode !== null || !child.kill("SIGTERM")) return;
  await closed;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function isListening(address: string): Promise<boolean> {
  try {
    await (await globalThis.fetch(`http://${address}/`)).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
