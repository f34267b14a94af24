import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { readFileSync, writeFileSync } from "node:fs";
import type { DataPaths } from "../../../src/compose/data-paths.ts";
import { makeRandom } from "../../support/crash/random.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { DamageLab, type SavedFolders } from "../../support/faults/damage-lab.ts";

const SEED = 20261122;

let lab: DamageLab;

beforeAll(async () => {
  lab = await DamageLab.open();
});

afterAll(() => {
  lab.close();
});

type Target = readonly [what: string, from: keyof SavedFolders, fileOf: (paths: DataPaths) => string, flips: number];

const targets: readonly Target[] = [
  ["the database", "now", ({ database }) => database, 150],
  ["the WAL", "live", ({ database }) => `${database}-wal`, 100],
  ["head.note", "now", ({ headMark }) => headMark, 100],
  ["the audit trail", "now", ({ auditTrail }) => auditTrail, 60],
];

/** A start that refuses, or accepts a log in which `log verify` finds the damage, or one that is whole. */
function kindOf(outcome: string): string {
  return /^(?:accepted|damaged|[A-Z_]+)/u.exec(outcome)?.[0] ?? outcome;
}

it.each(targets)("[P5] a flipped bit in %s is refused, found or harmless", async (what, from, fileOf, flips) => {
  const random = makeRandom(SEED);
  const counts = new Map<string, number>();
  for (let at = 0; at < flips; at++) {
    const paths = lab.copy(lab.saved[from]);
    const bytes = readFileSync(fileOf(paths));
    const position = Math.floor(random() * bytes.length);
    bytes[position] = bytes[position]! ^ (1 << Math.floor(random() * 8));
    writeFileSync(fileOf(paths), bytes);
    const kind = kindOf(await lab.start(paths));
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    lab.remove(paths);
  }
  const kinds = [...counts].map(([kind, count]) => `${String(count)} ${kind}`);
  recordEvidence(`${String(flips)} single bits flipped in ${what}: ${kinds.join(", ")}`);
  // "accepted" is judged too: log verify has read every entry and tile, and looked up every answered index.
  for (const kind of counts.keys()) expect(kind).toMatch(/^(?:accepted|damaged|LOG_[A-Z_]+|AUDIT_FAILED)$/u);
  if (what === "head.note") expect(counts.has("accepted")).toBe(false);
});
