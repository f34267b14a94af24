import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { certificateParts } from "../../support/differential/certificate.ts";
import { compareReplies } from "../../support/differential/compare.ts";
import type { Pair } from "../../support/differential/compare.ts";
import type { Change } from "../../support/differential/divergences.ts";
import { FULCIO, fulcioVersion } from "../../support/differential/fulcio-program.ts";
import { IDENTITY_DIVERGENCES } from "../../support/differential/identities/divergences.ts";
import { ISSUER_FILES } from "../../support/differential/identities/groups.ts";
import { openIdentityLab } from "../../support/differential/identities/lab.ts";
import type { IdentityLab } from "../../support/differential/identities/lab.ts";
import { outcomeOf, readRecordedIdentities, recordedOutcome } from "../../support/differential/identities/recorded.ts";
import type { TokenGroup } from "../../support/differential/identities/token-case.ts";
import type { Reply } from "../../support/differential/send.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { CTFE } from "../../support/foreign-log/trillian-log.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";

const isGoThere = goVersion() !== undefined;
const [itWithGo, skipped] = itWhen(isGoThere, "no Go to build Fulcio");

/** Of all tokens together. */
const LEAST = { tokens: 400, grantedByBoth: 150, refusedByBoth: 120 } as const;

/** Extensions of Fulcio's arc that some certificate must have shown, by their last numbers: all but 7, which is in a name. */
const ALL_EXTENSIONS = Array.from({ length: 24 }, (_, at) => at + 1).filter((number) => number !== 7);

/** What came of tokens. */
interface Tally {
  tokens: number;
  grantedByBoth: number;
  refusedByBoth: number;
  grantedByFulcio: number;
  grantedByMayfly: number;
}

const recorded = readRecordedIdentities();
const sum: Tally = { tokens: 0, grantedByBoth: 0, refusedByBoth: 0, grantedByFulcio: 0, grantedByMayfly: 0 };
const shown = new Map<string, number>();
const shownChanges = new Set<Change>();
/** By which Mayfly has given certificates that Fulcio has not. */
const laxerRows = new Set<string>();
const extensions = new Set<string>();
const names = new Set<string>();

beforeAll(() => {
  if (!isGoThere) return;
  for (const tool of [CTFE, FULCIO]) buildGoTool(tool);
  recordVersion("Fulcio", `${fulcioVersion()}, with a file CA and certificate-transparency-go's log`);
  recordEvidence(
    "| tokens of | sent to each | certificates of both | refused by both | by Fulcio alone | by Mayfly alone |",
  );
  recordEvidence("| --- | --: | --: | --: | --: | --: |");
});

/** Tries the tokens of a group; gives every problem with the answers and the certificates in them. */
async function compareGroup({ name, cases }: TokenGroup, lab: IdentityLab): Promise<readonly string[]> {
  const problems: string[] = [];
  const tally: Tally = { tokens: 0, grantedByBoth: 0, refusedByBoth: 0, grantedByFulcio: 0, grantedByMayfly: 0 };
  for (const tokenCase of cases) {
    const replies = await lab.ask(tokenCase);
    const found = compareReplies(replies, tokenCase.rows);
    problems.push(...found.problems.map((problem) => `${tokenCase.name}: ${problem}`));
    const before = recordedOutcome(recorded, { group: name, tokenCase });
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(outcomeOf(replies.fulcio))) {
      problems.push(`${tokenCase.name}: Fulcio makes something else of it than what was recorded`);
    }
    for (const row of found.shown) shown.set(row, (shown.get(row) ?? 0) + 1);
    for (const change of found.changes) shownChanges.add(change);
    tally.tokens += 1;
    const who = whoGranted(replies);
    tally[who] += 1;
    if (who === "grantedByMayfly") for (const row of tokenCase.rows) laxerRows.add(row);
    if (replies.fulcio.leaf !== undefined) noteParts(replies.fulcio.leaf);
  }
  for (const key of Object.keys(tally) as (keyof Tally)[]) sum[key] += tally[key];
  const cells = [
    name,
    tally.tokens,
    tally.grantedByBoth,
    tally.refusedByBoth,
    tally.grantedByMayfly,
    tally.grantedByFulcio,
  ];
  recordEvidence(`| ${cells.join(" | ")} |`);
  return problems;
}

function whoGranted({ fulcio, mayfly }: Pair<Reply>): keyof Tally {
  if (fulcio.leaf !== undefined) return mayfly.leaf === undefined ? "grantedByFulcio" : "grantedByBoth";
  return mayfly.leaf === undefined ? "refusedByBoth" : "grantedByMayfly";
}

/** Which extensions there are, and which names. */
function noteParts(leaf: string): void {
  const parts = certificateParts(leaf);
  for (const name of Object.keys(parts)) if (name.startsWith("extension ")) extensions.add(name);
  names.add(parts["extension 2.5.29.17"] ?? "");
}

describe.each(ISSUER_FILES)("Fulcio and Mayfly, with one issuer file of Fulcio's: $name", ({ issuers, groups }) => {
  let lab: IdentityLab;

  beforeAll(async () => {
    if (!isGoThere) return;
    lab = await openIdentityLab(
      issuers(),
      groups.flatMap(({ cases }) => cases),
    );
  });

  afterAll(() => (isGoThere ? lab.close() : undefined));

  itWithGo.each(groups)(
    `make the same of each token, but for documented differences: $name${skipped}`,
    async (group) => {
      expect(await compareGroup(group, lab)).toEqual([]);
    },
  );
});

describe("the tokens that Fulcio and Mayfly got", () => {
  itWithGo(`have names of their own${skipped}`, () => {
    for (const { cases } of ISSUER_FILES.flatMap(({ groups }) => groups)) {
      expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    }
  });

  itWithGo(`were enough, good and bad${skipped}`, () => {
    expect(sum.tokens).toBeGreaterThanOrEqual(LEAST.tokens);
    expect(sum.grantedByBoth).toBeGreaterThanOrEqual(LEAST.grantedByBoth);
    expect(sum.refusedByBoth).toBeGreaterThanOrEqual(LEAST.refusedByBoth);
    expect([...laxerRows]).toEqual(["CI: deprecated types"]);
    const fulcio = ALL_EXTENSIONS.map((number) => `extension 1.3.6.1.4.1.57264.1.${String(number)}`);
    expect(fulcio.filter((name) => !extensions.has(name))).toEqual([]);
    recordEvidence(
      `${String(sum.tokens)} tokens to each: ${String(sum.grantedByBoth)} pairs of certificates with ${String(names.size)} ` +
        `different names and all ${String(fulcio.length)} extensions of Fulcio's, the same octet by octet but for rows; ` +
        `refused: ${String(sum.refusedByBoth)} by both, ${String(sum.grantedByFulcio)} by Mayfly alone, ` +
        `${String(sum.grantedByMayfly)} by Fulcio alone`,
    );
  });

  itWithGo(`are those that were recorded, where they were, of this release${skipped}`, () => {
    expect(recorded.version).toBe(fulcioVersion());
  });

  itWithGo(`have shown every row of differences${skipped}`, () => {
    expect(Object.keys(IDENTITY_DIVERGENCES).filter((row) => !shown.has(row))).toEqual([]);
    const idle = Object.entries(IDENTITY_DIVERGENCES).flatMap(([row, changes]) =>
      changes
        .filter((change) => !shownChanges.has(change) && !/content-type/u.test(change.field.source))
        .map(({ field, fulcio, mayfly }) => `${row}: ${String(field)}: ${String(fulcio)}, ${String(mayfly)}`),
    );
    expect(idle).toEqual([]);
    for (const [row, count] of [...shown].sort(([a], [b]) => (a < b ? -1 : 1))) {
      recordEvidence(`the row "${row}" holds: ${String(count)} tokens`);
    }
  });
});
