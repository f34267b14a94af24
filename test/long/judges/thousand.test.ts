import { beforeAll, describe, expect, it } from "@jest/globals";
import { CA_KEYS, type KeyChoice } from "../../judges/certificate-cases.ts";
import { GO_JUDGE, goJudge } from "../../judges/go-judge.ts";
import { CaseIssuer, issueCases, makeKeyRing, type JudgedCertificate } from "../../judges/issue-case.ts";
import { objections, type Judge } from "../../judges/judge.ts";
import { makeOpensslJudge } from "../../judges/openssl-judge.ts";
import { pkijsJudge } from "../../judges/pkijs-judge.ts";
import { KEY_ALGORITHMS } from "../../support/certificate-fixtures.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";

const COUNT = 1_200;
const SEED = 20261122;
const choice: KeyChoice = { authorities: CA_KEYS, leaves: KEY_ALGORITHMS };

const go = goVersion();
const [itWithGo, skipped] = itWhen(go !== undefined, "no go command");

/** pkijs keeps much in memory, so it gets a few at a time. */
const inPortions =
  (judge: Judge): Judge =>
  async (certificates) => {
    const judgements = [];
    for (let at = 0; at < certificates.length; at += 50)
      judgements.push(...(await judge(certificates.slice(at, at + 50))));
    return judgements;
  };

/** How many certificates have each of the properties. */
function count(
  certificates: readonly JudgedCertificate[],
  describeOne: (one: JudgedCertificate) => readonly string[],
): string {
  const counts = new Map<string, number>();
  for (const name of certificates.flatMap(describeOne)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, times]) => `${name} ${times}`)
    .join(", ");
}

const octets = (text: string): number => Buffer.byteLength(text);

describe(`${COUNT} certificates at the edges of the profile`, () => {
  let certificates: readonly JudgedCertificate[];

  beforeAll(async () => {
    const issuer = new CaseIssuer(makeKeyRing(choice));
    const issued = await issueCases(COUNT, { choice, issuer, seed: SEED });
    ({ certificates } = issued);
    recordEvidence(
      `seed ${SEED}: ${COUNT} certificates; ${issued.namesRefused} drawn names that the profile does not admit`,
    );
    recordEvidence(`keys: ${count(certificates, ({ from }) => [from.key])}`);
    recordEvidence(
      `authorities: ${count(certificates, ({ from }) => [`${from.authority.key} as ${from.authority.shape}`])}`,
    );
    recordEvidence(`names: ${count(certificates, ({ from }) => [from.subjectAltName.kind])}`);
    const late = (time: string): string => (time >= "2050" ? "GeneralizedTime" : "UTCTime");
    recordEvidence(
      `dates: ${count(certificates, ({ facts }) => [`${late(facts.notBefore)} to ${late(facts.notAfter)}`])}`,
    );
    const edges = new Set([1, 126, 127, 128, 129, 255, 256, 257, 1023, 1024]);
    recordEvidence(
      `octets of extension values: ${count(certificates, ({ facts }) => [
        ...Object.values(facts.values)
          .map(octets)
          .filter((length) => edges.has(length))
          .map((length) => `${String(length).padStart(4, " ")}:`),
      ])}`,
    );
    const high = ({ facts }: JudgedCertificate): readonly string[] => [
      facts.serial < "80" || facts.serial.length % 2 === 1 ? "low first bit" : "high first bit",
    ];
    recordEvidence(`serial numbers without their leading zeros: ${count(certificates, high)}`);
    const beyondAscii = certificates.filter(({ facts }) =>
      /[^\p{ASCII}]/u.test(Object.values(facts.values).join("")),
    ).length;
    recordEvidence(`with text beyond ASCII: ${beyondAscii}`);
    recordEvidence(
      `certificates of ${Math.min(...certificates.map(({ leaf }) => leaf.length))} to ${Math.max(...certificates.map(({ leaf }) => leaf.length))} octets`,
    );
  });

  it("are of every kind that the profile knows", () => {
    const kinds = new Set(
      certificates.flatMap(({ from, facts }) => [
        from.key,
        `CA ${from.authority.key}`,
        from.authority.shape,
        from.subjectAltName.kind,
        `${facts.notBefore < "2050" ? "UTC" : "general"} ${facts.notAfter < "2050" ? "UTC" : "general"}`,
      ]),
    );
    expect(kinds).toEqual(
      new Set([
        ...KEY_ALGORITHMS,
        ...CA_KEYS.map((key) => `CA ${key}`),
        "lone root",
        "root and issuing CA",
        "email",
        "uri",
        "UTC UTC",
        "UTC general",
        "general general",
      ]),
    );
  });

  it("say to OpenSSL what they are meant to say; it verifies each at both ends of its validity and not beyond", async () => {
    expect(await objections(makeOpensslJudge("each at its ends"), certificates)).toEqual([]);
  });

  it("say to pkijs what they are meant to say, encode to the same octets, and verify with their SCTs", async () => {
    expect(await objections(inPortions(pkijsJudge), certificates)).toEqual([]);
  });

  itWithGo(
    `say the same to Go's crypto/x509 and certificate-transparency-go, and verify with their SCTs${skipped}`,
    async () => {
      buildGoTool(GO_JUDGE);
      recordVersion("Go", `${go ?? ""} with certificate-transparency-go 1.4.0`);
      expect(await objections(goJudge, certificates)).toEqual([]);
    },
  );
});
