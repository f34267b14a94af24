import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { readFileSync } from "node:fs";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { CTFE } from "../../support/foreign-log/trillian-log.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import type { Entrance } from "../../support/differential/call.ts";
import { certificateParts } from "../../support/differential/certificate.ts";
import { compareAnswers, compareCertificates } from "../../support/differential/compare.ts";
import type { Comparison, Pair } from "../../support/differential/compare.ts";
import { CERTIFICATE_DIVERGENCES, DIVERGENCES } from "../../support/differential/divergences.ts";
import type { Change } from "../../support/differential/divergences.ts";
import { openLab } from "../../support/differential/lab.ts";
import type { Lab } from "../../support/differential/lab.ts";
import { FULCIO, fulcioVersion } from "../../support/differential/fulcio-program.ts";
import { readRecordedAnswers, recordedAnswer, SAMPLE } from "../../support/differential/recorded-answers.ts";
import { GROUPS } from "../../support/differential/requests/groups.ts";
import type { Reply } from "../../support/differential/send.ts";

const ENTRANCES: readonly Entrance[] = ["http-v2", "http-v1", "grpc-v2", "grpc-v1"];

/** At each entrance. */
const LEAST = { requests: 200, refused: 100, certificates: 60 } as const;

const isGoThere = goVersion() !== undefined;
const [itWithGo, skipped] = itWhen(isGoThere, "no Go to build Fulcio");

/** What was seen at one entrance. */
interface Tally {
  requests: number;
  /** By Fulcio. */
  refused: number;
  /** Pairs that were compared. */
  certificates: number;
}

const tallies = new Map<Entrance, Tally>(
  ENTRANCES.map((entrance) => [entrance, { requests: 0, refused: 0, certificates: 0 }]),
);
/** How many answers have shown a row of the page of differences to hold. */
const shown = new Map<string, number>();
const shownByCertificates = new Set<string>();
const shownChanges = new Set<Change>();
/** Extensions that certificates were compared by. */
const extensions = new Set<string>();
let lab: Lab;

beforeAll(async () => {
  if (!isGoThere) return;
  for (const tool of [CTFE, FULCIO]) buildGoTool(tool);
  lab = await openLab();
  recordVersion("Fulcio", `${fulcioVersion()}, with a file CA and certificate-transparency-go's log`);
  recordEvidence(
    "| requests | entrance | sent | refused by Fulcio | answered otherwise, as documented | certificates |",
  );
  recordEvidence("| --- | --- | --: | --: | --: | --: |");
});

afterAll(() => (isGoThere ? lab.close() : undefined));

/** Sends what a group has for an entrance to both; gives every problem with the answers and the certificates in them. */
async function compareGroup(group: (typeof GROUPS)[number], entrance: Entrance): Promise<readonly string[]> {
  const requests = group.requests.filter(({ entrances }) => entrances.includes(entrance));
  const { source, askFulcio, askMayfly } = lab;
  const problems: string[] = [];
  const tally: Tally = { requests: requests.length, refused: 0, certificates: 0 };
  let otherwise = 0;
  for (const request of requests) {
    const call = request.call(entrance, source);
    const replies = { fulcio: await askFulcio(call), mayfly: await askMayfly(call) };
    const rows = request.rows(entrance);
    const answers = compareAnswers({ fulcio: replies.fulcio.answer, mayfly: replies.mayfly.answer }, rows);
    const certificates = compareLeaves(replies);
    problems.push(
      ...[...answers.problems, ...(certificates?.problems ?? [])].map((problem) => `${request.name}: ${problem}`),
    );
    for (const row of answers.shown) shown.set(row, (shown.get(row) ?? 0) + 1);
    for (const row of certificates?.shown ?? []) shownByCertificates.add(row);
    for (const change of answers.changes) shownChanges.add(change);
    if (rows.length > 0) otherwise += 1;
    if (isRefusal(replies.fulcio)) tally.refused += 1;
    if (certificates !== undefined) tally.certificates += 1;
  }
  add(tally, entrance);
  const cells = [group.name, entrance, tally.requests, tally.refused, otherwise, tally.certificates];
  recordEvidence(`| ${cells.join(" | ")} |`);
  return problems;
}

/** The certificates of the two, by the extensions and values in them; undefined unless both gave one. */
function compareLeaves({ fulcio, mayfly }: Pair<Reply>): Comparison | undefined {
  if (fulcio.leaf === undefined || mayfly.leaf === undefined) return undefined;
  const parts = { fulcio: certificateParts(fulcio.leaf), mayfly: certificateParts(mayfly.leaf) };
  for (const name of Object.keys(parts.fulcio)) if (name.startsWith("extension ")) extensions.add(name);
  return compareCertificates(parts);
}

/** What only some entrances have: a row that is asked at one of them need not show it. */
const isOfEntrance = ({ field }: Change): boolean => ["status", "header content-type"].some((name) => field.test(name));

/** Over gRPC there is no status; a refusal has a code. */
const isRefusal = ({ answer }: Reply): boolean =>
  answer["body.code"] !== undefined || Number(answer["status"] ?? "200") >= 400;

function add(tally: Tally, entrance: Entrance): void {
  const sum = tallies.get(entrance)!;
  for (const name of ["requests", "refused", "certificates"] as const) sum[name] += tally[name];
}

/** First cells of the rows of tables, without their headings. */
const rowsOfPage = (page: string): readonly string[] =>
  page.split("\n").flatMap((line) => (/^\| (?!Area |-)/u.test(line) ? [line.slice(2).split(" |")[0]!.trim()] : []));

const parts = GROUPS.flatMap((group) =>
  ENTRANCES.filter((entrance) => group.requests.some(({ entrances }) => entrances.includes(entrance))).map(
    (entrance) => [group.name, entrance, group] as const,
  ),
);

describe("Fulcio and Mayfly, asked the same", () => {
  for (const [name, entrance, group] of parts) {
    itWithGo(`answer alike, but for documented differences: ${name} over ${entrance}${skipped}`, async () => {
      expect(await compareGroup(group, entrance)).toEqual([]);
    });
  }

  itWithGo.each(ENTRANCES)(`were asked enough that is good and bad: %s${skipped}`, (entrance) => {
    const { requests, refused, certificates } = tallies.get(entrance)!;
    const names = parts
      .filter((part) => part[1] === entrance)
      .flatMap(([groupName, , group]) =>
        group.requests
          .filter(({ entrances }) => entrances.includes(entrance))
          .map(({ name }) => `${groupName}: ${name}`),
      );
    expect(new Set(names).size).toBe(requests);
    expect(requests).toBeGreaterThanOrEqual(LEAST.requests);
    expect(refused).toBeGreaterThanOrEqual(LEAST.refused);
    expect(certificates).toBeGreaterThanOrEqual(LEAST.certificates);
    recordEvidence(
      `${entrance}: ${String(requests)} different requests to each, ${String(refused)} of them refused by Fulcio; ` +
        `${String(certificates)} pairs of certificates`,
    );
  });

  itWithGo(`have shown every row of differences${skipped}`, () => {
    expect(Object.keys(DIVERGENCES).filter((row) => !shown.has(row))).toEqual([]);
    // What a row permits and no answer needs would let a fault pass for it.
    const idle = Object.entries(DIVERGENCES).flatMap(([row, changes]) =>
      changes
        .filter((change) => !shownChanges.has(change) && !isOfEntrance(change))
        .map(({ field, fulcio, mayfly }) => `${row}: ${String(field)}: ${String(fulcio)}, ${String(mayfly)}`),
    );
    expect(idle).toEqual([]);
    const sum = [...tallies.values()].reduce((total, { requests }) => total + requests, 0);
    recordEvidence(`${String(sum)} requests to each; no difference without a row of docs/divergences.md`);
    const asked = /^## HTTP and JSON$.*^## Log$/msu.exec(readFileSync("docs/divergences.md", "utf8"))?.[0] ?? "";
    const other = rowsOfPage(asked).filter((row) => !shown.has(row) && !shownByCertificates.has(row));
    recordEvidence(`rows about answers that these requests do not show: ${other.join("; ")}`);
    for (const [row, count] of [...shown].sort(([a], [b]) => (a < b ? -1 : 1))) {
      recordEvidence(`the row "${row}" holds: ${String(count)} answers`);
    }
  });

  itWithGo(`gave certificates that are the same but for serial number, times and SCT${skipped}`, () => {
    // Whether Fulcio reads its clock in two different seconds is chance.
    const always = Object.keys(CERTIFICATE_DIVERGENCES).filter((row) => row !== "validity");
    expect(always.filter((row) => !shownByCertificates.has(row))).toEqual([]);
    recordEvidence(
      `certificates of one CA for one token and key, read by PKI.js, with ${String(extensions.size)} different extensions: ` +
        "the same values in the same order at every entrance, but for serial number, times, SCT and the rows " +
        [...shownByCertificates].map((row) => `"${row}"`).join(", "),
    );
  });

  itWithGo(`Fulcio answers what was recorded of it${skipped}`, async () => {
    const recorded = readRecordedAnswers();
    expect(recorded.version).toBe(fulcioVersion());
    const { source, askFulcio, logFailures } = lab;
    const changed: string[] = [];
    for (const sampled of SAMPLE) {
      const { request, entrance, group } = sampled;
      const { answer } = await askFulcio(request.call(entrance, source));
      const before = recordedAnswer(recorded, sampled) ?? {};
      const { problems } = compareAnswers({ fulcio: before, mayfly: answer }, []);
      changed.push(...problems.map((problem) => `${group}: ${request.name}: ${problem}`));
    }
    expect(changed).toEqual([]);
    recordEvidence(`the ${String(SAMPLE.length)} recorded answers of Fulcio are what it answers`);
    recordEvidence(`the log behind Fulcio failed ${String(logFailures())} times, and Fulcio was asked again`);
  });
});
