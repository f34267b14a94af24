import { describe, expect, it } from "@jest/globals";

import { openTelemetry } from "../../../src/adapters/telemetry/open-telemetry.ts";
import { REASONS } from "../../../src/core/errors.ts";
import type { ErrorCode } from "../../../src/core/errors.ts";
import type { AuditOutcome } from "../../../src/ports/audit-trail.ts";
import type { RequestEvent } from "../../../src/ports/telemetry.ts";

const open = () =>
  openTelemetry({ version: "0.1.0", revision: "abc1234", buildDate: "2026-11-22", logLevel: "silent" });

const REQUEST: RequestEvent = { requestId: "r", method: "POST", route: "/r", status: 201, durationMs: 7 };
const ISSUED: AuditOutcome = { kind: "outcome", timeMs: 1, result: "issued", generation: 1, logIndex: 3 };

/** The samples of one metric, as written. */
async function samples(telemetry: ReturnType<typeof open>, name: string): Promise<string[]> {
  const text = await telemetry.metrics();
  return text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe("the metrics that carry Fulcio's names", () => {
  it("count requests by numeric status and lower-case method, and time them in seconds", async () => {
    const telemetry = open();
    telemetry.request(REQUEST);
    telemetry.request({ ...REQUEST, durationMs: 3_000 });
    telemetry.request({ ...REQUEST, method: "GET", status: 200 });
    expect(await samples(telemetry, "http_requests_total")).toEqual([
      'http_requests_total{code="201",method="post"} 2',
      'http_requests_total{code="200",method="get"} 1',
    ]);
    expect(await samples(telemetry, "fulcio_api_latency_count")).toContain(
      'fulcio_api_latency_count{code="201",method="post"} 2',
    );
    const buckets = await samples(telemetry, "fulcio_api_latency_bucket");
    const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, "+Inf"];
    const counts = [0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2];
    expect(buckets.slice(0, 12)).toEqual(
      bounds.map((le, at) => `fulcio_api_latency_bucket{le="${le}",code="201",method="post"} ${counts[at]!}`),
    );
  });

  it("count new certificates, from zero", async () => {
    const telemetry = open();
    expect(await samples(telemetry, "fulcio_new_certs")).toEqual(["fulcio_new_certs 0"]);
    telemetry.issuance(ISSUED, 5);
    telemetry.issuance({ ...ISSUED, result: "refused", code: "invalid_token", reason: "TOKEN_EXPIRED" }, 1);
    telemetry.issuance({ ...ISSUED, result: "failed", code: "internal", reason: "AUDIT_FAILED" }, 1);
    expect(await samples(telemetry, "fulcio_new_certs")).toEqual(["fulcio_new_certs 1"]);
  });

  it("name the build", async () => {
    expect(await samples(open(), "fulcio_build_info")).toEqual([
      'fulcio_build_info{version="0.1.0",revision="abc1234",build_date="2026-11-22",goversion="none"} 1',
    ]);
  });
});

describe("Mayfly's own metrics", () => {
  it("count how issuances ended", async () => {
    const telemetry = open();
    telemetry.issuance(ISSUED, 5);
    telemetry.issuance(ISSUED, 5);
    telemetry.issuance({ ...ISSUED, result: "refused", code: "invalid_token", reason: "TOKEN_EXPIRED" }, 1);
    expect(await samples(telemetry, "mayfly_issuances_total")).toEqual([
      'mayfly_issuances_total{result="issued",code="",reason=""} 2',
      'mayfly_issuances_total{result="refused",code="invalid_token",reason="TOKEN_EXPIRED"} 1',
    ]);
    expect(await samples(telemetry, "mayfly_issuance_seconds_count")).toEqual([
      'mayfly_issuance_seconds_count{result="issued"} 2',
      'mayfly_issuance_seconds_count{result="refused"} 1',
    ]);
  });

  it("count verified tokens by the entry of the configuration, a pattern's issuers as the pattern", async () => {
    const telemetry = open();
    const entry = { issuer: "https://issuer.example", audience: "sigstore" };
    telemetry.issuance(ISSUED, 5);
    telemetry.issuance({ ...ISSUED, ...entry }, 5);
    telemetry.issuance({ ...ISSUED, ...entry, audience: "other" }, 5);
    for (const tenant of ["a", "b"]) {
      const outcome = {
        ...entry,
        issuer: `https://${tenant}.issuers.example.com`,
        pattern: "https://*.issuers.example.com",
      };
      telemetry.issuance({ ...ISSUED, ...outcome, result: "refused", reason: "CLAIM_RULE_DENIED" }, 5);
    }
    expect(await samples(telemetry, "mayfly_issuer_outcomes_total")).toEqual([
      'mayfly_issuer_outcomes_total{issuer="https://issuer.example",audience="sigstore",result="issued"} 1',
      'mayfly_issuer_outcomes_total{issuer="https://issuer.example",audience="other",result="issued"} 1',
      'mayfly_issuer_outcomes_total{issuer="https://*.issuers.example.com",audience="sigstore",result="refused"} 2',
    ]);
    telemetry.watch({ issuers: () => [{ url: entry.issuer, audience: "other" }] });
    expect(await samples(telemetry, "mayfly_issuer_outcomes_total")).toEqual([
      'mayfly_issuer_outcomes_total{issuer="https://issuer.example",audience="other",result="issued"} 1',
    ]);
    // A request of before the change.
    telemetry.issuance({ ...ISSUED, ...entry }, 5);
    expect(await samples(telemetry, "mayfly_issuer_outcomes_total")).toHaveLength(1);
    telemetry.watch({ patternIssuers: () => ({ known: 7, unproven: 3 }) });
    expect(await samples(telemetry, "mayfly_pattern_issuers")).toEqual([
      'mayfly_pattern_issuers{state="known"} 7',
      'mayfly_pattern_issuers{state="unproven"} 3',
    ]);
  });

  it("follow the log's batches", async () => {
    const telemetry = open();
    telemetry.logBatch({ shard: "2026", entries: 3, treeSize: 3, durationMs: 4 });
    telemetry.logBatch({ shard: "2026", entries: 5, treeSize: 8, durationMs: 4 });
    expect(await samples(telemetry, "mayfly_log_batch_entries_sum")).toEqual([
      'mayfly_log_batch_entries_sum{shard="2026"} 8',
    ]);
    expect(await samples(telemetry, "mayfly_log_batch_seconds_count")).toEqual([
      'mayfly_log_batch_seconds_count{shard="2026"} 2',
    ]);
  });

  it("ask for the load and the free space when they are scraped", async () => {
    const telemetry = open();
    const names = ["requests_in_flight", "data_directory_free_bytes"];
    const read = () => Promise.all(names.map(async (name) => (await samples(telemetry, `mayfly_${name}`))[0]));
    expect(await read()).toEqual(names.map((name) => `mayfly_${name} 0`));
    let inFlight = 2;
    telemetry.watch({ requestsInFlight: () => inFlight });
    telemetry.watch({ dataDirectoryFreeBytes: () => 4_096 });
    inFlight = 4;
    expect(await read()).toEqual(["mayfly_requests_in_flight 4", "mayfly_data_directory_free_bytes 4096"]);
  });

  it("show each shard of the log, and no age of a checkpoint that is the last", async () => {
    const telemetry = open();
    expect((await telemetry.metrics()).match(/^mayfly_log_(checkpoint|window|shard).*$/gmu)).toBeNull();
    const timestampMs = 1_795_348_800_500;
    telemetry.watch({
      shards: () => [
        { name: "2025", state: "frozen", checkpoint: { treeSize: 9, timestampMs }, windowEndMs: timestampMs },
        { name: "2026", state: "active", checkpoint: { treeSize: 4, timestampMs }, windowEndMs: timestampMs + 500 },
        { name: "2027", state: "staged", checkpoint: undefined, windowEndMs: undefined },
      ],
    });
    expect((await telemetry.metrics()).match(/^mayfly_log_(checkpoint|window|shard).*$/gmu)).toEqual([
      'mayfly_log_checkpoint_size{shard="2025"} 9',
      'mayfly_log_checkpoint_size{shard="2026"} 4',
      'mayfly_log_checkpoint_timestamp_seconds{shard="2026"} 1795348800.5',
      'mayfly_log_checkpoint_timestamp_seconds{shard="2027"} 0',
      'mayfly_log_window_end_timestamp_seconds{shard="2026"} 1795348801',
      'mayfly_log_shard{shard="2025",state="frozen"} 1',
      'mayfly_log_shard{shard="2026",state="active"} 1',
      'mayfly_log_shard{shard="2027",state="staged"} 1',
    ]);
  });

  it("show how comparisons of log and audit trail ended, and keep the last good one beside gaps", async () => {
    const telemetry = open();
    const read = async () => (await telemetry.metrics()).match(/^mayfly_reconcile_.*$/gmu);
    const none = [
      'mayfly_reconcile_runs_total{result="good"} 0',
      'mayfly_reconcile_runs_total{result="gaps"} 0',
      'mayfly_reconcile_runs_total{result="failed"} 0',
      "mayfly_reconcile_gaps 0",
      "mayfly_reconcile_last_success_timestamp_seconds 0",
    ];
    expect(await read()).toEqual(none);
    const covered = [{ shard: "2026", entries: 7 }];
    telemetry.reconciled({ result: "good", timeMs: 1_795_348_800_500, gaps: 0, covered });
    telemetry.reconciled({
      result: "gaps",
      timeMs: 1_795_348_900_500,
      gaps: 3,
      covered: [{ shard: "2026", entries: 9 }],
    });
    telemetry.reconciled({ result: "failed" });
    expect(await read()).toEqual([
      'mayfly_reconcile_runs_total{result="good"} 1',
      'mayfly_reconcile_runs_total{result="gaps"} 1',
      'mayfly_reconcile_runs_total{result="failed"} 1',
      "mayfly_reconcile_gaps 3",
      "mayfly_reconcile_last_success_timestamp_seconds 1795348800.5",
      'mayfly_reconcile_covered_entries{shard="2026"} 7',
    ]);
  });

  it("show each unsafe option by its name, and take nothing else for a name", async () => {
    const telemetry = open();
    telemetry.unsafeOption("issuers.developmentIssuer");
    expect(await samples(telemetry, "mayfly_unsafe_option")).toEqual([
      'mayfly_unsafe_option{name="issuers.developmentIssuer"} 1',
    ]);
    for (const name of ["", "https://issuer.example/", "a b", "x".repeat(65), 'a"} 1\nfake 1']) {
      expect(() => {
        telemetry.unsafeOption(name);
      }).toThrow(TypeError);
    }
  });

  it("come with those of the process, in the Prometheus text format", async () => {
    const telemetry = open();
    expect(telemetry.contentType).toMatch(/^text\/plain; version=0\.0\.4/u);
    const text = await telemetry.metrics();
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/mu);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /mu);
    for (const line of text.trimEnd().split("\n")) {
      expect(line).toMatch(/^(?:# (?:HELP|TYPE) .+|[a-z][a-z0-9_]*(?:\{[^}]*\})? (?:-?[0-9][0-9.e+-]*|Nan)|)$/u);
    }
  });
});

describe("metric labels", () => {
  const series = async (telemetry: ReturnType<typeof open>): Promise<number> => {
    const text = await telemetry.metrics();
    return text.split("\n").filter((line) => /^(?:fulcio|mayfly|http)_/u.test(line)).length;
  };

  it("do not multiply with odd methods, paths, statuses and request ids", async () => {
    const telemetry = open();
    telemetry.request({ ...REQUEST, method: "BREW", status: 501 });
    telemetry.request({ ...REQUEST, method: "GET", status: -1 });
    const before = await series(telemetry);
    for (let number = 0; number < 10_000; number += 1) {
      const odd = { requestId: `id-${number}`, route: `/path/${number}` };
      telemetry.request({ ...REQUEST, ...odd, method: `M${number}`, status: 501 });
      telemetry.request({ ...REQUEST, ...odd, method: "GET", status: number * 1_000 + 600 });
      telemetry.request({ ...REQUEST, ...odd, method: "GET", status: number + 0.5 });
    }
    expect(await series(telemetry)).toBe(before);
    const text = await telemetry.metrics();
    expect(text).not.toMatch(/M1|path|id-/u);
  });

  it("do not multiply with issuers, serial numbers and details", async () => {
    const telemetry = open();
    const refused = { ...ISSUED, result: "refused", code: "invalid_token", reason: "TOKEN_EXPIRED" } as const;
    telemetry.issuance(refused, 1);
    telemetry.issuance(ISSUED, 1);
    const before = await series(telemetry);
    for (let number = 0; number < 10_000; number += 1) {
      const odd = { issuer: `https://${number}.example`, serialNumber: String(number), detail: `why ${number}` };
      telemetry.issuance({ ...refused, ...odd }, number);
      telemetry.issuance({ ...ISSUED, ...odd, logIndex: number }, number);
    }
    expect(await series(telemetry)).toBe(before);
    expect(await telemetry.metrics()).not.toContain("example");
  });

  it("have room for every reason there is, and for no other", async () => {
    const telemetry = open();
    for (const code of Object.keys(REASONS) as ErrorCode[]) {
      for (const reason of REASONS[code]) telemetry.issuance({ ...ISSUED, result: "refused", code, reason }, 1);
    }
    const expected = Object.values(REASONS).flat().length;
    expect(await samples(telemetry, "mayfly_issuances_total")).toHaveLength(expected);
    for (const reason of ["__proto__", "constructor", "made up"]) {
      telemetry.issuance(Object.assign({ ...ISSUED, result: "refused" as const }, { code: "x", reason }), 1);
    }
    const after = await samples(telemetry, "mayfly_issuances_total");
    expect(after).toHaveLength(expected + 1);
    expect(after.at(-1)).toBe('mayfly_issuances_total{result="refused",code="",reason=""} 3');
  });
});
