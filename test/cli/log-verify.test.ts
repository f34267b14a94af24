import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import type { DevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { makeProgress } from "../../src/cli/progress.ts";
import { startService } from "../../src/compose/start-service.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { askForCertificate } from "../support/ask.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";
import { sealRows } from "../support/seal-rows.ts";
import { configText, ORIGIN } from "../support/service.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-cli-verify-"));
const configFile = join(folder, "mayfly.yaml");
const data = join(folder, "data");
const ISSUED = 5;
let issuer: DevelopmentIssuer;

async function start(): Promise<RunningService> {
  return startService(loadConfig(configFile), { env: {}, destination: join(folder, "mayfly.log") });
}

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

const verify = (...args: readonly string[]): Promise<CliOutcome> =>
  runCli(["log", "verify", "--config", configFile, ...args]);

describe("log verify", () => {
  it("says of a folder in which all is well what is in it, and exits with 0", async () => {
    const { code, stdout, stderr } = await verify();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = [
      `log ${join(data, "log.sqlite")}`,
      `  origin       ${ORIGIN}`,
      "  log id       [A-Za-z0-9+/]{43}=",
      "  entries      5",
      "  root         [A-Za-z0-9+/]{43}=",
      "  tiles        1",
      "  audit trail  12 lines of 1 processes, 5 certificates issued",
      "good",
    ];
    expect(stdout).toMatch(new RegExp(`^${lines.join("\n").replaceAll("+/", "+/")}\n$`, "u"));
  });

  it("prints the same as one JSON object", async () => {
    const { code, stdout, stderr } = await verify("--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^\{[^\n]*\}\n$/u);
    const report = JSON.parse(stdout) as Record<string, { root: string }>;
    expect(report).toMatchObject({
      ok: true,
      origin: ORIGIN,
      head: { size: ISSUED },
      published: { size: ISSUED },
      headMark: { size: ISSUED },
      audit: { lines: 12, starts: 1, tornLines: 0, highestLogIndexes: expect.any(Object), firstFile: 1, lastFile: 1 },
      answered: ISSUED,
      problemCount: 0,
      problems: [],
    });
    const { logId, audit } = JSON.parse(stdout) as { logId: string; audit: { highestLogIndexes: unknown } };
    expect(audit.highestLogIndexes).toEqual({ [Buffer.from(logId, "base64").toString("hex")]: 4 });
    expect(report["published"]?.root).toBe(report["head"]?.root);
    expect(report["headMark"]?.root).toBe(report["head"]?.root);
  });

  it("works beside a running service, and changes nothing in the folder", async () => {
    const service = await start();
    const issuing = Promise.all(Array.from({ length: 8 }, () => issue(service)));
    const before = readFileSync(join(data, "audit.jsonl"));
    expect((await verify()).stdout).toMatch(/\ngood\n$/u);
    await issuing;
    expect(readFileSync(join(data, "audit.jsonl")).subarray(0, before.length).equals(before)).toBe(true);
    const { stdout } = await verify("--json");
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, head: { size: ISSUED + 8 }, answered: ISSUED + 8 });
    await stop(service);
    expect(readdirSync(data).sort()).toEqual(expect.arrayContaining(["audit.jsonl", "head.note", "log.sqlite"]));
  });

  it("verifies the log as its readers get it, by the URL of the running service", async () => {
    const service = await start();
    const { stdout, code } = await runCli([
      ...["log", "verify", `${service.publicUrl}/test-log`, "--config", configFile, "--json"],
    ]);
    expect({ code, report: JSON.parse(stdout) as unknown }).toMatchObject({
      code: 0,
      report: { ok: true, kind: "static-ct", origin: ORIGIN, tiles: 1, notices: [] },
    });
    await stop(service);
  });

  /** Verifies a copy of the data folder to which something was done. */
  async function verifyAfter(change: (copy: string) => void): Promise<CliOutcome & { readonly damage: string[] }> {
    const copy = mkdtempSync(join(folder, "copy-"));
    cpSync(data, copy, { recursive: true });
    change(copy);
    const outcome = await verify("--data-directory", copy);
    const damage = [...outcome.stdout.matchAll(/^damaged: (.*)$/gmu)].map(([, line]) => line ?? "");
    return { ...outcome, damage };
  }

  /** Changes rows as somebody would who knows how they are checked. */
  const sql =
    (...statements: readonly string[]) =>
    (copy: string): void => {
      const database = new DatabaseSync(join(copy, "log.sqlite"));
      for (const statement of statements) database.exec(statement);
      sealRows(database);
      database.close();
    };

  const edit =
    (file: string, change: (text: string) => string) =>
    (copy: string): void => {
      const path = join(copy, file);
      const text = readFileSync(path, "utf8");
      expect(change(text)).not.toBe(text);
      writeFileSync(path, change(text));
    };

  /** Changes one byte of an entry: SQLite has no function for it, so the bytes go through here. */
  const flip =
    (table: "entry" | "issuer", where: string, position: (bytes: Buffer) => number) =>
    (copy: string): void => {
      const column = table === "entry" ? "stored" : "der";
      const database = new DatabaseSync(join(copy, "log.sqlite"));
      const row = database.prepare(`SELECT ${column} AS bytes FROM ${table} WHERE ${where}`).get();
      const bytes = Buffer.from(row?.["bytes"] as Uint8Array);
      const at = position(bytes);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      expect(database.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(bytes).changes).toBeGreaterThan(
        0,
      );
      sealRows(database);
      database.close();
    };

  /** Where the checkpoint stands that the log of this folder was frozen with, had it been. */
  const finalNoteIn = (copy: string): string => {
    const database = new DatabaseSync(join(copy, "log.sqlite"));
    const row = database.prepare("SELECT log_id FROM manifest").get();
    database.close();
    return join(copy, `frozen-${Buffer.from(row?.["log_id"] as Uint8Array).toString("hex")}.note`);
  };

  const FINGERPRINTS = 2 + 2 * 32;

  const DAMAGE: readonly [name: string, change: (copy: string) => void, says: string | RegExp][] = [
    [
      "the timestamp of an entry",
      flip("entry", "idx = 2", () => 7),
      "tile 0/0: hash 2 is not the one that follows from the entries",
    ],
    [
      "the logged TBS of an entry",
      flip("entry", "idx = 2", () => 200),
      "entry 2: its precertificate is not the logged one: ",
    ],
    [
      "the precertificate of an entry, which the tree does not commit to",
      flip("entry", "idx = 2", (bytes) => bytes.length - FINGERPRINTS - 400),
      /^entry 2: its precertificate is not the logged one: /u,
    ],
    [
      "the signature of a precertificate",
      flip("entry", "idx = 2", (bytes) => bytes.length - FINGERPRINTS - 1),
      "entry 2: its precertificate was not signed by the issuing CA",
    ],
    [
      "a fingerprint of a chain",
      flip("entry", "idx = 2", (bytes) => bytes.length - 1),
      /^issuer [0-9a-f]{64}: is missing$/u,
    ],
    [
      "a stored CA certificate",
      flip("issuer", "1 = 1", (bytes) => bytes.length - 1),
      /^issuer [0-9a-f]{64}: was changed$/u,
    ],
    [
      "the index of an entry",
      flip("entry", "idx = 2", (bytes) => bytes.indexOf("0000050000000002", 0, "hex") + 7),
      "entry 2: says that it is entry 3",
    ],
    [
      "the note of the checkpoint",
      sql("UPDATE published SET note = replace(note, 'localhost', 'otherhost')"),
      "published checkpoint: ",
    ],
    [
      "the time of the checkpoint",
      sql("UPDATE published SET timestamp_ms = timestamp_ms + 1"),
      "published checkpoint: its note says something else",
    ],
    [
      "the size of the checkpoint",
      sql("UPDATE published SET size = size - 1"),
      "published checkpoint: its note says something else",
    ],
    [
      "a checkpoint that one key did not sign",
      sql(
        "UPDATE published SET note = substr(note, 1, instr(substr(note, instr(note, char(10) || char(10)) + 3), char(10)) + instr(note, char(10) || char(10)) + 2)",
      ),
      "published checkpoint: no signature by a known key",
    ],
    [
      "the origin",
      sql("UPDATE manifest SET origin = 'ca.example.com/other'"),
      "manifest: the log was made as ca.example.com/other, not as localhost/test-log",
    ],
    [
      "the log id",
      sql("UPDATE manifest SET log_id = zeroblob(32)"),
      "manifest: the log id is not that of the log's key",
    ],
    [
      "the log's key",
      sql("UPDATE manifest SET log_public_key = zeroblob(91)"),
      "manifest: the log's key is no SubjectPublicKeyInfo",
    ],
    [
      "the head mark",
      edit("head.note", (text) => text.replace(/\n.{44}\n/u, `\n${Buffer.alloc(32).toString("base64")}\n`)),
      /^head\.note: /u,
    ],
    [
      "the format of the head mark",
      edit("head.note", () => "no note\n"),
      /^head\.note: .*holds no checkpoint of the log/u,
    ],
    [
      "the database of a frozen log, which is one from before",
      (copy) => {
        cpSync(join(copy, "head.note"), finalNoteIn(copy));
      },
      /^frozen-[0-9a-f]{64}\.note: says that the log is frozen, its database does not$/u,
    ],
    [
      "the last checkpoint of a frozen log",
      (copy) => {
        writeFileSync(
          finalNoteIn(copy),
          readFileSync(join(copy, "head.note"), "utf8").replace(
            /\n.{44}\n/u,
            `\n${Buffer.alloc(32).toString("base64")}\n`,
          ),
        );
      },
      /^frozen-[0-9a-f]{64}\.note: wrong signature/u,
    ],
    [
      "the format of the last checkpoint of a frozen log",
      (copy) => {
        writeFileSync(finalNoteIn(copy), "no note\n");
      },
      /^frozen-[0-9a-f]{64}\.note: .*holds no checkpoint of the log/u,
    ],
    [
      "a line of the audit trail",
      edit("audit.jsonl", (text) => text.replace('"intent"', '"INTENT"')),
      /^audit\.jsonl: line \d+ of the audit trail /u,
    ],
  ];

  it.each(DAMAGE)("finds that %s was changed, says where, and exits with 1", async (_, change, says) => {
    const { code, stderr, stdout, damage } = await verifyAfter(change);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(damage.find((line) => (typeof says === "string" ? line.startsWith(says) : says.test(line)))).toBeDefined();
    expect(stdout).toMatch(/\nDAMAGED: \d+ problems?\n$/u);
  });

  it.each([
    ["manifest", "UPDATE manifest SET created_ms = created_ms + 1"],
    ["head", "UPDATE head SET timestamp_ms = timestamp_ms + 1"],
    ["published checkpoint", "UPDATE published SET note = note || ' '"],
  ])("says that the row of %s is damaged, without which there is nothing to compare with", async (place, statement) => {
    const { code, stderr } = await verifyAfter((copy) => {
      const database = new DatabaseSync(join(copy, "log.sqlite"));
      database.exec(statement);
      database.close();
    });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `mayfly: ${place} is not as it was written: its row has another checksum (LOG_CORRUPT)\n`,
    });
  });

  it("finds certificates that were answered but are not in the log, and the head mark that knows of them", async () => {
    const { code, damage } = await verifyAfter((copy) => {
      const other = new DatabaseSync(join(copy, "log.sqlite"));
      const { last } = other.prepare("SELECT max(idx) AS last FROM entry").get() as { last: number };
      other.exec(`DELETE FROM entry WHERE idx = ${String(last)}`);
      other.close();
    });
    expect(code).toBe(1);
    expect(damage).toContainEqual(
      expect.stringMatching(/^audit\.jsonl line \d+: a caller was told of entry \d+, which the log does not have$/u),
    );
  });

  it("finds answered certificates whose entry is of another one", async () => {
    const swap = (copy: string): void => {
      const path = join(copy, "audit.jsonl");
      // A trail of one line, whose chain is whole: only the log can tell that it is wrong.
      const lines = readFileSync(path, "utf8").split("\n");
      const at = lines.findIndex((line) => line.includes('"outcome"') && line.includes('"logIndex":4'));
      const changed = (lines[at] ?? "").replace('"logIndex":4', '"logIndex":3');
      writeFileSync(path, `${[...lines.slice(0, at), changed].join("\n")}\n`);
    };
    const { code, damage } = await verifyAfter(swap);
    expect({ code, damage }).toEqual({
      code: 1,
      damage: [
        expect.stringMatching(
          /^audit\.jsonl line \d+: a caller was told of entry 3, which is of another certificate$/u,
        ),
      ],
    });
  });

  it("finds certificates that were answered from another log", async () => {
    const { code, damage } = await verifyAfter((copy) => {
      const path = join(copy, "audit.jsonl");
      const lines = readFileSync(path, "utf8").split("\n");
      const at = lines.findIndex((line) => line.includes('"outcome"') && line.includes('"logIndex":4'));
      const changed = (lines[at] ?? "").replace(/"logId":"\w+"/u, `"logId":"${"0f".repeat(32)}"`);
      writeFileSync(path, `${[...lines.slice(0, at), changed].join("\n")}\n`);
    });
    expect({ code, damage }).toEqual({
      code: 1,
      damage: [expect.stringMatching(/^audit\.jsonl line \d+: a caller was told of entry 4 of another log$/u)],
    });
  });

  it("finds a submission that never was one", async () => {
    const { damage } = await verifyAfter(sql("INSERT INTO submission VALUES (zeroblob(32), 1)"));
    expect(damage).toEqual([expect.stringMatching(/^index of submissions: has (\d+) rows for \d+ entries$/u)]);
  });

  it("lists a hundred problems at most, and counts the others", async () => {
    const { code, damage, stdout } = await verifyAfter(sql("UPDATE head SET size = 300"));
    expect({ code, listed: damage.length }).toEqual({ code: 1, listed: 101 });
    expect(damage[99]).toMatch(/^entry \d+: is missing$/u);
    const more = Number(/^(\d+) more$/u.exec(damage[100] ?? "")?.[1]);
    expect(stdout).toContain(`\nDAMAGED: ${String(100 + more)} problems\n`);
  });

  it("refuses a folder without a log, in one line", async () => {
    const { code, stdout, stderr } = await verify("--data-directory", join(folder, "nothing"));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^mayfly: no log at [^\n]*nothing[^\n]*\n$/u);
  });

  it("refuses a file that is no log", async () => {
    const { code, stderr } = await verifyAfter((copy) => {
      writeFileSync(join(copy, "log.sqlite"), "no database".repeat(1000));
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^mayfly: [^\n]*log\.sqlite cannot be opened as a database[^\n]*\n$/u);
  });

  it("verifies the shard that is named, and refuses one that there is not", async () => {
    expect((await verify("--shard", "log")).stdout).toMatch(/\ngood\n$/u);
    const { code, stdout, stderr } = await verify("--shard", "2027");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/log\.shards: no shard is named 2027; there are log\n$/u);
  });

  it("opens no key", async () => {
    const text = readFileSync(configFile, "utf8");
    const without = join(folder, "without-keys.yaml");
    writeFileSync(without, text.replaceAll(/passphrase: \{ file: [^}]*\}/gu, "passphrase: { env: NOT_SET }"));
    expect((await runCli(["log", "verify", "--config", without])).code).toBe(0);
  });
});

describe("progress", () => {
  const run = (stderrIsTerminal: boolean, times: readonly number[]): string => {
    let now = 0;
    let text = "";
    const progress = makeProgress({ stderr: (part) => (text += part), stderrIsTerminal }, () => now);
    for (const time of times) {
      now = time;
      progress.show(`at ${String(time)}`);
    }
    progress.end();
    return text;
  };

  it("of quick work is not shown", () => {
    expect(run(false, [0, 5_000, 9_999])).toBe("");
    expect(run(true, [0, 100, 249])).toBe("");
  });

  it("is a line every ten seconds where nobody watches", () => {
    expect(run(false, [0, 10_000, 10_001, 19_999, 20_000])).toBe("at 10000\nat 20000\n");
  });

  it("is drawn over four times a second on a terminal, and removed in the end", () => {
    expect(run(true, [0, 250, 400, 500])).toBe("\r\u001b[Kat 250\r\u001b[Kat 500\r\u001b[K");
  });
});
