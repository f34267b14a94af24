import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { makeRandom } from "../../support/crash/random.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { DamageLab } from "../../support/faults/damage-lab.ts";
import { flipColumns, flipFile } from "../../support/faults/damaged-bytes.ts";

/** Enough for a full tile, partial ones and one of level 1. */
const ENTRIES = 300;
const SEED = 20261122;
const PAGE_BYTES = 4096;

/** Columns up to this long have every bit flipped, longer ones one bit of every byte. */
const SHORT_BITS = 8 * 200;

let lab: DamageLab;

beforeAll(async () => {
  lab = await DamageLab.open(ENTRIES);
});

afterAll(() => {
  lab.close();
});

it("no byte of any column of any record can change without the record being refused by name", () => {
  const random = makeRandom(SEED);
  const { database } = lab.copy(lab.saved.now);
  const flipped = flipColumns(database, function* (bits) {
    if (bits <= SHORT_BITS) for (let bit = 0; bit < bits; bit++) yield bit;
    else for (let byte = 0; byte < bits / 8; byte++) yield byte * 8 + Math.floor(random() * 8);
  });
  recordEvidence(
    `a log of ${String(ENTRIES)} entries: ${String(flipped)} single bits flipped, at least one in every byte of every column ` +
      "of manifest, head, published checkpoint, entries, tiles and issuers: each record refused, and named",
  );
  expect(flipped).toBeGreaterThan(100_000);
});

it("no byte of the log's file can change what is read without the verification finding it", async () => {
  const random = makeRandom(SEED);
  const bytes = readFileSync(lab.copy(lab.saved.now).database);
  const flips: [number, number][] = [];
  const flip = (offset: number): void => void flips.push([offset, Math.floor(random() * 8)]);
  for (let offset = 0; offset < 200; offset++) flip(offset);
  for (let page = 0; page < bytes.length; page += PAGE_BYTES) {
    // Header and pointers to cells, then anywhere.
    for (let at = 0; at < 12; at++) flip(page + at);
    for (let at = 0; at < 10; at++) flip(page + Math.floor(random() * PAGE_BYTES));
  }
  const { found, harmless } = await flipFile(lab, flips);
  recordEvidence(
    `${String(flips.length)} single bits flipped in the log's file, in every page: ${String(found)} found by log verify; ` +
      `the others change nothing that is read, and are in ${Object.entries(harmless)
        .map(([part, count]) => `${part} (${String(count)})`)
        .join(", ")}`,
  );
  expect(found).toBeGreaterThan(flips.length / 4);
});
