import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { makeRefusalMetrics } from "../../../src/adapters/telemetry/refusal-metrics.ts";
import { REASONS } from "../../../src/core/errors.ts";
import type { ErrorCode, Reason } from "../../../src/core/errors.ts";
import type { RequestEvent } from "../../../src/ports/telemetry.ts";

const event = (refusal: { code?: ErrorCode; reason?: Reason }): RequestEvent => ({
  requestId: "id",
  method: "POST",
  route: "/api/v2/signingCert",
  status: 400,
  durationMs: 1,
  ...refusal,
});

const series = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics()).split("\n").filter((line) => line.startsWith("mayfly_"));

describe("refusals", () => {
  it("are counted by code and reason, and a request that was answered is not", async () => {
    const registry = new Registry();
    const metrics = makeRefusalMetrics(registry);
    metrics.observeRefusal(event({ code: "rate_limited", reason: "RATE_LIMITED_SIGNING" }));
    metrics.observeRefusal(event({ code: "rate_limited", reason: "RATE_LIMITED_SIGNING" }));
    metrics.observeRefusal(event({ code: "overloaded", reason: "QUEUE_WAIT_TOO_LONG" }));
    metrics.observeRefusal(event({}));
    metrics.countUnrecordedOutcome();
    expect(await series(registry)).toEqual([
      'mayfly_refusals_total{code="rate_limited",reason="RATE_LIMITED_SIGNING"} 2',
      'mayfly_refusals_total{code="overloaded",reason="QUEUE_WAIT_TOO_LONG"} 1',
      "mayfly_audit_unrecorded_outcomes_total 1",
    ]);
  });

  it("have as many series as there are reasons at most, whatever is observed", async () => {
    const registry = new Registry();
    const metrics = makeRefusalMetrics(registry);
    const all = (Object.keys(REASONS) as ErrorCode[]).flatMap((code) =>
      REASONS[code].map((reason: Reason) => ({ code, reason })),
    );
    for (const refusal of all) metrics.observeRefusal(event(refusal));
    for (let count = 0; count < 1_000; count++) {
      metrics.observeRefusal({ ...event({ code: "internal" }), reason: `INVENTED_${String(count)}` as Reason });
    }
    expect(await series(registry)).toHaveLength(all.length + 1);
  });
});
