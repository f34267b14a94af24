import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { AuditOutcome } from "../../ports/audit-trail.ts";

/** Issuers that patterns matched: those whose keys are kept, and those that have given none. */
export type PatternIssuerCounts = Readonly<Record<"known" | "unproven", number>>;

/**
 * Makes the counter of outcomes by entry of the configuration, which has as many series as there are entries that were
 * used, and results: an issuer that a pattern matched is counted as the pattern.
 *
 * @returns counts an outcome; one without a verified token is nobody's
 */
export function makeIssuerMetrics(registry: Registry): (outcome: AuditOutcome) => void {
  const outcomes = new Counter({
    name: "mayfly_issuer_outcomes_total",
    help: "Signing requests with verified tokens, by the issuer or pattern and the audience of the configuration",
    labelNames: ["issuer", "audience", "result"],
    registers: [registry],
  });
  const bound = new Map<string, Counter.Internal>();
  return ({ issuer, pattern = issuer, audience, result }) => {
    if (pattern === undefined || audience === undefined) return;
    const name = `${result} ${pattern} ${audience}`;
    const counter = bound.get(name) ?? outcomes.labels({ issuer: pattern, audience, result });
    bound.set(name, counter);
    counter.inc();
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
