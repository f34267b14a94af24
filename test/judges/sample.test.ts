import { beforeAll, describe, expect, it } from "@jest/globals";
import { isGoToolBuilt } from "../support/go-tool.ts";
import { itWhen } from "../support/it-when.ts";
import { GO_JUDGE, goJudge } from "./go-judge.ts";
import { CaseIssuer, issueCases, makeKeyRing, type JudgedCertificate } from "./issue-case.ts";
import { objections } from "./judge.ts";
import { makeOpensslJudge } from "./openssl-judge.ts";
import { pkijsJudge } from "./pkijs-judge.ts";
import type { KeyChoice } from "./certificate-cases.ts";

const SAMPLE = 50;
const choice: KeyChoice = {
  authorities: ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048"],
  leaves: ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "ed25519"],
};

describe(`${SAMPLE} certificates at the edges of the profile`, () => {
  let certificates: readonly JudgedCertificate[];
  beforeAll(async () => {
    const issuer = new CaseIssuer(makeKeyRing(choice));
    ({ certificates } = await issueCases(SAMPLE, { choice, issuer, seed: 20261122 }));
  }, 60_000);

  it("[U2] say to OpenSSL what they are meant to say, and verify", async () => {
    expect(await objections(makeOpensslJudge("none"), certificates)).toEqual([]);
  });

  it("[CL13] [U2] say to pkijs what they are meant to say, encode to the same octets, and verify with their SCTs", async () => {
    expect(await objections(pkijsJudge, certificates)).toEqual([]);
  });

  const [itWithGo, skipped] = itWhen(
    isGoToolBuilt(GO_JUDGE),
    "the judge in Go is not built; npm run test:judges builds it",
  );
  itWithGo(`say the same to Go, and verify with their SCTs${skipped}`, async () => {
    expect(await objections(goJudge, certificates)).toEqual([]);
  });
});
