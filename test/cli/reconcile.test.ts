import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import type { DevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { startService } from "../../src/compose/start-service.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { askForCertificate } from "../support/ask.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";
import { configText } from "../support/service.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-cli-reconcile-"));
const configFile = join(folder, "mayfly.yaml");
const data = join(folder, "data");
const ISSUED = 5;
let issuer: DevelopmentIssuer;

const start = (): Promise<RunningService> =>
  startService(loadConfig(configFile), { env: {}, destination: join(folder, "mayfly.log") });

async function stop({ shutdown }: RunningService): Promise<void> {
  shutdown.stop();
  expect(await shutdown.stopped).toBe(0);
}

async function issue({ publicUrl }: RunningService): Promise<void> {
  expect(await askForCertificate(publicUrl, await issuer.mintToken("email"))).toMatchObject({ status: 200 });
}

beforeAll(async () => {
  issuer = await startDevelopmentIssuer();
  writeFileSync(configFile, configText(issuer, data));
  const service = await start();
  for (let at = 0; at < ISSUED; at++) await issue(service);
  await stop(service);
});

afterAll(async () => {
  await issuer.close();
  rmSync(folder, { recursive: true });
});

const reconcile = (...args: readonly string[]): Promise<CliOutcome> =>
  runCli(["reconcile", "--config", configFile, ...args]);

/** Reconciles a copy of the data folder to which something was done. */
async function reconcileAfter(change: (copy: string) => void): Promise<CliOutcome & { readonly gaps: string[] }> {
  const copy = mkdtempSync(join(folder, "copy-"));
  cpSync(data, copy, { recursive: true });
  change(copy);
  const outcome = await reconcile("--data-directory", copy);
  return { ...outcome, gaps: [...outcome.stdout.matchAll(/^gap: (.*)$/gmu)].map(([, line]) => line ?? "") };
}

/** Changes lines of the trail and makes the chain anew, as somebody would who knows how it is made. */
const rewrite = (change: (lines: Record<string, unknown>[]) => Record<string, unknown>[]) => (copy: string) => {
  const path = join(copy, "audit.jsonl");
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  let previous = "";
  const written = change(lines.map((line) => JSON.parse(line) as Record<string, unknown>)).map((line, at) => {
    const text = JSON.stringify({ ...line, seq: at + 1, previous });
    previous = createHash("sha256").update(text).digest("hex");
    return `${text}\n`;
  });
  writeFileSync(path, written.join(""));
};

/** Makes three files of the trail, which begin before the second and the fourth certificate. */
function splitTrail(copy: string): void {
  rewrite((lines) => {
    const { writer, format } = lines[0] ?? {};
    const opening = (file: number, logIndex: number): Record<string, unknown> => {
      const highestLogIndexes = { [String(lines[3]?.["logId"])]: logIndex };
      return { kind: "file", writer, seq: 0, previous: "", format, file, highestLogIndexes };
    };
    return lines.toSpliced(8, 0, opening(3, 2)).toSpliced(4, 0, opening(2, 0));
  })(copy);
  const path = join(copy, "audit.jsonl");
  const lines = readFileSync(path, "utf8").split("\n");
  writeFileSync(join(copy, "audit-000001.jsonl"), `${lines.slice(0, 4).join("\n")}\n`);
  writeFileSync(join(copy, "audit-000002.jsonl"), `${lines.slice(4, 9).join("\n")}\n`);
  writeFileSync(path, lines.slice(9).join("\n"));
}

const sql = (statement: string) => (copy: string) => {
  const database = new DatabaseSync(join(copy, "log.sqlite"));
  expect(database.prepare(statement).run().changes).toBe(1);
  database.close();
};

describe("reconcile", () => {
  it("says of a folder in which all is well what it compared, and exits with 0", async () => {
    const { code, stdout, stderr } = await reconcile();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      [
        "audit trail files 1 to 1",
        "  intents      5, of which 0 have no entry",
        "log log",
        "  entries      5",
        "  issued       5",
        "  undelivered  0, logged and then refused or failed",
        "  unanswered   0, logged and without an outcome",
        "  not covered  0",
        "good\n",
      ].join("\n"),
    );
  });

  it("prints the same as one JSON object", async () => {
    const { code, stdout, stderr } = await reconcile("--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      trail: { firstFile: 1, lastFile: 1, intents: ISSUED, abandoned: 0 },
      logs: [
        {
          name: "log",
          logId: expect.stringMatching(/^[0-9a-f]{64}$/u),
          size: ISSUED,
          issued: ISSUED,
          undelivered: 0,
          unanswered: 0,
          notCovered: 0,
        },
      ],
      gapCount: 0,
      gaps: [],
    });
  });

  it("works beside a running service that issues, and raises no false alarm", async () => {
    const copy = mkdtempSync(join(folder, "busy-"));
    const file = join(copy, "mayfly.yaml");
    writeFileSync(file, configText(issuer, join(copy, "data")));
    const service = await startService(loadConfig(file), { env: {}, destination: join(copy, "mayfly.log") });
    let isOver = false;
    const callers = Array.from({ length: 8 }, async () => {
      while (!isOver) await issue(service);
    });
    for (let round = 0; round < 5; round++) {
      expect((await runCli(["reconcile", "--config", file])).stdout).toMatch(/\ngood\n$/u);
    }
    isOver = true;
    await Promise.all(callers);
    await stop(service);
    const { stdout } = await runCli(["reconcile", "--config", file, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, logs: [{ undelivered: 0, unanswered: 0, notCovered: 0 }] });
  });

  const CHANGES: readonly [name: string, change: (copy: string) => void, gaps: readonly RegExp[]][] = [
    [
      "a row was removed from the log",
      sql("DELETE FROM entry WHERE idx = 2"),
      [/^audit\.jsonl line 8: serial number [0-9a-f]{40} was issued as entry 2 of log, which is missing$/u],
    ],
    [
      "an intent and its outcome were removed from the trail",
      rewrite((lines) => lines.toSpliced(6, 2)),
      [/^log entry 2: serial number [0-9a-f]{40} was logged, and there is no intent$/u],
    ],
    [
      "an intent alone was removed from the trail",
      rewrite((lines) => lines.toSpliced(6, 1)),
      [/^audit\.jsonl line 7: serial number [0-9a-f]{40} was issued, and there is no intent$/u],
    ],
    [
      "the log id in the trail is another one",
      rewrite((lines) => lines.map((line, at) => (at === 7 ? { ...line, logId: "00".repeat(32) } : line))),
      [/^audit\.jsonl line 8: serial number [0-9a-f]{40} was issued as entry 2 in the log 0{64}, which is not here$/u],
    ],
    [
      "another TBS was intended",
      rewrite((lines) => lines.map((line, at) => (at === 6 ? { ...line, tbsSha256: "00".repeat(32) } : line))),
      [/^audit\.jsonl line 8: .* was logged as entry 2 of log with other content than audit\.jsonl line 7 intends$/u],
    ],
    [
      "a line of the trail says what no line says",
      rewrite((lines) => lines.map((line, at) => (at === 6 ? { ...line, serialNumber: "none" } : line))),
      [/^audit trail: .*line 7 of the audit trail in audit\.jsonl is none that Mayfly writes$/u],
    ],
    [
      "a line was removed and the chain not made anew",
      (copy) => {
        const path = join(copy, "audit.jsonl");
        writeFileSync(path, readFileSync(path, "utf8").split("\n").toSpliced(6, 1).join("\n"));
      },
      [/^audit trail: .*line 7 of the audit trail in audit\.jsonl is out of its sequence$/u],
    ],
    [
      "a file of the trail is missing in the middle",
      (copy) => {
        splitTrail(copy);
        rmSync(join(copy, "audit-000002.jsonl"));
      },
      [/^audit trail: .*line 1 of the audit trail in audit\.jsonl .*$/u],
    ],
    [
      "the whole trail is gone",
      (copy) => {
        rmSync(join(copy, "audit.jsonl"));
      },
      Array(ISSUED).fill(/there is no intent$/u),
    ],
  ];

  it.each(CHANGES)("finds that %s, and exits with 1", async (_, change, gaps) => {
    const outcome = await reconcileAfter(change);
    expect(outcome.gaps).toEqual(gaps.map((gap) => expect.stringMatching(gap) as unknown));
    expect(outcome).toMatchObject({ code: 1, stdout: expect.stringContaining(`\nGAPS: ${gaps.length}\n`) });
  });

  it("counts what a killed process left as unanswered", async () => {
    const cut = (copy: string): void => {
      const path = join(copy, "audit.jsonl");
      writeFileSync(path, `${readFileSync(path, "utf8").trimEnd().split("\n").slice(0, -1).join("\n")}\n`);
    };
    const { code, stdout } = await reconcileAfter(cut);
    expect({ code, lines: stdout.split("\n") }).toMatchObject({
      code: 0,
      lines: expect.arrayContaining(["  issued       4", "  unanswered   1, logged and without an outcome"]),
    });
  });

  it("reads a trail of several files, and says what it does not cover when the oldest were taken away", async () => {
    const whole = await reconcileAfter(splitTrail);
    expect(whole).toMatchObject({ code: 0, stdout: expect.stringContaining("audit trail files 1 to 3\n") });
    const { code, stdout } = await reconcileAfter((copy) => {
      splitTrail(copy);
      for (const name of ["audit-000001.jsonl", "audit-000002.jsonl"]) rmSync(join(copy, name));
    });
    expect({ code, lines: stdout.split("\n") }).toMatchObject({
      code: 0,
      lines: expect.arrayContaining(["audit trail files 3 to 3", "  issued       2", "  not covered  3"]),
    });
  });

  it("leaves out what is older than --since, and refuses what is no time", async () => {
    const later = await reconcile("--since", "2100-01-01T00:00:00Z", "--json");
    expect(JSON.parse(later.stdout)).toMatchObject({ ok: true, logs: [{ issued: 0, notCovered: ISSUED }] });
    for (const text of ["yesterday", "2026-13-01", "1767225600", ""]) {
      const { code, stderr } = await reconcile("--since", text);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("It is no time such as") });
    }
  });

  it("refuses a log of another origin", async () => {
    const other = join(folder, "other.yaml");
    writeFileSync(other, readFileSync(configFile, "utf8").replace("localhost/test-log", "localhost/another"));
    const { code, stderr } = await runCli(["reconcile", "--config", other]);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("localhost/another") });
  });
});
