import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

import { REASONS } from "../../core/errors.ts";
import type { AuditOutcome } from "../../ports/audit-trail.ts";
import type { LogBatchEvent, RequestEvent, TlsTelemetry } from "../../ports/telemetry.ts";
import { makeRefusalMetrics } from "./refusal-metrics.ts";
import type { RefusalMetrics } from "./refusal-metrics.ts";
import { makeExpiryMetrics } from "./expiry-metrics.ts";
import type { ExpirySource } from "./expiry-metrics.ts";
import { makeGrpcMetrics } from "./grpc-metrics.ts";
import { methodLabel } from "./http-methods.ts";
import { makeIssuerMetrics, makePatternMetrics } from "./issuer-metrics.ts";
import type { IssuerEntry, PatternIssuerCounts } from "./issuer-metrics.ts";
import { makeConfigMetrics } from "./config-metrics.ts";
import type { ConfigReading, ConfigSource } from "./config-metrics.ts";
import { makeReconcileMetrics } from "./reconcile-metrics.ts";
import type { Reconciliation } from "./reconcile-metrics.ts";
import { makeShardMetrics } from "./shard-metrics.ts";
import type { ShardSource } from "./shard-metrics.ts";
import { makeSignerMetrics } from "./signer-metrics.ts";
import type { SignerMetrics } from "./signer-metrics.ts";
import { makeTlsMetrics } from "./tls-metrics.ts";
import { makeWitnessMetrics } from "./witness-metrics.ts";
import type { WitnessMetrics } from "./witness-metrics.ts";

/** What `fulcio_build_info` says of the running program. */
export interface BuildInfo {
  readonly version: string;
  readonly revision?: string;
  readonly buildDate?: string;
}

/** Values that are asked for when metrics are scraped, so that keeping them costs requests nothing. */
export interface MetricSources {
  /** Signing requests admitted and not yet answered. */
  readonly requestsInFlight?: () => number;
  /** Whether the operator has stopped issuance. */
  readonly issuancePaused?: () => boolean;
  /** Every shard of the log. */
  readonly shards?: () => readonly ShardSource[];
  /** When the first certificate of the CA's chain ends, or its window; no leaf can be issued that would outlive it. */
  readonly caNotAfterMs?: () => number;
  /** Every end that is to be seen coming. */
  readonly expiries?: () => ExpirySource;
  /** Free bytes of the data directory's file system; undefined when it does not tell. */
  readonly dataDirectoryFreeBytes?: () => number | undefined;
  /** Which configuration is in force. */
  readonly configuration?: () => ConfigSource;
  /** What is wrong with the issuers' key sets in use. */
  readonly issuerKeyFaults?: () => Readonly<Record<"skipped" | "secrets" | "sharedNames", number>>;
  readonly patternIssuers?: () => PatternIssuerCounts;
  /** Entries of issuers in force. */
  readonly issuers?: () => readonly IssuerEntry[];
}

/** The process's metrics; every label value comes from a closed set, whatever callers send. */
export interface Metrics extends RefusalMetrics {
  observeRequest(event: RequestEvent): void;
  observeIssuance(outcome: AuditOutcome, durationMs: number): void;
  observeLogBatch(event: LogBatchEvent): void;
  readonly tls: TlsTelemetry;
  readonly witnesses: WitnessMetrics;
  readonly signers: SignerMetrics;
  observeReconciliation(reconciliation: Reconciliation): void;
  /** Counts a log line that could not be written. */
  countLostLine(): void;
  /** Shows that a setting which weakens safety is on. */
  setUnsafeOption(name: string): void;
  /** Shows no more that such a setting is on. */
  removeUnsafeOption(name: string): void;
  /** Counts a reading of the configuration after that of the start. */
  readonly countConfigRead: (result: ConfigReading, nowMs: number) => void;
  /** Sets where scraped values come from; what was set before stays when it is not named. */
  watch(sources: MetricSources): void;
  /** All metrics in the Prometheus text format. */
  render(): Promise<string>;
  /** Media type of {@link Metrics.render}. */
  readonly contentType: string;
}

const SECONDS_PER_MS = 1 / 1_000;
const ISSUANCE_BUCKETS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/** Name of a setting: a path in the configuration, never a value. */
const OPTION_NAME = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/u;

/** Makes the metrics of one process: Fulcio's own names, so that dashboards carry over, and Mayfly's beside them. */
export function makeMetrics(build: BuildInfo): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const { version, revision = "unknown", buildDate = "unknown" } = build;
  new Gauge({
    name: "fulcio_build_info",
    help: "The running program, always 1",
    labelNames: ["version", "revision", "build_date", "goversion"],
    registers,
  }).set({ version, revision, build_date: buildDate, goversion: "none" }, 1);
  const lostLines = new Counter({ name: "mayfly_log_lines_lost_total", help: "Log lines not written", registers });
  const unsafeOptions = new Gauge({
    name: "mayfly_unsafe_option",
    help: "1 for each setting in force that weakens safety",
    labelNames: ["name"],
    registers,
  });
  const { observeIssuer, ...scraped } = makeScrapedMetrics(registry);
  return {
    observeRequest: observeEither(makeRequestMetrics(registry), makeGrpcMetrics(registry)),
    ...makeRefusalMetrics(registry),
    observeIssuance: makeIssuanceMetrics(registry, observeIssuer),
    observeLogBatch: makeLogMetrics(registry),
    tls: makeTlsMetrics(registry),
    witnesses: makeWitnessMetrics(registry),
    signers: makeSignerMetrics(registry),
    observeReconciliation: makeReconcileMetrics(registry),
    ...scraped,
    countLostLine: () => {
      lostLines.inc();
    },
    setUnsafeOption: (name) => {
      if (!OPTION_NAME.test(name)) throw new TypeError("an unsafe option is named by its path in the configuration");
      unsafeOptions.set({ name }, 1);
    },
    removeUnsafeOption: (name) => {
      unsafeOptions.remove({ name });
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** A call is no request of HTTP, and counted apart. */
function observeEither(
  http: Metrics["observeRequest"],
  grpc: ReturnType<typeof makeGrpcMetrics>,
): Metrics["observeRequest"] {
  return (event) => {
    if (event.grpc === undefined) http(event);
    else grpc(event.grpc, event.durationMs);
  };
}

function makeRequestMetrics(registry: Registry): Metrics["observeRequest"] {
  const registers = [registry];
  const labelNames = ["code", "method"] as const;
  const latency = new Histogram({
    name: "fulcio_api_latency",
    help: "Duration of HTTP requests in seconds",
    labelNames,
    registers,
  });
  const total = new Counter({ name: "http_requests_total", help: "HTTP requests", labelNames, registers });
  const bind = (code: number, method: string) => ({
    latency: latency.labels({ code: String(code), method }),
    total: total.labels({ code: String(code), method }),
  });
  const bound = new Map<string, ReturnType<typeof bind>>();
  return ({ status, method, durationMs }) => {
    const code = Number.isInteger(status) && status >= 100 && status <= 599 ? status : 0;
    const label = methodLabel(method);
    const metrics = remembered(bound, `${code} ${label}`, () => bind(code, label));
    metrics.latency.observe(durationMs * SECONDS_PER_MS);
    metrics.total.inc();
  };
}

function makeIssuanceMetrics(
  registry: Registry,
  observeIssuer: (outcome: AuditOutcome) => void,
): Metrics["observeIssuance"] {
  const registers = [registry];
  const newCerts = new Counter({ name: "fulcio_new_certs", help: "Certificates issued", registers });
  const outcomes = new Counter({
    name: "mayfly_issuances_total",
    help: "Signing requests that reached issuance, by how they ended; code and reason are empty for issued ones",
    labelNames: ["result", "code", "reason"],
    registers,
  });
  const seconds = new Histogram({
    name: "mayfly_issuance_seconds",
    help: "Duration of an issuance, audit trail included",
    labelNames: ["result"],
    buckets: ISSUANCE_BUCKETS,
    registers,
  });
  const bind = (result: string, code: string, reason: string) => ({
    outcomes: outcomes.labels({ result, code, reason }),
    seconds: seconds.labels({ result }),
  });
  const reasons: ReadonlySet<string> = new Set(Object.values(REASONS).flat());
  const bound = new Map<string, ReturnType<typeof bind>>();
  return (outcome, durationMs) => {
    const { result, code = "", reason = "" } = outcome;
    observeIssuer(outcome);
    // A reason belongs to one code, so result and reason tell the label set.
    const metrics = reasons.has(reason)
      ? remembered(bound, `${result} ${reason}`, () => bind(result, code, reason))
      : remembered(bound, result, () => bind(result, "", ""));
    metrics.outcomes.inc();
    metrics.seconds.observe(durationMs * SECONDS_PER_MS);
    if (result === "issued") newCerts.inc();
  };
}

function makeLogMetrics(registry: Registry): Metrics["observeLogBatch"] {
  const registers = [registry];
  const labelNames = ["shard"] as const;
  const entries = new Histogram({
    name: "mayfly_log_batch_entries",
    help: "Entries of a committed batch",
    labelNames,
    buckets: BATCH_SIZES,
    registers,
  });
  const seconds = new Histogram({
    name: "mayfly_log_batch_seconds",
    help: "Duration of a batch, from taking its entries to its commit",
    labelNames,
    buckets: BATCH_BUCKETS,
    registers,
  });
  const bind = (shard: string) => ({ entries: entries.labels({ shard }), seconds: seconds.labels({ shard }) });
  const bound = new Map<string, ReturnType<typeof bind>>();
  return (event) => {
    const metrics = remembered(bound, event.shard, () => bind(event.shard));
    metrics.entries.observe(event.entries);
    metrics.seconds.observe(event.durationMs * SECONDS_PER_MS);
  };
}

type ScrapedMetrics = Pick<Metrics, "countConfigRead" | "watch"> & {
  readonly observeIssuer: (outcome: AuditOutcome) => void;
};

function makeScrapedMetrics(registry: Registry): ScrapedMetrics {
  const registers = [registry];
  let sources: MetricSources = {};
  const scraped = (name: string, help: string, read: () => number | undefined): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read() ?? 0);
      },
    });
  };
  scraped("mayfly_requests_in_flight", "Signing requests admitted and not yet answered", () =>
    sources.requestsInFlight?.(),
  );
  scraped("mayfly_issuance_paused", "1 while the operator has stopped issuance", () =>
    Number(sources.issuancePaused?.() ?? false),
  );
  makeShardMetrics(registry, () => sources.shards?.() ?? []);
  makePatternMetrics(registry, () => sources.patternIssuers?.());
  scraped(
    "mayfly_data_directory_free_bytes",
    "Free space of the data directory's file system; 0 too where that is not known",
    () => sources.dataDirectoryFreeBytes?.(),
  );
  scraped(
    "mayfly_ca_not_after_timestamp_seconds",
    "End of the first certificate of the CA's chain that ends, or of its window, Unix seconds; nothing is issued beyond it",
    () => (sources.caNotAfterMs?.() ?? 0) * SECONDS_PER_MS,
  );
  makeExpiryMetrics(registry, () => sources.expiries?.());
  new Gauge({
    name: "mayfly_issuer_key_faults",
    help: "Keys of issuers that are left out, that no issuer should have told, and names that stand for several keys",
    labelNames: ["fault"],
    registers,
    collect() {
      const faults = sources.issuerKeyFaults?.();
      if (faults === undefined) return;
      this.set({ fault: "skipped" }, faults.skipped);
      this.set({ fault: "secret" }, faults.secrets);
      this.set({ fault: "shared_name" }, faults.sharedNames);
    },
  });
  return {
    observeIssuer: makeIssuerMetrics(registry, () => sources.issuers?.()),
    countConfigRead: makeConfigMetrics(registry, () => sources.configuration?.()),
    watch: (more) => {
      sources = { ...sources, ...more };
    },
  };
}

/** The value under `key`, made at its first use. */
function remembered<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
