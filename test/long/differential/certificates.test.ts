import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { certificateParts } from "../../support/differential/certificate.ts";
import { compareCertificates } from "../../support/differential/compare.ts";
import { CERTIFICATE_DIVERGENCES } from "../../support/differential/divergences.ts";
import { openLab } from "../../support/differential/lab.ts";
import type { Lab } from "../../support/differential/lab.ts";
import { FULCIO } from "../../support/differential/real-fulcio.ts";
import type { DifferentialRequest } from "../../support/differential/request.ts";
import { GROUPS } from "../../support/differential/requests/groups.ts";
import { sendHttp } from "../../support/differential/send-http.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { CTFE } from "../../support/foreign-log/trillian-log.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";

/** More would only repeat the keys and claims there are. */
const LEAST_CERTIFICATES = 60;

const isGoThere = goVersion() !== undefined;
const [itWithGo, skipped] = itWhen(isGoThere, "no Go to build Fulcio");

let lab: Lab;

beforeAll(async () => {
  if (!isGoThere) return;
  for (const tool of [CTFE, FULCIO]) buildGoTool(tool);
  lab = await openLab();
});

afterAll(() => (isGoThere ? lab.close() : undefined));

/** The certificates of the two for one request; undefined unless both give one. */
async function certificatesFor(request: DifferentialRequest) {
  const call = request.call("http-v2", lab.source);
  if (call.kind !== "http") throw new RangeError("version 2 over HTTP is no HTTP");
  const [fulcio, mayfly] = [await sendHttp(lab.fulcio.url, call), await sendHttp(lab.mayfly.url, call)].map(
    ({ text }) =>
      /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/su.exec(text)?.[0].replaceAll(String.raw`\n`, "\n"),
  );
  if (fulcio === undefined || mayfly === undefined || !call.path.endsWith("signingCert")) return undefined;
  return { fulcio: certificateParts(fulcio), mayfly: certificateParts(mayfly) };
}

describe("certificates of Fulcio and Mayfly, by one CA for one token and key", () => {
  itWithGo(`are the same but for serial number, times and SCT${skipped}`, async () => {
    const problems: string[] = [];
    const shown = new Set<string>();
    const names = new Set<string>();
    let compared = 0;
    for (const request of GROUPS.flatMap(({ requests }) => requests)) {
      if (!request.entrances.includes("http-v2")) continue;
      const certificates = await certificatesFor(request);
      if (certificates === undefined) continue;
      const comparison = compareCertificates(certificates, request.certificateRows);
      problems.push(...comparison.problems.map((problem) => `${request.name}: ${problem}`));
      for (const row of comparison.shown) shown.add(row);
      for (const name of Object.keys(certificates.fulcio)) names.add(name);
      compared += 1;
    }
    expect(problems).toEqual([]);
    expect(compared).toBeGreaterThanOrEqual(LEAST_CERTIFICATES);
    // Whether Fulcio reads its clock in two different seconds is chance.
    expect(Object.keys(CERTIFICATE_DIVERGENCES).filter((row) => row !== "validity" && !shown.has(row))).toEqual([]);
    const extensions = [...names].filter((name) => name.startsWith("extension "));
    recordEvidence(
      `${String(compared)} pairs of certificates with ${String(extensions.length)} different extensions, read by PKI.js: ` +
        "the same values in the same order, but for serial number, times, SCT and the rows " +
        [...shown].map((row) => `"${row}"`).join(", "),
    );
  });
});
