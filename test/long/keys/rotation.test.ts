import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { leafOf } from "../../../dev/sign-file.ts";
import { openSqliteLogRecords } from "../../../src/adapters/log-store/sqlite/open-sqlite-log-records.ts";
import { decodePrecertEntry } from "../../../src/ctlog/decode-precert-entry.ts";
import { GO_JUDGE, goJudge } from "../../judges/go-judge.ts";
import type { GoQuestion } from "../../judges/go-judge.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import { AUTHORITIES, openRotationLab, timeText } from "../../support/rotation-lab.ts";
import type { AuthorityName, RotationLab } from "../../support/rotation-lab.ts";

const go = goVersion();
const [itWithGo, skipped] = itWhen(go !== undefined, "no go command");
if (go !== undefined) recordVersion("Go", go);

const DAY_MS = 86_400_000;

describe(`two rotations of the issuing CA in one service${skipped}`, () => {
  let lab: RotationLab;
  /** What Go is asked of each certificate, but for the chain. */
  const certificates = new Map<AuthorityName, Omit<GoQuestion, "chain">>();
  /** Of the last trust files. */
  let chains: readonly (readonly Uint8Array[])[];

  beforeAll(async () => {
    if (go === undefined) return;
    buildGoTool(GO_JUDGE);
    lab = await openRotationLab();
    const { line, text } = lab;
    const closed = { end: timeText(Date.now() + DAY_MS) };
    const lists: Readonly<Record<AuthorityName, readonly string[]>> = {
      a: [line("a", "active"), line("b", "staged")],
      b: [line("a", "retired", closed), line("b", "active"), line("c", "staged")],
      c: [line("a", "retired", closed), line("b", "retired", closed), line("c", "active")],
    };
    const service = await lab.start(text(...lists.a));
    const leaves: Buffer[] = [];
    for (const name of AUTHORITIES) {
      if (name !== "a") expect(await lab.reload(service, text(...lists[name]))).toContain('"applied"');
      leaves.push(leafOf((await lab.sign(service)).bundle));
    }
    const last = TrustedRoot.fromJSON(JSON.parse((await lab.trust(service, "trusted_root.json")).text));
    chains = last.certificateAuthorities.map(({ certChain }) =>
      certChain!.certificates.map(({ rawBytes }) => rawBytes),
    );
    const { records, close } = await openSqliteLogRecords(join(lab.at("data"), "log.sqlite"));
    const entries = (await records.entries(0, leaves.length)).map(decodePrecertEntry);
    const logKey = records.manifest.logPublicKey;
    await close();
    AUTHORITIES.forEach((name, at) => {
      const { preCertificate: precertificate, signedEntry } = entries[at]!;
      certificates.set(name, { leaf: leaves[at]!, precertificate, loggedTbs: signedEntry.tbsCertificate, logKey });
    });
  }, 600_000);
  afterAll(() => (go === undefined ? undefined : lab.close()));

  const faultsWith = async (name: AuthorityName, chain: readonly Uint8Array[]): Promise<readonly string[]> => {
    const [judgement] = await goJudge([{ ...certificates.get(name)!, chain }]);
    return judgement!.faults;
  };

  itWithGo(
    "leave every certificate to be verified by Go with one chain of the last trust files, and no other",
    async () => {
      for (const name of AUTHORITIES) {
        const faults = await Promise.all(chains.map((chain) => faultsWith(name, chain)));
        expect(faults.filter((found) => found.length === 0)).toHaveLength(1);
      }
      recordEvidence(
        `Go's crypto/x509 and CT library: ${AUTHORITIES.length} CAs, each certificate under its own chain alone`,
      );
    },
  );

  itWithGo("do not when the order of the chains is another", async () => {
    for (const name of AUTHORITIES) {
      for (const chain of chains) expect(await faultsWith(name, chain.toReversed())).not.toEqual([]);
    }
    recordEvidence("no certificate verifies with a chain that has its root first");
  });
});
