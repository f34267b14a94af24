import type { Answer } from "./answer.ts";
import type { Entrance } from "./call.ts";
import type { DifferentialRequest } from "./request.ts";
import { GROUPS } from "./requests/groups.ts";
import { readVector } from "../vectors.ts";

/** What Fulcio answered to a sample of the requests, as `test/vectors/fulcio/answers.json` keeps it. */
export interface RecordedAnswers {
  readonly name: string;
  readonly specification: string;
  readonly source: string;
  /** Fulcio's release. */
  readonly version: string;
  /** The different answers; requests name them by their places here. */
  readonly answers: readonly Answer[];
  /** Place of the answer by group and request. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** A request of the sample and the entrance that it goes through. */
export interface SampledRequest {
  readonly group: string;
  readonly entrance: Entrance;
  readonly request: DifferentialRequest;
}

/** The requests that are recorded, each through one entrance: version 2 over HTTP where it can be. */
export const SAMPLE: readonly SampledRequest[] = GROUPS.filter(({ recorded }) => recorded).flatMap(
  ({ name, requests }) =>
    requests.map((request) => ({
      group: name,
      entrance: request.entrances.includes("http-v2") ? ("http-v2" as const) : request.entrances[0]!,
      request,
    })),
);

/** Reads what Fulcio answered. */
export function readRecordedAnswers(): RecordedAnswers {
  return readVector("fulcio/answers.json") as RecordedAnswers;
}

/** Puts answers, one for each request of {@link SAMPLE}, into the form they are kept in. */
export function recordAnswers(version: string, given: readonly Answer[]): RecordedAnswers {
  const texts = given.map((answer) => JSON.stringify(answer, Object.keys(answer).sort()));
  const different = [...new Set(texts)].sort();
  const requests: Record<string, Record<string, number>> = {};
  for (const [at, { group, request }] of SAMPLE.entries()) {
    (requests[group] ??= {})[request.name] = different.indexOf(texts[at]!);
  }
  return {
    name: "Answers of Fulcio",
    specification: "docs/divergences.md",
    source: "recorded from github.com/sigstore/fulcio by test/support/differential/record.ts",
    version,
    answers: different.map((text) => JSON.parse(text) as Answer),
    requests,
  };
}

/** Fulcio's answer to a request of {@link SAMPLE}; undefined when it was not recorded. */
export function recordedAnswer(recorded: RecordedAnswers, { group, request }: SampledRequest): Answer | undefined {
  const place = recorded.requests[group]?.[request.name];
  return place === undefined ? undefined : recorded.answers[place];
}
