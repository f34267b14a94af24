import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createHash, X509Certificate } from "node:crypto";
import { parseIssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import { keyIdentifier } from "../../src/core/certificate/extensions/subject-key-identifier.ts";
import { objections } from "./judge.ts";
import { makeOpensslJudge } from "./openssl-judge.ts";
import { pemOf } from "../support/certificate-fixtures.ts";
import { openCeremonyFolder } from "../support/keys/ceremony-folder.ts";
import { describeLayout, issueByLayout, verifyAsClient } from "../support/keys/layouts.ts";
import type { LaidOut, LayoutCase } from "../support/keys/layouts.ts";

const lab = openCeremonyFolder();
const CASES: readonly LayoutCase[] = [
  { layout: "root-and-issuing", keys: ["p384", "p256"] },
  { layout: "three-tier", keys: ["p384", "rsa2048", "p521"] },
  { layout: "lone-root", keys: ["p384"] },
  { layout: "lone-root", keys: ["rsa3072"] },
];
const made: LaidOut[] = [];

beforeAll(async () => {
  for (const one of CASES) made.push(await issueByLayout(lab, one));
}, 60_000);

afterAll(() => {
  lab.remove();
});

describe("a certificate of a CA that a ceremony made", () => {
  it("[CL16] verifies with OpenSSL, strictly, in every layout", async () => {
    expect(
      await objections(
        makeOpensslJudge("none"),
        made.map(({ judged }) => judged),
      ),
    ).toEqual([]);
  });

  it.each(CASES.map((one, at) => [describeLayout(one), at] as const))(
    "[CL16] verifies with Sigstore's own verifier: %s",
    (_, at) => {
      verifyAsClient(made[at]!);
    },
  );

  it("is refused by Sigstore's own verifier under another CA", () => {
    const [first, second] = made;
    expect(() => {
      verifyAsClient({ ...first!, judged: { ...first!.judged, chain: second!.judged.chain } });
    }).toThrow();
  });

  it("below a lone root has the root's key as issuer, in the log and in its AKI", () => {
    const { chain, leaf, facts } = { ...made[2]!.judged };
    const root = new X509Certificate(chain[0]!);
    const spki = root.publicKey.export({ type: "spki", format: "der" });
    const parsed = parseIssuerChain(pemOf(...chain), root.validFromDate.getTime() + 1);
    expect(chain).toHaveLength(1);
    expect(Buffer.from(parsed.issuerKeyHash)).toEqual(createHash("sha256").update(spki).digest());
    expect(Buffer.from(parsed.fingerprints[0]!)).toEqual(createHash("sha256").update(chain[0]!).digest());
    expect(Buffer.from(leaf).includes(Buffer.from(keyIdentifier(spki)))).toBe(true);
    expect(facts.authorityKeyIdentifier).toContain(Buffer.from(keyIdentifier(spki)).toString("hex"));
  });
});
