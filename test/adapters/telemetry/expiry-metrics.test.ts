import { expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { makeExpiryMetrics } from "../../../src/adapters/telemetry/expiry-metrics.ts";
import type { ExpirySource } from "../../../src/adapters/telemetry/expiry-metrics.ts";

it("tells the seconds that are left of what there is now, below zero behind an end, and forgets what is gone", async () => {
  const nowMs = 1_700_000_000_000;
  let source: ExpirySource | undefined;
  const registry = new Registry();
  makeExpiryMetrics(registry, () => source);
  const lines = async (): Promise<readonly string[]> =>
    (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(await lines()).toEqual([]);
  const expiries = [
    { what: "root-certificate", name: "2026", endMs: nowMs + 86_400_000 },
    { what: "ca-window", name: "2026", endMs: nowMs - 1_500 },
  ] as const;
  source = { nowMs, expiries };
  expect(await lines()).toEqual([
    'mayfly_expiry_seconds{what="root-certificate",name="2026"} 86400',
    'mayfly_expiry_seconds{what="ca-window",name="2026"} -1.5',
  ]);
  source = { nowMs, expiries: expiries.slice(1) };
  expect(await lines()).toHaveLength(1);
});
