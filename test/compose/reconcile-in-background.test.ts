import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reconciliation } from "../../src/adapters/telemetry/reconcile-metrics.ts";
import { dataPaths, type DataPaths } from "../../src/compose/data-paths.ts";
import { reconcileInBackground } from "../../src/compose/reconcile-in-background.ts";
import { activeShard } from "../../src/config/active-shard.ts";
import { askForCertificate } from "../support/ask.ts";
import { startTestService, type TestService } from "../support/service.ts";

const ISSUED = 3;
let running: TestService;
let paths: DataPaths;

beforeAll(async () => {
  running = await startTestService("reconcile: { everySeconds: 0 }\n");
  paths = dataPaths(running.config);
  for (let at = 0; at < ISSUED; at++) {
    const token = await running.issuer.mintToken("email");
    expect(await askForCertificate(running.service.publicUrl, token)).toMatchObject({ status: 200 });
  }
});

afterAll(async () => {
  await running.close();
});

interface Told {
  readonly reconciliation: Reconciliation;
  /** Log lines before it and after the one before. */
  readonly notices: readonly (readonly unknown[])[];
}

/** Compares until so many comparisons have ended; `between` is called after each but the last. */
async function compare(times: number, between: (time: number) => void = () => undefined): Promise<readonly Told[]> {
  const told: Reconciliation[] = [];
  const notices: unknown[][] = [];
  const { origin } = activeShard(running.config);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const background = reconcileInBackground({
    logs: () => [{ name: "log", origin, paths }],
    auditTrail: paths.auditTrail,
    clock: { now: () => Date.now() },
    everyMs: 1,
    telemetry: {
      notice: (...notice) => void notices.push([told.length - 1, ...notice]),
      reconciled: (reconciliation) => {
        told.push(reconciliation);
        if (told.length < times) between(told.length);
        else resolve(undefined);
      },
    },
  });
  await promise;
  await background.close();
  const ofTime = (time: number) => notices.filter(([at]) => at === time).map(([, ...notice]) => notice);
  return told.slice(0, times).map((reconciliation, time) => ({ reconciliation, notices: ofTime(time) }));
}

describe("reconciling in the background", () => {
  it("compares again and again, beside the service, and says nothing while all is well", async () => {
    const good = {
      reconciliation: { result: "good", gaps: 0, covered: [{ shard: "log", entries: ISSUED }] },
      notices: [],
    };
    expect(await compare(3)).toMatchObject([good, good, good]);
  });

  it("says in one line that there are gaps, each time until there are none", async () => {
    const whole = readFileSync(paths.auditTrail);
    rmSync(paths.auditTrail);
    const told = await compare(3, (time) => {
      if (time === 2) writeFileSync(paths.auditTrail, whole);
    });
    const gaps = {
      reconciliation: { result: "gaps", gaps: ISSUED },
      notices: [
        [
          "error",
          "log and audit trail do not fit together",
          { gaps: ISSUED, where: "log entry 0", what: expect.stringContaining("there is no intent") },
        ],
      ],
    };
    expect(told).toMatchObject([gaps, gaps, { reconciliation: { result: "good" }, notices: [] }]);
  });

  it("says that it could not compare, which is no gap, and tries again", async () => {
    const aside = `${paths.auditTrail}.aside`;
    renameSync(paths.auditTrail, aside);
    // A folder in the place of the file.
    mkdirSync(paths.auditTrail);
    writeFileSync(join(paths.auditTrail, "file"), "");
    const told = await compare(2, () => {
      rmSync(paths.auditTrail, { recursive: true });
      renameSync(aside, paths.auditTrail);
    });
    expect(told).toMatchObject([
      {
        reconciliation: { result: "failed" },
        notices: [["warn", "log and audit trail could not be compared", { error: expect.any(String) }]],
      },
      { reconciliation: { result: "good" }, notices: [] },
    ]);
  });

  it("ends at once when it is closed, whatever it is doing", async () => {
    const told: Reconciliation[] = [];
    const started = Promise.withResolvers<undefined>();
    const background = reconcileInBackground({
      logs: () => {
        started.resolve(undefined);
        return [];
      },
      auditTrail: paths.auditTrail,
      clock: { now: () => Date.now() },
      everyMs: 1,
      telemetry: {
        notice: (...notice) => {
          throw new TypeError(`nothing is said after the end: ${JSON.stringify(notice)}`);
        },
        reconciled: (reconciliation) => void told.push(reconciliation),
      },
    });
    await started.promise;
    await background.close();
    await background.close();
    expect(told).toEqual([]);
  });
});
