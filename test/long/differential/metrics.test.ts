import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { ask, askForCertificate } from "../../support/ask.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { itWhen } from "../../support/it-when.ts";
import { findPromtool, promtoolComplaints, promtoolVersion } from "../../support/promtool.ts";
import { startTestService } from "../../support/service.ts";
import type { TestService } from "../../support/service.ts";

const promtool = findPromtool();
const [itWithPromtool, skipped] = itWhen(promtool !== undefined, "no promtool, and no Debian to take it from");

/** What goes against promtool's advice, by names that are not ours to choose: Fulcio's, and those of prom-client. */
const AGAINST_ADVICE = [
  /^fulcio_new_certs counter metrics should have "_total" suffix$/u,
  /^nodejs_active_(?:handles|requests|resources)_total non-counter metrics should not have "_total" suffix$/u,
];

let mayfly: TestService;

beforeAll(async () => {
  mayfly = await startTestService();
});

afterAll(() => mayfly.close());

/** The metrics after a grant, a refusal and a read: by then every metric has its labels. */
async function metricsAfterRequests(): Promise<string> {
  const { publicUrl, operationsUrl } = mayfly.service;
  for (const token of [await mayfly.issuer.mintToken("email"), "a.b.c"]) await askForCertificate(publicUrl, token);
  await ask(`${publicUrl}/api/v2/trustBundle`);
  const { status, text } = await ask(`${operationsUrl}/metrics`);
  expect(status).toBe(200);
  return text;
}

describe("the metrics of the operations listener", () => {
  itWithPromtool(`are what promtool takes, and named as it advises${skipped}`, async () => {
    const program = promtool ?? "";
    const metrics = await metricsAfterRequests();
    const complaints = promtoolComplaints(program, metrics);
    expect(complaints.filter((text) => !AGAINST_ADVICE.some((known) => known.test(text)))).toEqual([]);
    const families = metrics.match(/^# TYPE /gmu) ?? [];
    expect(families.length).toBeGreaterThan(20);
    recordVersion("promtool", promtoolVersion(program));
    recordEvidence(
      `${String(families.length)} metrics of the operations listener are taken by promtool; it would name ${String(complaints.length)} of Fulcio's and prom-client's otherwise`,
    );
  });

  itWithPromtool(`are complained about by promtool where they are wrong${skipped}`, async () => {
    const program = promtool ?? "";
    const metrics = await metricsAfterRequests();
    expect(promtoolComplaints(program, metrics.replace(/^# TYPE (\S+) counter$/mu, "# TYPE $1 nonsense"))).not.toEqual(
      [],
    );
    expect(promtoolComplaints(program, `${metrics}mayfly_unfinished{label="x" 1\n`)).not.toEqual([]);
  });
});
