import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, describe, expect, it } from "@jest/globals";

import { openTelemetry } from "../../../src/adapters/telemetry/open-telemetry.ts";
import type { LogLevel } from "../../../src/adapters/telemetry/log-lines.ts";
import type { RequestEvent } from "../../../src/ports/telemetry.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-log-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let files = 0;
function openLog(logLevel: LogLevel = "info") {
  files += 1;
  const destination = join(folder, `${files}.log`);
  const telemetry = openTelemetry({ version: "0.1.0", logLevel, destination });
  const close = async (): Promise<Record<string, unknown>[]> => {
    await telemetry.close();
    const lines = readFileSync(destination, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return { telemetry, destination, close };
}

const REQUEST: RequestEvent = {
  requestId: "b7f0c1d2",
  method: "POST",
  route: "/api/v2/signingCert",
  status: 201,
  durationMs: 4.23456,
  serialNumber: "5f".repeat(20),
  logIndex: 7,
};
const TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";

describe("the log", () => {
  it("has one JSON line per request, its members always in the same order", async () => {
    const { telemetry, destination, close } = openLog();
    telemetry.request(REQUEST);
    await close();
    expect(readFileSync(destination, "utf8")).toMatch(
      new RegExp(
        String.raw`^\{"level":"info","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","requestId":"b7f0c1d2","method":"POST",` +
          String.raw`"route":"/api/v2/signingCert","status":201,"durationMs":4.235,"serialNumber":"(5f){20}","logIndex":7,` +
          String.raw`"msg":"request"\}\n$`,
        "u",
      ),
    );
  });

  it("tells refusals from failures by level", async () => {
    const { telemetry, close } = openLog();
    const refused = { code: "invalid_token", reason: "TOKEN_EXPIRED" } as const;
    telemetry.request({ ...REQUEST, status: 400, ...refused });
    telemetry.request({ ...REQUEST, status: 501, code: "method_not_allowed", reason: "METHOD_NOT_ALLOWED" });
    telemetry.request({ ...REQUEST, status: 500, code: "internal", reason: "UNEXPECTED", detail: "disk: full" });
    const lines = await close();
    expect(lines.map(({ level }) => level)).toEqual(["info", "info", "error"]);
    expect(lines[0]).toMatchObject({ status: 400, code: "invalid_token", reason: "TOKEN_EXPIRED" });
    expect(lines[2]).toMatchObject({ detail: "disk: full" });
  });

  it("never holds a secret, wherever one was put by accident", async () => {
    const { telemetry, close, destination } = openLog("debug");
    const careless = { authorization: `Bearer ${TOKEN}`, body: "SECRET-1", proof: "SECRET-2" };
    telemetry.request({ ...REQUEST, ...careless });
    telemetry.request({ ...REQUEST, requestId: TOKEN, method: "SECRET-3", status: 500, detail: `bad ${TOKEN}` });
    telemetry.request({
      ...REQUEST,
      status: 500,
      detail: "-----BEGIN PRIVATE KEY-----\nSECRETS\n-----END PRIVATE KEY-----",
    });
    telemetry.notice("error", `no ${TOKEN}`, { cause: `still ${TOKEN}` });
    expect(await close()).toHaveLength(4);
    expect(readFileSync(destination, "utf8")).not.toMatch(/SECRET|eyJ|Bearer/u);
  });

  it("is one line per event whatever text comes in, and bounds what it repeats", async () => {
    const { telemetry, close } = openLog();
    const detail = '\n{"level":"error"}\r\n\u0000\u2028';
    telemetry.request({ ...REQUEST, status: 500, detail });
    telemetry.request({ ...REQUEST, status: 500, detail: "x".repeat(1_000_000) });
    const lines = await close();
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ detail });
    expect(String(lines[1]!["detail"]).length).toBeLessThan(2_100);
  });

  it("keeps a notice's fields apart from its own members", async () => {
    const { telemetry, close } = openLog();
    telemetry.notice("warn", "listening", { level: "fake", time: 1, msg: "fake", port: 5555, tls: false });
    telemetry.notice("info", "plain");
    const [first, second] = await close();
    expect(first).toMatchObject({
      level: "warn",
      msg: "listening",
      fields: { level: "fake", time: 1, msg: "fake", port: 5555, tls: false },
    });
    expect(Object.keys(second!)).toEqual(["level", "time", "msg"]);
  });

  it("warns of an unsafe option", async () => {
    const { telemetry, close } = openLog();
    telemetry.unsafeOption("ca.key.memory");
    expect(await close()).toMatchObject([{ level: "warn", fields: { setting: "ca.key.memory" } }]);
  });

  it.each([
    ["warn", ["warn", "error", "error"]],
    ["error", ["error", "error"]],
  ] as const)("leaves out what is below level %s", async (level, expected) => {
    const { telemetry, close } = openLog(level);
    telemetry.request(REQUEST);
    telemetry.notice("info", "a");
    telemetry.notice("warn", "b");
    telemetry.notice("error", "c");
    telemetry.request({ ...REQUEST, status: 503 });
    expect((await close()).map((line) => line["level"])).toEqual(expected);
  });

  it("opens nothing when it is silent", async () => {
    const destination = join(folder, "silent.log");
    const telemetry = openTelemetry({ version: "0.1.0", logLevel: "silent", destination });
    telemetry.request(REQUEST);
    telemetry.notice("error", "nobody hears");
    telemetry.flush();
    await telemetry.close();
    expect(() => statSync(destination)).toThrow("ENOENT");
  });

  it("appends to a file, and says at once when it cannot be opened", async () => {
    const { telemetry, destination, close } = openLog();
    telemetry.notice("info", "first");
    await close();
    const again = openTelemetry({ version: "0.1.0", logLevel: "info", destination });
    again.notice("info", "second");
    await again.close();
    expect(readFileSync(destination, "utf8").match(/"msg":"\w+"/gu)).toEqual(['"msg":"first"', '"msg":"second"']);
    expect(() => openTelemetry({ version: "0.1.0", logLevel: "info", destination: folder })).toThrow("EISDIR");
  });

  it("has every line after a flush, and takes events after its close without a word", async () => {
    const { telemetry, destination, close } = openLog();
    for (let line = 0; line < 500; line += 1) telemetry.request(REQUEST);
    telemetry.flush();
    expect(readFileSync(destination, "utf8").split("\n")).toHaveLength(501);
    await close();
    telemetry.request(REQUEST);
    telemetry.notice("error", "late");
    telemetry.flush();
    await telemetry.close();
    expect(await close()).toHaveLength(500);
  });
});

const module = fileURLToPath(new URL("../../../src/adapters/telemetry/open-telemetry.ts", import.meta.url));
const program = (body: string): string[] => [
  "--input-type=module",
  "-e",
  `import { openTelemetry } from ${JSON.stringify(module)};
   const telemetry = openTelemetry({ version: "0", logLevel: "info" });
   const line = { requestId: "r", method: "GET", route: "/r", status: 200, durationMs: 1 };
   ${body}`,
];
const environment = { ...process.env, NODE_OPTIONS: "" };

describe("the log of a process that ends", () => {
  it.each([
    ["by itself", "", 0],
    ["by process.exit", "process.exit(3);", 3],
    ["by an uncaught exception", "throw new Error('bug');", 1],
  ])("is complete when it ends %s", (_, end, status) => {
    const body = `for (let i = 0; i < 300; i += 1) telemetry.request(line); ${end}`;
    const child = spawnSync(process.execPath, program(body), { encoding: "utf8", env: environment });
    expect(child.status).toBe(status);
    expect(child.stdout.split("\n")).toHaveLength(301);
  });

  it("holds bounded memory for a reader that stopped, counts what it drops, and still closes", async () => {
    const body = `
      const detail = "x".repeat(2000);
      const before = process.memoryUsage().rss;
      for (let turn = 0; turn < 100; turn += 1) {
        for (let i = 0; i < 500; i += 1) telemetry.request({ ...line, status: 500, detail });
        await new Promise((resolve) => setImmediate(resolve));
      }
      const lost = /mayfly_log_lines_lost_total (\\d+)/.exec(await telemetry.metrics())[1];
      const grownMiB = (process.memoryUsage().rss - before) / 2 ** 20;
      await telemetry.close();
      process.stderr.write(JSON.stringify({ lost: Number(lost), grownMiB }));
      process.kill(process.pid, "SIGKILL");`;
    // Nobody reads the child's standard output; 100 MB of lines are meant for it.
    const child = spawn(process.execPath, program(body), { stdio: ["ignore", "pipe", "pipe"], env: environment });
    let report = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (report += text));
    await new Promise((resolve) => child.once("exit", resolve));
    child.stdout.destroy();
    const { lost, grownMiB } = JSON.parse(report) as { lost: number; grownMiB: number };
    expect(lost).toBeGreaterThan(40_000);
    expect(grownMiB).toBeLessThan(80);
  });
});
