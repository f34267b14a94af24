import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { GO_JUDGE, goJudge } from "../../judges/go-judge.ts";
import { objections } from "../../judges/judge.ts";
import { makeOpensslJudge } from "../../judges/openssl-judge.ts";
import { pkijsJudge } from "../../judges/pkijs-judge.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import { openCeremonyFolder } from "../../support/keys/ceremony-folder.ts";
import { CA_KEY_KINDS, describeLayout, issueByLayout, verifyAsClient } from "../../support/keys/layouts.ts";
import type { LaidOut, LayoutCase } from "../../support/keys/layouts.ts";

const lab = openCeremonyFolder();
const go = goVersion();
const [itWithGo, skipped] = itWhen(go !== undefined, "no go command");

/** Every kind of key at every place of every layout, and the usual mixes. */
const CASES: readonly LayoutCase[] = [
  ...CA_KEY_KINDS.map((kind) => ({ layout: "lone-root", keys: [kind] }) as const),
  ...CA_KEY_KINDS.map((kind) => ({ layout: "root-and-issuing", keys: ["p384", kind] }) as const),
  ...CA_KEY_KINDS.map((kind) => ({ layout: "root-and-issuing", keys: [kind, "p256"] }) as const),
  ...CA_KEY_KINDS.map((kind) => ({ layout: "three-tier", keys: ["p384", kind, "p256"] }) as const),
  ...CA_KEY_KINDS.map((kind) => ({ layout: "three-tier", keys: [kind, kind, kind] }) as const),
];
const made = new Map<LayoutCase, LaidOut>();

beforeAll(async () => {
  for (const one of CASES) made.set(one, await issueByLayout(lab, one));
  recordEvidence(
    `${String(CASES.length)} CAs by \`mayfly ca init\`: three layouts, keys on P-256, P-384, P-521 and RSA of 2048, 3072 and 4096 bits`,
  );
  if (go !== undefined) {
    recordVersion("Go", go);
    buildGoTool(GO_JUDGE);
  }
}, 600_000);

afterAll(() => {
  lab.remove();
});

const certificates = () => CASES.map((one) => made.get(one)!.judged);

describe("certificates of every layout", () => {
  it("verify with OpenSSL, strictly", async () => {
    expect(await objections(makeOpensslJudge("each at its ends"), certificates())).toEqual([]);
    recordEvidence(`OpenSSL verifies all ${String(CASES.length)} chains, strictly, at both ends of the certificate`);
  });

  it("verify with pkijs, SCTs included", async () => {
    expect(await objections(pkijsJudge, certificates())).toEqual([]);
  });

  itWithGo(`verify with Go's crypto/x509, SCTs with certificate-transparency-go${skipped}`, async () => {
    expect(await objections(goJudge, certificates())).toEqual([]);
    recordEvidence(
      `Go (crypto/x509, certificate-transparency-go) verifies all ${String(CASES.length)} chains and SCTs`,
    );
  });

  it.each(CASES.map((one) => [describeLayout(one), one] as const))("verify with @sigstore/verify: %s", (_, one) => {
    verifyAsClient(made.get(one)!);
  });

  it("count for the log as those of the authority that signs, the root itself where it is alone", () => {
    for (const one of CASES) {
      const { chain, leaf } = made.get(one)!.judged;
      const signing = new X509Certificate(chain[0]!);
      const text = new X509Certificate(leaf);
      expect(text.checkIssued(signing)).toBe(true);
      expect(chain).toHaveLength(one.keys.length);
      if (one.layout === "lone-root") expect(signing.subject).toBe(signing.issuer);
    }
  });
});
