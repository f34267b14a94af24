import { describe, expect } from "@jest/globals";
import fc from "fast-check";
import { namedTokens } from "../../fuzz/identity/name-claims.ts";
import { principalOf } from "../../fuzz/identity/names.ts";
import { CLAIMS, templateSources } from "../../fuzz/identity/template-sources.ts";
import { drawCases } from "../../judges/certificate-cases.ts";
import type { KeyChoice } from "../../judges/certificate-cases.ts";
import { compareWithGo } from "../../judges/compare-templates.ts";
import { GO_JUDGE, goJudge } from "../../judges/go-judge.ts";
import { CaseIssuer, makeKeyRing } from "../../judges/issue-case.ts";
import type { JudgedCertificate } from "../../judges/issue-case.ts";
import { objections } from "../../judges/judge.ts";
import { makeOpensslJudge } from "../../judges/openssl-judge.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import { FUZZ_RUNS, FUZZ_SEED } from "./fuzz-length.ts";

const go = goVersion();
const [itWithGo, skipped] = itWhen(go !== undefined, "there is no Go on the PATH");

const PORTION = 5_000;
const choice: KeyChoice = { authorities: ["ecdsa-p256"], leaves: ["ecdsa-p256"] };

/** Leaves for the names that tokens of all kinds come to, each name once. */
async function issueNames(count: number): Promise<readonly JudgedCertificate[]> {
  const tokens = fc.sample(namedTokens(), { seed: FUZZ_SEED, numRuns: count });
  const principals = tokens.flatMap((token) => principalOf(token) ?? []);
  const distinct = [...new Map(principals.map((one) => [one.subjectAltName.value, one])).values()];
  const issuer = new CaseIssuer(makeKeyRing(choice));
  const cases = drawCases(choice, { seed: FUZZ_SEED, count: distinct.length });
  const issued: JudgedCertificate[] = [];
  for (const [at, { subjectAltName, extensions }] of distinct.entries()) {
    try {
      issued.push(await issuer.issue({ ...cases[at]!, subjectAltName, extensions }));
    } catch (error) {
      if (!(error instanceof MayflyError) || error.reason !== "EXTENSIONS_TOO_LONG") throw error;
    }
  }
  return issued;
}

describe("what decides who gets a certificate, as others see it", () => {
  itWithGo(`Go's text/template takes every template that we take, and makes the same of it${skipped}`, () => {
    recordVersion("Go", go ?? "");
    const count = Math.ceil(FUZZ_RUNS / 4);
    let taken = 0;
    for (let start = 0; start < count; start += PORTION) {
      const templates = fc.sample(templateSources(), {
        seed: FUZZ_SEED + start,
        numRuns: Math.min(PORTION, count - start),
      });
      taken += compareWithGo(
        templates.map((template) => ({ template, claims: CLAIMS, defaults: { nothing: "default" } })),
      );
    }
    recordEvidence(
      `templates: seed ${String(FUZZ_SEED)}, ${String(count)} beside Go's text/template, ${String(taken)} evaluated`,
    );
    expect(taken).toBeGreaterThan(count / 10);
  });

  itWithGo(`Go's x509 and OpenSSL read every name in a certificate as it was given${skipped}`, async () => {
    buildGoTool(GO_JUDGE);
    const certificates = await issueNames(Math.ceil(FUZZ_RUNS / 10));
    const kinds = Map.groupBy(certificates, ({ from }) => from.subjectAltName.kind);
    const counts = [...kinds].map(([kind, { length }]) => `${kind} ${String(length)}`).sort();
    recordEvidence(
      `names: seed ${String(FUZZ_SEED)}, in certificates before Go's x509 and OpenSSL: ${counts.join(", ")}`,
    );
    expect(kinds.size).toBe(3);
    expect(await objections(goJudge, certificates)).toEqual([]);
    expect(await objections(makeOpensslJudge("none"), certificates)).toEqual([]);
  });
});
