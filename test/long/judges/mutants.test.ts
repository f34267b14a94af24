import { beforeAll, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { createHash, createPublicKey } from "node:crypto";
import { parseIssuerChain } from "../../../src/core/certificate/issuer-chain.ts";
import { drawCases, madeMs, type CertificateCase, type KeyChoice } from "../../judges/certificate-cases.ts";
import { intendedFacts } from "../../judges/facts.ts";
import { GO_JUDGE, goJudge } from "../../judges/go-judge.ts";
import { CaseIssuer, makeKeyRing, type JudgedCertificate } from "../../judges/issue-case.ts";
import { objections, type Judge } from "../../judges/judge.ts";
import { MUTANTS, WITHOUT_OWN_CHECKS, type Mutant, type Substitution } from "../../judges/mutants.ts";
import { makeOpensslJudge } from "../../judges/openssl-judge.ts";
import { pkijsJudge } from "../../judges/pkijs-judge.ts";
import { pemOf, spkiOf } from "../../support/certificate-fixtures.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";

const SEED = 20261122;
const COUNT = 40;
const choice: KeyChoice = {
  authorities: ["ecdsa-p256", "ecdsa-p384", "rsa-2048"],
  leaves: ["ecdsa-p256", "ecdsa-p521", "rsa-2048", "ed25519"],
};
const keys = makeKeyRing(choice);
const spki = (purpose: string): Uint8Array => spkiOf(createPublicKey(keys[purpose]!));
const logKey = spki("log");
const logId = createHash("sha256").update(logKey).digest();

/** The drawn cases that the code as it is issues; the others have names that the profile does not admit. */
const cases = new Map<number, CertificateCase>();

const go = goVersion();
const JUDGES: readonly (readonly [string, Judge])[] = [
  ...(go === undefined ? [] : ([["Go", goJudge]] as const)),
  ["OpenSSL", makeOpensslJudge("none")],
  ["pkijs", pkijsJudge],
];

type Outcome = { readonly at: number } & (
  | { readonly refused: string }
  | { readonly leaf: string; readonly precertificate: string; readonly loggedTbs: string; readonly chain: string[] }
);

/** What a process with these substitutions makes of the admitted cases; a text when it cannot even start. */
function issueWith(substitutions: readonly Substitution[]): readonly Outcome[] | string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "./test/judges/substitute-source.ts", "test/judges/issue-elsewhere.ts"],
    {
      input: JSON.stringify({ keys, choice, seed: SEED, count: COUNT }),
      env: { PATH: process.env["PATH"], MAYFLY_SUBSTITUTIONS: JSON.stringify(substitutions) },
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    },
  );
  if (status === 97) throw new Error(stderr);
  if (status !== 0) return stderr.split("\n").find((line) => /Error/u.test(line)) ?? "it ended";
  const outcomes = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Outcome);
  return outcomes.filter(({ at }) => cases.size === 0 || cases.has(at));
}

/** A certificate from elsewhere with what it is meant to say, by the code as it is. */
function judged(outcome: Exclude<Outcome, { readonly refused: string }>): JudgedCertificate {
  const from = cases.get(outcome.at)!;
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));
  const certificates = outcome.chain.map(bytes);
  const chain = parseIssuerChain(pemOf(...certificates), madeMs(from.authority));
  const { leaf, precertificate, loggedTbs } = outcome;
  return {
    from,
    facts: intendedFacts(from, { spki: spki(`leaf ${from.key}`), chain, logId }),
    leaf: bytes(leaf),
    precertificate: bytes(precertificate),
    loggedTbs: bytes(loggedTbs),
    chain: certificates,
    logKey,
  };
}

/** Why Mayfly itself made no certificate of some case. */
function ownRefusal(outcomes: readonly Outcome[] | string): string | undefined {
  if (typeof outcomes === "string") return outcomes;
  return outcomes.find((outcome) => "refused" in outcome)?.refused;
}

/** Each judge's first objection to the certificates that there are. */
async function judgeAll(outcomes: readonly Outcome[] | string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const issued = typeof outcomes === "string" ? [] : outcomes.filter((outcome) => "leaf" in outcome);
  for (const [name, judge] of JUDGES) {
    try {
      const [first] = await objections(judge, issued.map(judged));
      if (first !== undefined) found.set(name, first);
    } catch (error) {
      found.set(name, error instanceof Error ? error.message : String(error));
    }
  }
  return found;
}

/** Short enough for a table, without the characters that would end a cell or differ from run to run. */
const cell = (text: string | undefined): string =>
  text === undefined
    ? "–"
    : text
        .replace(/^\d+: /u, "")
        .replaceAll(/[^ -{}~]|[\\`]/gu, " ")
        .slice(0, 70);

describe("defects in the encoder", () => {
  beforeAll(async () => {
    if (go !== undefined) buildGoTool(GO_JUDGE);
    const issuer = new CaseIssuer(keys);
    for (const [at, from] of drawCases(choice, { seed: SEED, count: COUNT }).entries()) {
      await issuer.issue(from).then(
        () => cases.set(at, from),
        () => undefined,
      );
    }
    recordEvidence(
      `${MUTANTS.length} defects put into the encoder, each tried on ${cases.size} certificates of seed ${SEED}`,
    );
    recordEvidence("| defect | Mayfly refuses to sign | own checks off: Go | OpenSSL | pkijs |");
    recordEvidence("| --- | --- | --- | --- | --- |");
  });

  it.each([
    ["with its own checks", []],
    ["without its own checks", WITHOUT_OWN_CHECKS],
  ])("are not there as it is: %s nobody objects", async (_name, substitutions) => {
    const outcomes = issueWith(substitutions);
    expect(outcomes).toHaveLength(cases.size);
    expect(ownRefusal(outcomes)).toBeUndefined();
    expect(await judgeAll(outcomes)).toEqual(new Map());
  });

  it.each(MUTANTS.map((mutant): [string, Mutant] => [mutant.defect, mutant]))(
    "are caught: %s",
    async (_defect, mutant) => {
      const asItIs = issueWith([mutant]);
      const own = ownRefusal(asItIs);
      const unchecked = issueWith([mutant, ...WITHOUT_OWN_CHECKS]);
      const foreign = await judgeAll(unchecked);
      const stillRefused = ownRefusal(unchecked);
      const judges = ["Go", "OpenSSL", "pkijs"].map((name) =>
        cell(foreign.get(name) ?? (stillRefused && `not made: ${stillRefused}`)),
      );
      recordEvidence(`| ${mutant.defect} | ${cell(own)} | ${judges.join(" | ")} |`);
      const caught = own !== undefined || (await judgeAll(asItIs)).size > 0;
      expect({ caught, foreign: stillRefused !== undefined || foreign.size > 0 }).toEqual({
        caught: true,
        foreign: true,
      });
    },
  );
});
