import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { AuditOutcome } from "../../ports/audit-trail.ts";

/** Issuers that patterns matched: those whose keys are kept, and those that have given none. */
export type PatternIssuerCounts = Readonly<Record<"known" | "unproven", number>>;

/** An entry of the configuration: an issuer or a pattern, for one audience. */
export interface IssuerEntry {
  readonly url: string;
  readonly audience: string;
}

interface BoundSeries {
  readonly entry: string;
  readonly labels: Readonly<Record<"issuer" | "audience" | "result", string>>;
  readonly counter: Counter.Internal;
}

const nameOf = ({ url, audience }: IssuerEntry): string => `${url} ${audience}`;

/**
 * Makes the counter of outcomes by entry of the configuration, which has as many series as there are entries that were
 * used, and results: an issuer that a pattern matched is counted as the pattern.
 *
 * @param read the entries in force: series of others, which came and went with configurations before, are let go
 * @returns counts an outcome; one without a verified token is nobody's
 */
export function makeIssuerMetrics(
  registry: Registry,
  read: () => readonly IssuerEntry[] | undefined,
): (outcome: AuditOutcome) => void {
  const bound = new Map<string, BoundSeries>();
  const outcomes = new Counter({
    name: "mayfly_issuer_outcomes_total",
    help: "Signing requests with verified tokens, by the issuer or pattern and the audience of the configuration",
    labelNames: ["issuer", "audience", "result"],
    registers: [registry],
    collect() {
      const inForce = read();
      if (inForce === undefined) return;
      const entries = new Set(inForce.map(nameOf));
      for (const [name, { entry, labels }] of bound) {
        if (entries.has(entry)) continue;
        this.remove(labels);
        bound.delete(name);
      }
    },
  });
  return ({ issuer, pattern = issuer, audience, result }) => {
    if (pattern === undefined || audience === undefined) return;
    const entry = nameOf({ url: pattern, audience });
    const name = `${result} ${entry}`;
    const labels = { issuer: pattern, audience, result };
    const series = bound.get(name) ?? { entry, labels, counter: outcomes.labels(labels) };
    bound.set(name, series);
    series.counter.inc();
  };
}

/** Makes the gauge of issuers that patterns matched. */
export function makePatternMetrics(registry: Registry, read: () => PatternIssuerCounts | undefined): void {
  new Gauge({
    name: "mayfly_pattern_issuers",
    help: "Issuers that patterns matched: known by their keys, or not, or not yet",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      const counts = read();
      if (counts === undefined) return;
      this.set({ state: "known" }, counts.known);
      this.set({ state: "unproven" }, counts.unproven);
    },
  });
}
