import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { afterAll, describe, expect, it } from "@jest/globals";

import { openAuditFile } from "../../../src/adapters/audit/file.ts";
import {
  openAuditTrailReader,
  readAuditTrailEnd,
  verifyAuditTrail,
} from "../../../src/adapters/audit/verify-audit-trail.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import type { AuditRecord } from "../../../src/ports/audit-trail.ts";
import type { TrailRecord } from "../../../src/ports/audit-trail-reader.ts";
import { CONFIGURATION, describeAuditTrail, INTENT, ISSUED, REFUSED } from "../../contracts/audit-trail.ts";
import { makeFakeClock } from "../../fakes/fake-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-audit-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let files = 0;
function newPath(): string {
  files += 1;
  return join(folder, `${files}.jsonl`);
}

const clock = makeFakeClock(1_795_348_800_000);
const writerId = (letter: string): string => letter.repeat(32);

async function writeRecords(path: string, writer: string, records: readonly AuditRecord[]): Promise<void> {
  const trail = await openAuditFile({ path, writerId: writerId(writer), clock });
  await Promise.all(records.map((record) => trail.append(record)));
  await trail.close();
}

const issued = (...indexes: readonly number[]): AuditRecord[] => indexes.map((logIndex) => ({ ...ISSUED, logIndex }));
const LOG_ID = ISSUED.logId!;
const highest = (logIndex: number) => ({ highestLogIndexes: { [LOG_ID]: logIndex } });
const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A trail of one process whose chain is whole, whatever its lines say. */
function writeChain(path: string, start: object, ...lines: readonly object[]): void {
  let previous = "";
  const texts = [{ kind: "start", format: "mayfly-audit/2", file: 1, ...start }, ...lines].map((line, at) => {
    const text = JSON.stringify({ writer: writerId("a"), seq: at + 1, previous, ...line });
    previous = sha256(text);
    return `${text}\n`;
  });
  writeFileSync(path, texts.join(""));
}

describeAuditTrail("a file trail", () => openAuditFile({ path: newPath(), writerId: writerId("a"), clock }));

describe("openAuditFile", () => {
  it("writes one JSON line per record, its members always in the same order, with the process's chain", async () => {
    const path = newPath();
    await writeRecords(path, "a", [INTENT, ISSUED, REFUSED, CONFIGURATION]);
    const lines = linesOf(path);
    const writer = writerId("a");
    const [start, intent, outcome, refusal] = lines.map((line) => sha256(line));
    expect(lines).toEqual([
      `{"kind":"start","writer":"${writer}","seq":1,"previous":"","format":"mayfly-audit/2","timeMs":1795348800000,` +
        `"file":1}`,
      `{"kind":"intent","writer":"${writer}","seq":2,"previous":"${start!}","timeMs":1795348800000,"generation":1,` +
        `"serialNumber":"${"5f".repeat(20)}","tbsSha256":"${"ab".repeat(32)}"}`,
      `{"kind":"outcome","writer":"${writer}","seq":3,"previous":"${intent!}","timeMs":1795348800005,"generation":1,` +
        `"result":"issued","issuer":"https://issuer.example","serialNumber":"${"5f".repeat(20)}",` +
        `"logId":"${LOG_ID}","logIndex":7}`,
      `{"kind":"outcome","writer":"${writer}","seq":4,"previous":"${outcome!}","timeMs":1795348800009,"generation":1,` +
        `"result":"refused","code":"invalid_token","reason":"TOKEN_EXPIRED","detail":"the token expired 12 s ago"}`,
      `{"kind":"configuration","writer":"${writer}","seq":5,"previous":"${refusal!}","timeMs":1795348800010,` +
        `"generation":2,"configuration":"${"c0".repeat(32)}","cause":"signal"}`,
    ]);
  });

  it("chains lines so that sha256sum can follow them", async () => {
    const path = newPath();
    await writeRecords(path, "a", [INTENT, ISSUED]);
    const sum = execFileSync("sh", ["-c", `sed -n 2p "$0" | tr -d '\\n' | sha256sum`, path], { encoding: "utf8" });
    expect(JSON.parse(linesOf(path)[2]!)).toMatchObject({ previous: sum.slice(0, 64) });
  });

  it("makes the file for its owner alone", async () => {
    const path = newPath();
    await writeRecords(path, "a", []);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("has a line in the file when it acknowledges it", async () => {
    const path = newPath();
    const trail = await openAuditFile({ path, writerId: writerId("a"), clock });
    for (let lines = 2; lines < 10; lines += 1) {
      await trail.append(INTENT);
      expect(linesOf(path)).toHaveLength(lines);
    }
    await trail.close();
  });

  it("appends behind what stands there and seals it with its first line", async () => {
    const path = newPath();
    await writeRecords(path, "a", [INTENT]);
    const before = readFileSync(path, "utf8");
    await writeRecords(path, "b", [ISSUED]);
    expect(readFileSync(path, "utf8").startsWith(before)).toBe(true);
    const lines = linesOf(path);
    expect(JSON.parse(lines[2]!)).toMatchObject({ kind: "start", seq: 1, previous: sha256(lines[1]!) });
  });

  it("writes nothing that merely hangs on a record, and masks what looks like a token in a detail", async () => {
    const path = newPath();
    const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
    const careless = { ...REFUSED, idToken: "SECRET-1", detail: `cannot verify ${token}` };
    await writeRecords(path, "a", [careless, Object.assign({}, INTENT, { proof: "SECRET-2" })]);
    const text = readFileSync(path, "utf8");
    expect(text).not.toMatch(/SECRET|eyJ/u);
    expect(text).toContain("cannot verify [token]");
  });

  it("writes lines that can be read back however long and odd a detail is", async () => {
    const path = newPath();
    const details = ["\u0000".repeat(50_000), 'a\nb\r\n{"kind":"start"}', "\ud800 \u2028 é", "€".repeat(9_000)];
    await writeRecords(
      path,
      "a",
      details.map((detail) => ({ ...REFUSED, detail })),
    );
    expect(await verifyAuditTrail(path)).toMatchObject({ lines: 5, starts: 1, tornLines: 0 });
  });

  it("refuses a path that is no file it may append to", async () => {
    const paths = [folder, "/dev/null", join(folder, "none", "audit.jsonl")];
    for (const path of paths) {
      await expect(openAuditFile({ path, writerId: writerId("a"), clock })).rejects.toMatchObject({
        code: "internal",
        reason: "AUDIT_FAILED",
      });
    }
  });

  it("refuses to append to a file whose end it cannot have written", async () => {
    const path = newPath();
    writeFileSync(path, "x".repeat(100_000));
    await expect(openAuditFile({ path, writerId: writerId("a"), clock })).rejects.toMatchObject({
      reason: "AUDIT_FAILED",
    });
    expect(statSync(path).size).toBe(100_000);
  });
});

describe("verifyAuditTrail", () => {
  it("reports lines, starts and the highest answered log index over all processes", async () => {
    const path = newPath();
    await writeRecords(path, "a", [INTENT, ...issued(0, 5, 3), REFUSED]);
    await writeRecords(path, "b", issued(4));
    expect(await verifyAuditTrail(path)).toMatchObject({ lines: 8, starts: 2, tornLines: 0, ...highest(5) });
  });

  it("keeps the highest index of each log apart, in every process and file", async () => {
    const path = newPath();
    const inLog = (letter: string, ...indexes: readonly number[]): AuditRecord[] =>
      indexes.map((logIndex) => ({ ...ISSUED, logId: letter.repeat(64), logIndex }));
    const write = async (writer: string, records: readonly AuditRecord[]): Promise<void> => {
      const trail = await openAuditFile({ path, writerId: writerId(writer), clock, maxFileBytes: 1_000 });
      await Promise.all(records.map((record) => trail.append(record)));
      await trail.close();
    };
    await write("a", [...inLog("b", 8, 3), ...inLog("a", 2)]);
    await write("b", [...inLog("b", 7), ...inLog("c", 0), ...inLog("a", 4)]);
    const highestLogIndexes = { ["a".repeat(64)]: 4, ["b".repeat(64)]: 8, ["c".repeat(64)]: 0 };
    expect(await verifyAuditTrail(path)).toMatchObject({ highestLogIndexes });
    expect(await readAuditTrailEnd(path)).toMatchObject({ highestLogIndexes });
    expect(Object.keys((await verifyAuditTrail(path)).highestLogIndexes)).toEqual(Object.keys(highestLogIndexes));
  });

  it("tells of each issued certificate in which log it is", async () => {
    const path = newPath();
    await writeRecords(path, "a", [...issued(0), { ...ISSUED, logId: "2e".repeat(32), logIndex: 0 }]);
    const logIds: string[] = [];
    await verifyAuditTrail(path, (lines) => {
      logIds.push(...lines.map(({ logId }) => logId));
      return Promise.resolve();
    });
    expect(logIds).toEqual([LOG_ID, "2e".repeat(32)]);
  });

  it("refuses a trail of an earlier format by its name", async () => {
    const path = newPath();
    const start = { kind: "start", writer: writerId("a"), seq: 1, previous: "", format: "mayfly-audit/1", file: 1 };
    writeFileSync(path, `${JSON.stringify(start)}\n`);
    const refusal = "is of the format mayfly-audit/1, not of mayfly-audit/2";
    await expect(verifyAuditTrail(path)).rejects.toThrow(refusal);
    await expect(openAuditFile({ path, writerId: writerId("b"), clock })).rejects.toThrow(refusal);
  });

  it.each<[string, object]>([
    ["names no log", { logIndex: 1 }],
    ["names a log by what is no id", { logId: LOG_ID.toUpperCase(), logIndex: 1 }],
    ["has an index that is text", { logId: LOG_ID, logIndex: "1" }],
    ["has an index below 0", { logId: LOG_ID, logIndex: -1 }],
    ["has an index between two", { logId: LOG_ID, logIndex: 0.5 }],
  ])("refuses an issued outcome that %s", async (_, about) => {
    const path = newPath();
    writeChain(path, {}, { kind: "outcome", result: "issued", ...about });
    await expect(verifyAuditTrail(path)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
  });

  it("takes an issued outcome of a log that gives no index", async () => {
    const path = newPath();
    writeChain(path, {}, { kind: "outcome", result: "issued", logId: LOG_ID });
    expect(await verifyAuditTrail(path)).toMatchObject({ lines: 2, highestLogIndexes: {} });
  });

  it.each<[string, unknown]>([
    ["a list", [4]],
    ["null", null],
    ["a number", 4],
    ["nothing", {}],
    ["a log that is none", { log: 4 }],
    ["an index that is none", { [LOG_ID]: -4 }],
    ["logs out of their order", { ["b".repeat(64)]: 1, ["a".repeat(64)]: 1 }],
  ])("refuses a later file that begins with %s for the highest indexes", async (_, highestLogIndexes) => {
    const path = newPath();
    writeChain(path, { file: 2, previous: "ab".repeat(32), highestLogIndexes });
    await expect(verifyAuditTrail(path)).rejects.toThrow("tells log indexes that are none");
  });

  it("counts only certificates that were issued", async () => {
    const path = newPath();
    await writeRecords(path, "a", [{ ...ISSUED, result: "failed", logIndex: 99 }, REFUSED]);
    expect(await verifyAuditTrail(path)).toMatchObject({ highestLogIndexes: {} });
  });

  it("takes a file that is missing or empty for one without lines", async () => {
    const path = newPath();
    const none = { lines: 0, starts: 0, tornLines: 0, highestLogIndexes: {}, firstFile: 0, lastFile: 0 };
    expect(await verifyAuditTrail(path)).toEqual(none);
    writeFileSync(path, "");
    expect(await verifyAuditTrail(path)).toEqual(none);
  });

  it("refuses lines of two processes that are mixed", async () => {
    const path = newPath();
    const old = await openAuditFile({ path, writerId: writerId("a"), clock });
    const fresh = await openAuditFile({ path, writerId: writerId("b"), clock });
    await old.append(INTENT);
    await old.close();
    await fresh.close();
    await expect(verifyAuditTrail(path)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
  });

  it("refuses a folder", async () => {
    await expect(verifyAuditTrail(folder)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
  });
});

describe("an audit file after a crash", () => {
  it("is intact at whatever byte the last write was cut, before and after the next start", async () => {
    const whole = newPath();
    await writeRecords(whole, "a", issued(0, 1));
    const { size } = statSync(whole);
    const lastLine = linesOf(whole).at(-1)!.length;
    const text = readFileSync(whole);
    for (let cut = 1; cut <= lastLine; cut += 7) {
      const path = newPath();
      writeFileSync(path, text.subarray(0, size - 1 - cut));
      const tornLines = cut === lastLine ? 0 : 1;
      expect(await verifyAuditTrail(path)).toMatchObject({ lines: 2, starts: 1, tornLines, ...highest(0) });
      await writeRecords(path, "b", issued(1));
      expect(await verifyAuditTrail(path)).toMatchObject({ lines: 4, starts: 2, tornLines, ...highest(1) });
    }
  });

  it("is intact when only the newline is missing, and when its very first line was cut", async () => {
    const path = newPath();
    await writeRecords(path, "a", issued(0));
    truncateSync(path, statSync(path).size - 1);
    expect(await verifyAuditTrail(path)).toMatchObject({ lines: 2, tornLines: 0, ...highest(0) });
    await writeRecords(path, "b", issued(1));
    expect(await verifyAuditTrail(path)).toMatchObject({ lines: 4, starts: 2, tornLines: 0, ...highest(1) });

    const first = newPath();
    writeFileSync(first, '{"kind":"sta');
    await writeRecords(first, "a", issued(0));
    expect(await verifyAuditTrail(first)).toMatchObject({ lines: 2, starts: 1, tornLines: 1, ...highest(0) });
  });

  it("is intact when the successor crashed over its first line too", async () => {
    const path = newPath();
    await writeRecords(path, "a", issued(0));
    appendFileSync(path, '{"kind":"outc\n{"kind":"st');
    await writeRecords(path, "c", issued(1));
    expect(await verifyAuditTrail(path)).toMatchObject({ lines: 4, starts: 2, tornLines: 2, ...highest(1) });
  });

  it("is refused when there are more beginnings of lines than crashes explain", async () => {
    const path = newPath();
    await writeRecords(path, "a", issued(0));
    appendFileSync(path, '{"kind":"st\n'.repeat(9));
    await expect(openAuditFile({ path, writerId: writerId("b"), clock })).rejects.toMatchObject({
      reason: "AUDIT_FAILED",
    });
  });

  it("is refused when what the crash left was edited or removed afterwards", async () => {
    const path = newPath();
    await writeRecords(path, "a", issued(0));
    appendFileSync(path, '{"kind":"outcome","logInd');
    await writeRecords(path, "b", issued(1));
    const text = readFileSync(path, "utf8");
    for (const replacement of ['{"kind":"outcome","logIxd\n', ""]) {
      writeFileSync(path, text.replace('{"kind":"outcome","logInd\n', replacement));
      await expect(verifyAuditTrail(path)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
    }
  });
});

describe("a tampered audit file", () => {
  const original = newPath();
  const load = async (): Promise<string[]> => {
    rmSync(original, { force: true });
    await writeRecords(original, "a", [INTENT, ...issued(0, 1), REFUSED]);
    await writeRecords(original, "b", [INTENT, ...issued(2)]);
    await writeRecords(original, "c", []);
    return linesOf(original);
  };
  const judge = async (lines: readonly string[]): Promise<string> => {
    const path = newPath();
    writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
    return verifyAuditTrail(path).then(
      () => "intact",
      (error: unknown) => (error instanceof MayflyError ? error.reason : "not a MayflyError"),
    );
  };
  const everyLineButTheLast = Array.from({ length: 8 }, (_, at) => at);

  it("is intact before anyone touches it", async () => {
    const lines = await load();
    expect(lines).toHaveLength(9);
    expect(await judge(lines)).toBe("intact");
  });

  it.each(everyLineButTheLast)("is refused when line %i (from 0) is edited, wherever", async (at) => {
    const lines = await load();
    const line = lines[at]!;
    for (let position = 0; position < line.length; position += 5) {
      const replacement = line[position] === "1" ? "2" : "1";
      const edited = line.slice(0, position) + replacement + line.slice(position + 1);
      expect(await judge(lines.with(at, edited))).toBe("AUDIT_FAILED");
    }
  });

  it.each(everyLineButTheLast)("is refused when line %i (from 0) is removed, doubled or emptied", async (at) => {
    const lines = await load();
    expect(await judge(lines.toSpliced(at, 1))).toBe("AUDIT_FAILED");
    expect(await judge(lines.toSpliced(at, 0, lines[at]!))).toBe("AUDIT_FAILED");
    expect(await judge(lines.with(at, ""))).toBe("AUDIT_FAILED");
  });

  it("is refused when any two lines change places", async () => {
    const lines = await load();
    for (let one = 0; one < lines.length; one += 1) {
      for (let other = one + 1; other < lines.length; other += 1) {
        expect(await judge(lines.with(one, lines[other]!).with(other, lines[one]!))).toBe("AUDIT_FAILED");
      }
    }
  });

  it.each([
    ["a line of no chain", '{"kind":"outcome","writer":"x","seq":2,"previous":"","result":"issued","logIndex":1}'],
    ["text", "hello"],
    ["a JSON value that is no object", "[]"],
    ["null", "null"],
    ["a start of another format", '{"kind":"start","writer":"x","seq":1,"previous":"","format":"mayfly-audit/9"}'],
    [
      "a start that claims to be the first",
      '{"kind":"start","writer":"x","seq":1,"previous":"","format":"mayfly-audit/2"}',
    ],
    ["an endless line", "x".repeat(70_000)],
  ])("is refused when %s is added, within a chain, before a start or at the end", async (_, added) => {
    const lines = await load();
    for (const at of [4, 5, 8]) expect(await judge(lines.toSpliced(at, 0, added))).toBe("AUDIT_FAILED");
    expect(await judge([...lines, added])).toBe("AUDIT_FAILED");
  });

  it("is refused in bounded memory when a line never ends", async () => {
    const path = newPath();
    writeFileSync(path, "x".repeat(2_000_000));
    await expect(verifyAuditTrail(path)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
  });
});

describe("an audit trail of several files", () => {
  const MAX_FILE_BYTES = 1_500;

  const directories: string[] = [];
  function newTrail(): string {
    const directory = mkdtempSync(join(folder, "trail-"));
    directories.push(directory);
    return join(directory, "audit.jsonl");
  }

  async function write(path: string, writer: string, records: readonly AuditRecord[]): Promise<void> {
    const trail = await openAuditFile({ path, writerId: writerId(writer), clock, maxFileBytes: MAX_FILE_BYTES });
    await Promise.all(records.map((record) => trail.append(record)));
    await trail.close();
  }

  const full = (path: string, file: number): string => path.replace(".jsonl", `-00000${file}.jsonl`);
  const firstLine = (path: string): unknown => JSON.parse(linesOf(path)[0]!);
  const reasonOf = (attempt: Promise<unknown>): Promise<string> =>
    attempt.then(
      () => "accepted",
      (error: unknown) => (error instanceof MayflyError ? error.reason : "not a MayflyError"),
    );

  it("puts a full file aside and goes on in the next one, with one chain through all of them", async () => {
    const path = newTrail();
    await write(path, "a", issued(...Array.from({ length: 20 }, (_, at) => at)));
    const names = readdirSync(join(path, "..")).sort();
    expect(names.length).toBeGreaterThan(3);
    expect(names.slice(0, 2)).toEqual(["audit-000001.jsonl", "audit-000002.jsonl"]);
    const beginning = firstLine(full(path, 2));
    const last = linesOf(full(path, 1)).at(-1)!;
    expect(beginning).toMatchObject({ kind: "file", writer: writerId("a"), previous: sha256(last), file: 2 });
    expect(beginning).toMatchObject(highest((JSON.parse(last) as { logIndex: number }).logIndex));
    for (const name of names.slice(0, -1)) expect(statSync(join(path, "..", name)).size).toBeLessThan(2_000);
    const report = { lines: 20 + names.length, starts: 1, tornLines: 0, ...highest(19) };
    expect(await verifyAuditTrail(path)).toEqual({ ...report, firstFile: 1, lastFile: names.length });
  });

  it("acknowledges what stands in a full file and what begins the next one alike", async () => {
    const path = newTrail();
    const trail = await openAuditFile({ path, writerId: writerId("a"), clock, maxFileBytes: MAX_FILE_BYTES });
    for (let logIndex = 0; logIndex < 12; logIndex += 1) {
      await trail.append({ ...ISSUED, logIndex });
      expect(await verifyAuditTrail(path)).toMatchObject(highest(logIndex));
    }
    await trail.close();
  });

  it("is taken up by the next process in whatever file it ended, with a start that reads the newest alone", async () => {
    const path = newTrail();
    for (let writer = 0; writer < 12; writer += 1) {
      await write(path, String.fromCharCode(97 + writer), issued(writer, writer));
      expect(await readAuditTrailEnd(path)).toMatchObject(highest(writer));
    }
    expect(await verifyAuditTrail(path)).toMatchObject({ starts: 12, ...highest(11) });
    writeFileSync(full(path, 1), "no line of a trail\n");
    expect(await reasonOf(readAuditTrailEnd(path))).toBe("accepted");
    expect(await reasonOf(verifyAuditTrail(path))).toBe("AUDIT_FAILED");
  });

  it("remembers the highest index when the newest file has none", async () => {
    const path = newTrail();
    await write(path, "a", [...issued(41), ...Array.from({ length: 20 }, () => INTENT)]);
    expect(linesOf(path).join()).not.toContain('"logIndex"');
    expect(await readAuditTrailEnd(path)).toMatchObject(highest(41));
  });

  it.each(["before the new file was made", "before the new file had a line"])(
    "goes on after a crash %s",
    async (when) => {
      const path = newTrail();
      await write(path, "a", issued(0, 1, 2));
      renameSync(path, full(path, 1));
      if (when.endsWith("a line")) writeFileSync(path, "");
      if (when.startsWith("in")) writeFileSync(path, '{"kind":"fil');
      expect(await readAuditTrailEnd(path)).toMatchObject({ ...highest(2), file: 1 });
      await write(path, "b", issued(3));
      expect(JSON.parse(linesOf(path).at(-2)!)).toMatchObject({ kind: "start", file: 2, ...highest(2) });
      expect(await verifyAuditTrail(path)).toMatchObject({ starts: 2, lastFile: 2, ...highest(3) });
    },
  );

  it("leaves nothing in the file when its first line cannot be written, however often that is tried", async () => {
    const path = newTrail();
    await write(path, "a", issued(0));
    const before = readFileSync(path, "utf8");
    const broken = {
      now: () => {
        throw new Error("no room");
      },
    };
    for (let attempt = 0; attempt < 20; attempt += 1) {
      appendFileSync(path, attempt === 0 ? '{"kind":"outc' : "");
      await expect(openAuditFile({ path, writerId: writerId("b"), clock: broken })).rejects.toThrow("no room");
    }
    expect(readFileSync(path, "utf8")).toBe(`${before}{"kind":"outc`);
    await write(path, "c", issued(1));
    expect(await verifyAuditTrail(path)).toMatchObject({ starts: 2, tornLines: 1, ...highest(1) });
  });

  it("may lose its oldest files to whoever keeps them elsewhere", async () => {
    const path = newTrail();
    await write(path, "a", issued(...Array.from({ length: 20 }, (_, at) => at)));
    rmSync(full(path, 1));
    expect(await verifyAuditTrail(path)).toMatchObject({ firstFile: 2, ...highest(19) });
    await write(path, "b", issued(20));
    expect(await verifyAuditTrail(path)).toMatchObject({ firstFile: 2, starts: 2, ...highest(20) });
  });

  type Vandal = readonly [string, (path: string) => void];
  const swap = (one: string, other: string): void => {
    renameSync(one, `${one}.x`);
    renameSync(other, one);
    renameSync(`${one}.x`, other);
  };
  const edit = (path: string, from: RegExp, to: string): void => {
    writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
  };

  it.each<Vandal>([
    [
      "a full file in the middle is missing",
      (path) => {
        rmSync(full(path, 2));
      },
    ],
    [
      "two full files changed places",
      (path) => {
        swap(full(path, 1), full(path, 2));
      },
    ],
    [
      "a line of a full file was edited",
      (path) => {
        edit(full(path, 2), /"logIndex":(\d)/u, '"logIndex":9$1');
      },
    ],
    [
      "the first line of a full file was edited",
      (path) => {
        edit(full(path, 3), /"highestLogIndexes":\{"(\w+)":\d+/u, '"highestLogIndexes":{"$1":1');
      },
    ],
    [
      "a full file was emptied",
      (path) => {
        writeFileSync(full(path, 2), "");
      },
    ],
    [
      "a full file lost its last line",
      (path) => {
        edit(full(path, 1), /[^\n]+\n$/u, "");
      },
    ],
  ])("is refused by a whole verification when %s", async (_, vandalize) => {
    const path = newTrail();
    await write(path, "a", issued(...Array.from({ length: 20 }, (__, at) => at)));
    vandalize(path);
    expect(await reasonOf(verifyAuditTrail(path))).toBe("AUDIT_FAILED");
  });

  it.each<Vandal>([
    [
      "a line of the newest file was edited",
      (path) => {
        edit(path, /"file":\d/u, '"file":9');
      },
    ],
    [
      "the newest file is an older one",
      (path) => {
        swap(path, full(path, 1));
      },
    ],
    [
      "the file before the newest was edited at its end",
      (path) => {
        edit(full(path, 3), /"timeMs":(\d+)([^\n]*\n)$/u, '"timeMs":1$1$2');
      },
    ],
    [
      "the newest file is of another trail",
      (path) => {
        writeFileSync(path, readFileSync(full(path, 1)));
      },
    ],
  ])("is refused by a start when %s", async (_, vandalize) => {
    const path = newTrail();
    await write(path, "a", issued(...Array.from({ length: 16 }, (__, at) => at)));
    expect(existsSync(full(path, 3)) && !existsSync(full(path, 4))).toBe(true);
    vandalize(path);
    expect(await reasonOf(readAuditTrailEnd(path))).toBe("AUDIT_FAILED");
    expect(await reasonOf(openAuditFile({ path, writerId: writerId("z"), clock }))).toBe("AUDIT_FAILED");
  });

  it("refuses what is not owed while too many records wait, and holds the others in their order", async () => {
    const path = newTrail();
    const trail = await openAuditFile({ path, writerId: writerId("a"), clock, maxPending: 4, maxFileBytes: 1 });
    // Two lines each, as each begins a file of its own.
    const taken = [trail.append(INTENT), trail.append(INTENT)];
    expect(await reasonOf(trail.append(INTENT))).toBe("AUDIT_QUEUE_FULL");
    expect(await reasonOf(trail.append(REFUSED))).toBe("AUDIT_QUEUE_FULL");
    taken.push(trail.append(ISSUED), trail.append({ ...ISSUED, result: "failed" }));
    taken.push(trail.append(CONFIGURATION));
    await Promise.all(taken);
    await trail.append(INTENT);
    await trail.close();
    expect(await verifyAuditTrail(path)).toMatchObject({ starts: 1, lines: 1 + 2 * 6, lastFile: 7 });
  });

  it("is not written over by a file of its number", async () => {
    const path = newTrail();
    await write(path, "a", issued(0));
    const trail = await openAuditFile({ path, writerId: writerId("b"), clock, maxFileBytes: 1 });
    writeFileSync(full(path, 1), "precious\n");
    expect(await reasonOf(trail.append(INTENT))).toBe("AUDIT_FAILED");
    await trail.close().catch(() => undefined);
    expect(readFileSync(full(path, 1), "utf8")).toBe("precious\n");
  });
});

describe("openAuditTrailReader", () => {
  const OTHER = { ...INTENT, serialNumber: "6f".repeat(20) };

  async function readBack(path: string, fromFile?: number): Promise<TrailRecord[]> {
    const read: TrailRecord[] = [];
    await openAuditTrailReader(path).read({
      fromFile,
      onRecords: (records) => Promise.resolve(void read.push(...records)),
    });
    return read;
  }

  it("gives back what was written, with the place of each, and nothing that was not about a serial number", async () => {
    const path = newPath();
    await writeRecords(path, "a", [INTENT, REFUSED, ISSUED]);
    await writeRecords(path, "b", [CONFIGURATION, OTHER]);
    const { serialNumber, tbsSha256, timeMs } = INTENT;
    const { logId, logIndex } = ISSUED;
    const file = basename(path);
    expect(await readBack(path)).toEqual([
      { kind: "file", file, lineNumber: 1, number: 1, highestLogIndexes: {} },
      { kind: "start", file, lineNumber: 1, timeMs: clock.now() },
      { kind: "intent", file, lineNumber: 2, timeMs, serialNumber, tbsSha256 },
      { kind: "outcome", file, lineNumber: 4, timeMs: ISSUED.timeMs, result: "issued", serialNumber, logId, logIndex },
      { kind: "start", file, lineNumber: 5, timeMs: clock.now() },
      { kind: "intent", file, lineNumber: 7, timeMs, serialNumber: OTHER.serialNumber, tbsSha256 },
    ]);
  });

  it("begins with the file that is asked for, and says what was issued before it", async () => {
    const path = newPath();
    const trail = await openAuditFile({ path, writerId: writerId("a"), clock, maxFileBytes: 400 });
    for (const record of [INTENT, ISSUED, OTHER]) await trail.append(record);
    await trail.close();
    const all = await readBack(path);
    const files = all.flatMap((record) => (record.kind === "file" ? [record] : []));
    expect(files.map(({ number }) => number)).toEqual([1, 2, 3]);
    const fromSecond = await readBack(path, 2);
    expect(fromSecond[0]).toEqual(files[1]);
    expect(fromSecond).toEqual(all.slice(all.indexOf(files[1]!)));
  });

  it.each([
    ["no digest", { timeMs: 1 }],
    ["a digest that is none", { timeMs: 1, configuration: "C0".repeat(32) }],
    ["no time", { configuration: CONFIGURATION.configuration }],
  ])("refuses a configuration with %s", async (_, about) => {
    const path = newPath();
    writeChain(path, { timeMs: 1 }, { kind: "configuration", ...about });
    await expect(readBack(path)).rejects.toThrow("is none that Mayfly writes");
  });

  it("reads nothing where there is no trail", async () => {
    expect(await readBack(newPath())).toEqual([]);
  });
});
