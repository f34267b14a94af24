import type { Answer } from "./answer.ts";
import { certificateParts } from "./certificate.ts";
import type { CertificateParts } from "./certificate.ts";
import { CERTIFICATE_DIVERGENCES, DIVERGENCES, EVERYWHERE } from "./divergences.ts";
import type { Change, Expected } from "./divergences.ts";
import { IDENTITY_DIVERGENCES, OF_EVERY_CERTIFICATE } from "./identities/divergences.ts";
import type { Reply } from "./send.ts";

/** The same of two servers: answers to one request, or certificates for one. */
export interface Pair<T> {
  readonly fulcio: T;
  readonly mayfly: T;
}

/** What comparing them gives. */
export interface Comparison {
  /** What is wrong with a difference, or with its absence; none when each difference is a documented one. */
  readonly problems: readonly string[];
  /** Rows of `docs/divergences.md` that were seen to hold. */
  readonly shown: readonly string[];
  /** What of them was seen. */
  readonly changes: readonly Change[];
}

/** Holds the differences between two answers against the rows that are said to explain them. */
export function compareAnswers(answers: Pair<Answer>, rows: readonly string[]): Comparison {
  return compare(answers, { divergences: DIVERGENCES, rows, always: EVERYWHERE });
}

/** Holds the differences between two certificates for one request against the rows that may explain those of any. */
export function compareCertificates(certificates: Pair<CertificateParts>): Comparison {
  const always = Object.keys(CERTIFICATE_DIVERGENCES);
  return compare(certificates, { divergences: CERTIFICATE_DIVERGENCES, rows: [], always });
}

/**
 * Holds the differences between two answers to one token, and between the certificates in them where both have one, against
 * the rows that are said to explain them.
 */
export function compareReplies({ fulcio, mayfly }: Pair<Reply>, rows: readonly string[]): Comparison {
  const isComparable = fulcio.leaf !== undefined && mayfly.leaf !== undefined;
  const fieldsOf = ({ answer, leaf }: Reply): Fields => ({
    ...answer,
    ...(isComparable ? certificateParts(leaf ?? "") : {}),
  });
  return compareIdentities({ fulcio: fieldsOf(fulcio), mayfly: fieldsOf(mayfly) }, rows);
}

/** {@link compareReplies} of any part of answers and certificates. */
export function compareIdentities(fields: Pair<Fields>, rows: readonly string[]): Comparison {
  const divergences = { ...DIVERGENCES, ...CERTIFICATE_DIVERGENCES, ...IDENTITY_DIVERGENCES };
  return compare(fields, { divergences, rows, always: [...EVERYWHERE, ...OF_EVERY_CERTIFICATE] });
}

type Fields = Readonly<Record<string, string>>;

interface Explanations {
  readonly divergences: Readonly<Record<string, readonly Change[]>>;
  /** Must be seen to hold. */
  readonly rows: readonly string[];
  /** May hold. */
  readonly always: readonly string[];
}

function compare({ fulcio, mayfly }: Pair<Fields>, { divergences, rows, always }: Explanations): Comparison {
  const changesOf = (row: string, field: string): readonly Change[] =>
    (divergences[row] ?? []).filter(
      (change) =>
        change.field.test(field) && meets(fulcio[field], change.fulcio) && meets(mayfly[field], change.mayfly),
    );
  const fields = new Set([...Object.keys(fulcio), ...Object.keys(mayfly)]);
  const different = [...fields].filter((field) => fulcio[field] !== mayfly[field]);
  const explained = different.map((field) =>
    [...rows, ...always].flatMap((row) => changesOf(row, field).map((change) => ({ row, change }))),
  );
  const shown = new Set(explained.flat().map(({ row }) => row));
  const changes = new Set(explained.flat().map(({ change }) => change));
  const undocumented = different
    .filter((_, at) => explained[at]!.length === 0)
    .map((field) => `${field}: Fulcio ${quoted(fulcio[field])}, Mayfly ${quoted(mayfly[field])}`);
  const idle = rows.filter((row) => !shown.has(row)).map((row) => `there is no difference by "${row}"`);
  return { problems: [...undocumented, ...idle], shown: [...shown], changes: [...changes] };
}

function meets(value: string | undefined, expected: Expected): boolean {
  return expected instanceof RegExp ? value !== undefined && expected.test(value) : value === expected;
}

const quoted = (value: string | undefined): string =>
  value === undefined ? "nothing" : JSON.stringify(value.slice(0, 200));
