import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import type { DevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { verifyLogProof } from "../../dev/verify-log-proof.ts";
import { askForCertificate } from "../support/ask.ts";
import { certificateIn } from "../support/issued.ts";
import { itWhen } from "../support/it-when.ts";
import { followMayfly, startMayflyProcess } from "../support/mayfly-process.ts";
import type { MayflyProcess, ProcessOptions } from "../support/mayfly-process.ts";
import { ANCHORS, configText, ORIGIN } from "../support/service.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "src", "bin.ts");

let issuer: DevelopmentIssuer;
let folder: string;
const started: MayflyProcess[] = [];

beforeAll(async () => {
  issuer = await startDevelopmentIssuer();
});

afterAll(() => issuer.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-process-"));
});

afterEach(async () => {
  for (const mayfly of started.splice(0)) {
    mayfly.signal("SIGKILL");
    await mayfly.exited;
  }
  rmSync(folder, { recursive: true });
});

/** Writes the configuration, with one replacement. */
function configure(from = "", to = ""): string {
  const file = join(folder, "mayfly.yaml");
  writeFileSync(file, configText(issuer, join(folder, "data")).replace(from, to));
  return file;
}

/** Starts `mayfly serve` and waits until it is ready. */
async function start(
  options: ProcessOptions,
): Promise<{ mayfly: MayflyProcess; publicUrl: string; operationsUrl: string }> {
  const mayfly = startMayflyProcess(options);
  started.push(mayfly);
  const { fields = {} } = await mayfly.line("ready");
  return { mayfly, publicUrl: fields["publicUrl"]!, operationsUrl: fields["operationsUrl"]! };
}

/** Arguments with which this user may have a process namespace; undefined when there are none. */
const NAMESPACE = [
  ["--pid", "--fork", "--kill-child"],
  ["--user", "--map-root-user", "--pid", "--fork", "--kill-child"],
].find((args) => spawnSync("unshare", [...args, "true"]).status === 0);

/** A `mayfly serve` that is process 1 of a namespace of its own, and ends at once where it is not. */
function startAsFirstProcess(configFile: string): MayflyProcess {
  const preload = "data:text/javascript,if (process.pid !== 1) process.exit(9);";
  const command = [process.execPath, "--import", preload, PROGRAM, "serve", "--config", configFile];
  const unshare = spawn("unshare", [...(NAMESPACE ?? []), ...command], { stdio: ["ignore", "pipe", "pipe"] });
  return followMayfly(unshare, (name) => {
    const { pid, exitCode } = unshare;
    if (exitCode !== null) return;
    const [child = ""] = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8").split(" ");
    process.kill(Number(child), name);
  });
}

/** DER of a new certificate. */
async function issue(publicUrl: string): Promise<Buffer> {
  return certificateIn(await askForCertificate(publicUrl, await issuer.mintToken("email"))).raw;
}

const statusOf = async (url: string): Promise<number> => {
  const answer = await globalThis.fetch(url);
  await answer.arrayBuffer();
  return answer.status;
};

describe("mayfly serve as a process", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "[T6] ends on %s with 0, its last line saying that all is closed",
    async (name) => {
      const { mayfly, publicUrl } = await start({ configFile: configure() });
      await issue(publicUrl);
      mayfly.signal(name);
      const { code, signal, lines, stderr } = await mayfly.exited;
      expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
      expect(lines.map(({ msg }) => msg).slice(-3)).toEqual(["request", "stopping", "stopped"]);
    },
  );

  const [itInNamespace, skipped] = itWhen(NAMESPACE !== undefined, "unshare --pid is not permitted");
  // What no handler takes, the first process of a container does not get: the kernel drops it.
  itInNamespace.each(["SIGTERM", "SIGINT"] as const)(
    `[T6] ends on %s as the first process of its namespace too${skipped}`,
    async (name) => {
      const mayfly = startAsFirstProcess(configure());
      started.push(mayfly);
      const { fields = {} } = await mayfly.line("ready");
      await issue(fields["publicUrl"]!);
      mayfly.signal(name);
      const { code, lines, stderr } = await mayfly.exited;
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(lines.map(({ msg }) => msg).slice(-3)).toEqual(["request", "stopping", "stopped"]);
    },
  );

  it("opens no inspector on SIGUSR1, and goes on", async () => {
    const { mayfly, publicUrl } = await start({ configFile: configure() });
    mayfly.signal("SIGUSR1");
    await issue(publicUrl);
    mayfly.signal("SIGTERM");
    const { code, stderr } = await mayfly.exited;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("[T1] [T3] takes requests in its lame-duck time, and a second signal skips the rest of it", async () => {
    const configFile = configure("lameDuckSeconds: 0", "lameDuckSeconds: 60");
    const { mayfly, publicUrl, operationsUrl } = await start({ configFile });
    expect(await statusOf(`${operationsUrl}/readyz`)).toBe(200);
    mayfly.signal("SIGTERM");
    await mayfly.line("stopping");
    expect(await statusOf(`${operationsUrl}/readyz`)).toBe(503);
    expect((await issue(publicUrl)).length).toBeGreaterThan(0);
    // This test's own limit is shorter than the lame-duck time: it passes only when that is skipped.
    mayfly.signal("SIGTERM");
    const { code, lines } = await mayfly.exited;
    expect(code).toBe(0);
    expect(lines.at(-1)?.msg).toBe("stopped");
  });

  it("has every certificate that it answered with in its log after SIGKILL", async () => {
    const configFile = configure();
    const { mayfly, publicUrl } = await start({ configFile });
    const answered: Buffer[] = [];
    const callers = Array.from({ length: 8 }, async () => {
      for (;;) {
        answered.push(await issue(publicUrl));
        if (answered.length === 20) mayfly.signal("SIGKILL");
      }
    });
    const ends = await Promise.allSettled(callers);
    expect(ends.every(({ status }) => status === "rejected")).toBe(true);
    expect(await mayfly.exited).toMatchObject({ code: null, signal: "SIGKILL" });
    expect(answered.length).toBeGreaterThanOrEqual(20);
    const second = await start({ configFile });
    const log = { url: `${second.publicUrl}/test-log`, origin: ORIGIN };
    const indexes = new Set<number>();
    for (const leaf of answered) indexes.add((await verifyLogProof(leaf, ANCHORS, log)).logIndex);
    expect(indexes.size).toBe(answered.length);
    const { logIndex } = await verifyLogProof(await issue(second.publicUrl), ANCHORS, log);
    expect(logIndex).toBeGreaterThan(Math.max(...indexes));
    second.mayfly.signal("SIGTERM");
    expect((await second.mayfly.exited).code).toBe(0);
  });

  it.each([
    ["an exception", "throw new Error('planted')"],
    ["a rejection", "Promise.reject(new Error('planted'))"],
  ])("[T5] [R20] closes everything and exits with 1 after %s that nobody caught", async (_, crash) => {
    const secret = "canary in the environment of the process";
    const preload = `data:text/javascript,process.on('SIGWINCH', () => { ${crash}; })`;
    const configFile = configure("lameDuckSeconds: 0", "lameDuckSeconds: 60");
    const environment = { MAYFLY_PASSPHRASE: secret };
    const { mayfly, publicUrl } = await start({ configFile, environment, nodeArguments: ["--import", preload] });
    await issue(publicUrl);
    mayfly.signal("SIGWINCH");
    const { code, signal, lines, stderr } = await mayfly.exited;
    expect(JSON.stringify(lines)).not.toContain(secret);
    expect({ code, signal, stderr }).toEqual({ code: 1, signal: null, stderr: "" });
    const failure = lines.find(({ msg }) => msg === "failed; only a restart can mend this");
    expect(failure).toMatchObject({ level: "error", fields: { error: "planted" } });
    expect(failure?.fields?.["stack"]).toContain("data:text/javascript");
    expect(lines.at(-1)?.msg).toBe("stopped");
    const second = await start({ configFile });
    expect((await issue(second.publicUrl)).length).toBeGreaterThan(0);
  });

  it("[P8] refuses a data directory that another process uses, names that process, and leaves it alone", async () => {
    const configFile = configure();
    const first = await start({ configFile });
    const second = startMayflyProcess({ configFile });
    const { code, stderr } = await second.exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^mayfly: .*/data is in use by another Mayfly: process ${first.mayfly.pid} on .*\\n$`, "u"),
    );
    expect((await issue(first.publicUrl)).length).toBeGreaterThan(0);
    first.mayfly.signal("SIGKILL");
    await first.mayfly.exited;
    expect((await issue((await start({ configFile })).publicUrl)).length).toBeGreaterThan(0);
  });

  it("refuses to start in one line on standard error and one in the log, and exits with 1", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const mayfly = startMayflyProcess({ configFile: configure("127.0.0.1:0", address) });
    const { code, lines, stderr } = await mayfly.exited;
    server.close();
    const why = `http.listen: listen EADDRINUSE: address already in use ${address}`;
    expect({ code, stderr }).toEqual({ code: 1, stderr: `${why}\n` });
    expect(lines.filter(({ level }) => level === "error")).toMatchObject([
      { msg: "start refused", fields: { error: why } },
    ]);
    expect(lines.at(-1)?.msg).toBe("stopped");
  });
});

describe("a command whose output", () => {
  const schema = (stdout: number): { status: number | null; stderr: string } => {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, "config", "schema"], {
      stdio: ["ignore", stdout, "pipe"],
      encoding: "utf8",
    });
    return { status, stderr };
  };

  it("nobody reads ends with 1 and without a stack trace", () => {
    const fifo = join(folder, "output");
    execFileSync("mkfifo", [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const stdout = openSync(fifo, constants.O_WRONLY);
    closeSync(reader);
    expect(schema(stdout)).toEqual({ status: 1, stderr: "" });
    closeSync(stdout);
  });

  it("cannot be written says so in one line and ends with 1", () => {
    const stdout = openSync("/dev/full", "w");
    expect(schema(stdout)).toEqual({
      status: 1,
      stderr: "mayfly: standard output: ENOSPC: no space left on device, write\n",
    });
    closeSync(stdout);
  });
});

describe("a log whose reader", () => {
  /** A loopback port that was free a moment ago. */
  async function unusedPort(): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    return port;
  }

  /** Runs `mayfly serve` with this as standard output, stops it when it is ready, and tells how it ended. */
  async function runAndStop(stdout: number): Promise<readonly [number | null, NodeJS.Signals | null]> {
    const operations = `127.0.0.1:${String(await unusedPort())}`;
    const configFile = configure('operations: { listen: "127.0.0.1:0" }', `operations: { listen: "${operations}" }`);
    const child = spawn(process.execPath, [PROGRAM, "serve", "--config", configFile], {
      stdio: ["ignore", stdout, "ignore"],
    });
    const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    try {
      while ((await statusOf(`http://${operations}/readyz`).catch(() => 0)) !== 200) {
        expect(child.exitCode).toBeNull();
        await pause(25);
      }
      child.kill("SIGTERM");
      return await exited;
    } finally {
      child.kill("SIGKILL");
    }
  }

  it("has stopped, with the pipe full, does not keep the process from ending with 0", async () => {
    const fifo = join(folder, "log");
    execFileSync("mkfifo", [fifo]);
    // Open on both ends and never read from. The process gets a description of its own: it would inherit O_NONBLOCK.
    const filler = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const stdout = openSync(fifo, constants.O_WRONLY);
    try {
      const fill = (): void => {
        for (;;) writeSync(filler, Buffer.alloc(4096));
      };
      expect(fill).toThrow("EAGAIN");
      expect(await runAndStop(stdout)).toEqual([0, null]);
    } finally {
      closeSync(stdout);
      closeSync(filler);
    }
  });

  it("has gone neither ends the service nor changes its exit code", async () => {
    const fifo = join(folder, "log");
    execFileSync("mkfifo", [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const stdout = openSync(fifo, constants.O_WRONLY);
    closeSync(reader);
    try {
      expect(await runAndStop(stdout)).toEqual([0, null]);
    } finally {
      closeSync(stdout);
    }
  });
});
