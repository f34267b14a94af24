import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { dataPaths } from "../../src/compose/data-paths.ts";
import { ask, askForCertificate } from "../support/ask.ts";
import { startTestService, type TestService } from "../support/service.ts";

const ISSUED = 4;
let running: TestService;

beforeAll(async () => {
  running = await startTestService("reconcile: { everySeconds: 1 }\n");
});

afterAll(async () => {
  await running.close();
});

/** Value of a metric. */
async function metric(name: string): Promise<number> {
  const { text } = await ask(`${running.service.operationsUrl}/metrics`);
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}

/** Waits until a metric has at least a value. */
async function until(name: string, least: number): Promise<void> {
  while (!((await metric(name)) >= least)) await pause(20);
}

/** Takes the intent and the outcome of a certificate out of the trail, and makes the chain anew. */
function forget(path: string, certificate: number): void {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  let previous = "";
  const records = lines.map((line) => JSON.parse(line) as { kind: string; serialNumber?: string });
  const forgotten = records.filter(({ kind }) => kind === "intent")[certificate]?.serialNumber;
  expect(forgotten).toBeDefined();
  const rest = lines.filter((_, at) => records[at]?.serialNumber !== forgotten);
  const kept = rest.map((line, at) => {
    const text = JSON.stringify({ ...(JSON.parse(line) as object), seq: at + 1, previous });
    previous = createHash("sha256").update(text).digest("hex");
    return `${text}\n`;
  });
  writeFileSync(path, kept.join(""));
}

describe("a service that compares its log with its audit trail", () => {
  it("shows how far it has come, while it issues", async () => {
    for (let at = 0; at < ISSUED; at++) {
      const token = await running.issuer.mintToken("email");
      expect(await askForCertificate(running.service.publicUrl, token)).toMatchObject({ status: 200 });
    }
    await until('mayfly_reconcile_covered_entries{shard="log"}', ISSUED);
    expect(await metric("mayfly_reconcile_gaps")).toBe(0);
    expect(await metric("mayfly_reconcile_last_success_timestamp_seconds")).toBeGreaterThan(1_700_000_000);
    expect(await metric('mayfly_reconcile_runs_total{result="failed"}')).toBe(0);
  });

  it("shows a certificate that is logged and of which the trail knows nothing, in a metric and a line", async () => {
    await running.stop();
    forget(dataPaths(running.config).auditTrail, 1);
    running = await running.restart();
    await until("mayfly_reconcile_gaps", 1);
    expect(await metric("mayfly_reconcile_last_success_timestamp_seconds")).toBe(0);
    expect(await metric('mayfly_reconcile_runs_total{result="gaps"}')).toBeGreaterThanOrEqual(1);
    await running.stop();
    const lines = running
      .logText()
      .split("\n")
      .filter((line) => line.includes("do not fit together"));
    expect(JSON.parse(lines[0] ?? "{}")).toMatchObject({
      level: "error",
      fields: { gaps: 1, where: "log entry 1" },
    });
  });
});
