import { certificateParts } from "../certificate.ts";
import { compareIdentities } from "../compare.ts";
import type { Comparison, Pair } from "../compare.ts";
import type { Reply } from "../send.ts";
import { readVector } from "../../vectors.ts";
import { ISSUER_FILES } from "./groups.ts";
import type { IssuerFileCases } from "./groups.ts";
import type { TokenCase } from "./token-case.ts";

/** What Fulcio made of tokens, as `test/vectors/fulcio/identities.json` keeps it. */
export interface RecordedIdentities {
  readonly name: string;
  readonly specification: string;
  readonly source: string;
  /** Fulcio's release. */
  readonly version: string;
  /** The different outcomes, by {@link outcomeOf}; tokens name them by their places here. */
  readonly outcomes: readonly Outcome[];
  /** Place of the outcome by group and token. */
  readonly tokens: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/**
 * What came of a token: `status`, and either code and message of the refusal, or name and extensions of the certificate by
 * object identifier, each octet as one character.
 */
export type Outcome = Readonly<Record<string, string>>;

const OF_A_REFUSAL = ["status", "body.code", "body.message"];
const NAME = "extension 2.5.29.17";
const OF_AN_IDENTITY = /^extension (?:2\.5\.29\.17|1\.3\.6\.1\.4\.1\.57264\..+)$/u;

/** The part of an answer that says who somebody is, or that nobody is. */
export function outcomeOf({ answer, leaf }: Reply): Outcome {
  const fields = leaf === undefined ? {} : certificateParts(leaf);
  const kept = Object.entries({ ...answer, ...fields }).filter(
    ([name]) => OF_A_REFUSAL.includes(name) || OF_AN_IDENTITY.test(name),
  );
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Holds what differs between two outcomes against the rows that are said to explain it. */
export function compareOutcomes({ fulcio, mayfly }: Pair<Outcome>, rows: readonly string[]): Comparison {
  if (NAME in fulcio && NAME in mayfly) return compareIdentities({ fulcio, mayfly }, rows);
  const withoutNames = (outcome: Outcome): Outcome =>
    Object.fromEntries(Object.entries(outcome).filter(([field]) => !OF_AN_IDENTITY.test(field)));
  return compareIdentities({ fulcio: withoutNames(fulcio), mayfly: withoutNames(mayfly) }, rows);
}

/** A token whose outcome is recorded. */
export interface SampledToken {
  readonly group: string;
  readonly tokenCase: TokenCase;
}

/** The tokens with issuer files that are the tests' own. */
export const RECORDED_FILES: readonly IssuerFileCases[] = ISSUER_FILES.filter(({ isRecorded }) => isRecorded);

/** All of them that stand in some file. */
export function sampledTokens({ groups }: IssuerFileCases): readonly SampledToken[] {
  return groups.flatMap(({ name, cases }) => cases.map((tokenCase) => ({ group: name, tokenCase })));
}

/** Reads what Fulcio made of them. */
export function readRecordedIdentities(): RecordedIdentities {
  return readVector("fulcio/identities.json") as RecordedIdentities;
}

/** What Fulcio made of a token; undefined when it was not recorded. */
export function recordedOutcome(recorded: RecordedIdentities, { group, tokenCase }: SampledToken): Outcome | undefined {
  const place = recorded.tokens[group]?.[tokenCase.name];
  return place === undefined ? undefined : recorded.outcomes[place];
}

/** Puts outcomes into the form they are kept in. */
export function recordIdentities(
  version: string,
  seen: readonly (SampledToken & { readonly outcome: Outcome })[],
): RecordedIdentities {
  const texts = seen.map(({ outcome }) => JSON.stringify(outcome));
  const different = [...new Set(texts)].sort();
  const tokens: Record<string, Record<string, number>> = {};
  for (const [at, { group, tokenCase }] of seen.entries()) {
    (tokens[group] ??= {})[tokenCase.name] = different.indexOf(texts[at]!);
  }
  return {
    name: "Certificates of Fulcio's",
    specification: "docs/divergences.md",
    source: "recorded from github.com/sigstore/fulcio by test/support/differential/identities/record.ts",
    version,
    outcomes: different.map((text) => JSON.parse(text) as Outcome),
    tokens,
  };
}
