import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { compareAnswers } from "../support/differential/compare.ts";
import { CERTIFICATE_DIVERGENCES, DIVERGENCES, EVERYWHERE } from "../support/differential/divergences.ts";
import { readRecordedAnswers, recordedAnswer, SAMPLE } from "../support/differential/recorded-answers.ts";
import { send } from "../support/differential/send.ts";
import { startTokenSource } from "../support/differential/token-source.ts";
import type { TokenSource } from "../support/differential/token-source.ts";
import { startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";

const RECORDED = readRecordedAnswers();

let source: TokenSource;
let mayfly: TestService;

beforeAll(async () => {
  source = await startTokenSource();
  mayfly = await startTestService(
    (text) => `${text.replaceAll(mayflyIssuer(text), source.issuer.url)}grpc: { listen: "127.0.0.1:0" }\n`,
  );
});

afterAll(async () => {
  await mayfly.close();
  await source.issuer.close();
});

/** The issuer that the service was started with, of which this test has no key. */
const mayflyIssuer = (text: string): string => /url: "([^"]+)"/u.exec(text)![1]!;

const groups = [...new Set(SAMPLE.map(({ group }) => group))];

describe("Mayfly, asked what Fulcio was asked", () => {
  it.each(groups)("answers alike, but for documented differences: %s", async (name) => {
    const { publicUrl, grpcUrl = "" } = mayfly.service;
    const grpcTarget = new URL(grpcUrl).host;
    const problems: string[] = [];
    for (const sampled of SAMPLE.filter(({ group }) => group === name)) {
      const { request, entrance } = sampled;
      const fulcio = recordedAnswer(RECORDED, sampled);
      if (fulcio === undefined) throw new Error(`no answer was recorded for ${request.name}`);
      const server = { url: publicUrl, grpcTarget, legacyGrpcTarget: grpcTarget };
      const { answer } = await send(server, request.call(entrance, source), source.issuer.url);
      const found = compareAnswers({ fulcio, mayfly: answer }, request.rows(entrance)).problems;
      problems.push(...found.map((problem) => `${request.name}: ${problem}`));
    }
    expect(problems).toEqual([]);
  });

  it("was asked everything that was recorded, by names that are unique", () => {
    const names = SAMPLE.map(({ group, request }) => `${group}: ${request.name}`);
    expect(names).toHaveLength(new Set(names).size);
    const recorded = Object.entries(RECORDED.requests).flatMap(([group, requests]) =>
      Object.keys(requests).map((name) => `${group}: ${name}`),
    );
    expect(recorded.sort()).toEqual(names.sort());
  });
});

describe("the comparison with Fulcio", () => {
  const fulcio = {
    status: "400",
    "body.code": "3",
    "body.message": "proto: (the decoder's text)",
    "body.details": "[]",
  };
  const details = '[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"WRONG_TYPE","domain":"mayfly"}]';
  const mayfly = { ...fulcio, "body.message": "The request could not be parsed", "body.details": details };

  it("finds nothing where each difference has a row that says it", () => {
    const comparison = compareAnswers({ fulcio, mayfly }, ["text of a malformed request"]);
    expect(comparison).toMatchObject({ problems: [], shown: ["text of a malformed request", "`details`"] });
  });

  it.each([
    ["a difference without a row", mayfly, []],
    ["a difference under another row", mayfly, ["PEM"]],
    [
      "a row without a difference",
      { ...mayfly, "body.message": fulcio["body.message"] },
      ["text of a malformed request"],
    ],
    ["another difference than the row's", { ...mayfly, status: "413" }, ["text of a malformed request"]],
    ["a header field that Fulcio does not send", { ...mayfly, "header allow": "GET" }, ["text of a malformed request"]],
  ])("objects to %s", (_name, answer, rows) => {
    expect(compareAnswers({ fulcio, mayfly: answer }, rows).problems).not.toEqual([]);
  });

  it("knows rows that stand on the page of differences, each once", () => {
    const page = readFileSync("docs/divergences.md", "utf8");
    const cells = page
      .split("\n")
      .flatMap((line) => (line.startsWith("| ") ? [line.split(" |")[0]!.slice(2).trim()] : []));
    const named = [DIVERGENCES, CERTIFICATE_DIVERGENCES].flatMap((divergences) => Object.keys(divergences));
    const wrong = [...named, ...EVERYWHERE].filter((row) => cells.filter((cell) => cell === row).length !== 1);
    expect(wrong).toEqual([]);
  });
});
