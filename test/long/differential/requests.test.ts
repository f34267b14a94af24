import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { readFileSync } from "node:fs";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { CTFE } from "../../support/foreign-log/trillian-log.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import type { Entrance } from "../../support/differential/call.ts";
import { compareAnswers } from "../../support/differential/compare.ts";
import { DIVERGENCES } from "../../support/differential/divergences.ts";
import { openLab } from "../../support/differential/lab.ts";
import type { Lab } from "../../support/differential/lab.ts";
import { FULCIO, fulcioVersion } from "../../support/differential/real-fulcio.ts";
import { readRecordedAnswers, recordedAnswer, SAMPLE } from "../../support/differential/recorded-answers.ts";
import { GROUPS } from "../../support/differential/requests/groups.ts";

const ENTRANCES: readonly Entrance[] = ["http-v2", "http-v1", "grpc-v2", "grpc-v1"];
const LEAST_REQUESTS = 200;

const isGoThere = goVersion() !== undefined;
const [itWithGo, skipped] = itWhen(isGoThere, "no Go to build Fulcio");

/** Rows of the page of differences that some request has shown to hold. */
const shown = new Map<string, number>();
let lab: Lab;
let sent = 0;

beforeAll(async () => {
  if (!isGoThere) return;
  for (const tool of [CTFE, FULCIO]) buildGoTool(tool);
  lab = await openLab();
  recordVersion("Fulcio", `${fulcioVersion()}, with a file CA and certificate-transparency-go's log`);
  recordEvidence("| requests | entrance | sent | answered otherwise, as documented |");
  recordEvidence("| --- | --- | --: | --: |");
});

afterAll(() => (isGoThere ? lab.close() : undefined));

/** Sends what a group has for an entrance to both; gives every problem with the answers. */
async function compareGroup(group: (typeof GROUPS)[number], entrance: Entrance): Promise<readonly string[]> {
  const requests = group.requests.filter(({ entrances }) => entrances.includes(entrance));
  const { source, askFulcio, askMayfly } = lab;
  const problems: string[] = [];
  let otherwise = 0;
  for (const request of requests) {
    const call = request.call(entrance, source);
    const answers = { fulcio: await askFulcio(call), mayfly: await askMayfly(call) };
    const rows = request.rows(entrance);
    const comparison = compareAnswers(answers, rows);
    problems.push(...comparison.problems.map((problem) => `${request.name}: ${problem}`));
    for (const row of comparison.shown) shown.set(row, (shown.get(row) ?? 0) + 1);
    if (rows.length > 0) otherwise += 1;
  }
  sent += requests.length;
  recordEvidence(`| ${group.name} | ${entrance} | ${String(requests.length)} | ${String(otherwise)} |`);
  return problems;
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

  itWithGo(`were asked enough, and every row of differences was shown${skipped}`, () => {
    expect(sent).toBeGreaterThanOrEqual(LEAST_REQUESTS);
    expect(Object.keys(DIVERGENCES).filter((row) => !shown.has(row))).toEqual([]);
    recordEvidence(`${String(sent)} requests to each; no difference without a row of docs/divergences.md`);
    const asked = /^## HTTP and JSON$.*^## Log$/msu.exec(readFileSync("docs/divergences.md", "utf8"))?.[0] ?? "";
    const other = rowsOfPage(asked).filter((row) => !shown.has(row));
    recordEvidence(`rows about answers that these requests do not show: ${other.join("; ")}`);
    for (const [row, count] of [...shown].sort(([a], [b]) => (a < b ? -1 : 1))) {
      recordEvidence(`the row "${row}" holds: ${String(count)} answers`);
    }
  });

  itWithGo(`Fulcio answers what was recorded of it${skipped}`, async () => {
    const recorded = readRecordedAnswers();
    expect(recorded.version).toBe(fulcioVersion());
    const { source, askFulcio, logFailures } = lab;
    const changed: string[] = [];
    for (const sampled of SAMPLE) {
      const { request, entrance, group } = sampled;
      const answer = await askFulcio(request.call(entrance, source));
      const before = recordedAnswer(recorded, sampled) ?? {};
      const { problems } = compareAnswers({ fulcio: before, mayfly: answer }, []);
      changed.push(...problems.map((problem) => `${group}: ${request.name}: ${problem}`));
    }
    expect(changed).toEqual([]);
    recordEvidence(`the ${String(SAMPLE.length)} recorded answers of Fulcio are what it answers`);
    recordEvidence(`the log behind Fulcio failed ${String(logFailures())} times, and Fulcio was asked again`);
  });
});
