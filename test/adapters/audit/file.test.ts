import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "@jest/globals";

import { openAuditFile } from "../../../src/adapters/audit/file.ts";
import { verifyAuditFile } from "../../../src/adapters/audit/verify-audit-file.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import type { AuditRecord } from "../../../src/ports/audit-trail.ts";
import { describeAuditTrail, INTENT, ISSUED, REFUSED } from "../../contracts/audit-trail.ts";
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
const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describeAuditTrail("a file trail", () => openAuditFile({ path: newPath(), writerId: writerId("a"), clock }));

describe("openAuditFile", () => {
  it("writes one JSON line per record, its members always in the same order, with the process's chain", async () => {
    const path = newPath();
    await writeRecords(path, "a", [INTENT, ISSUED, REFUSED]);
    const lines = linesOf(path);
    const writer = writerId("a");
    const [start, intent, outcome] = lines.map((line) => sha256(line));
    expect(lines).toEqual([
      `{"kind":"start","writer":"${writer}","seq":1,"previous":"","format":"mayfly-audit/1","timeMs":1795348800000}`,
      `{"kind":"intent","writer":"${writer}","seq":2,"previous":"${start!}","timeMs":1795348800000,"generation":1,` +
        `"serialNumber":"${"5f".repeat(20)}","tbsSha256":"${"ab".repeat(32)}"}`,
      `{"kind":"outcome","writer":"${writer}","seq":3,"previous":"${intent!}","timeMs":1795348800005,"generation":1,` +
        `"result":"issued","issuer":"https://issuer.example","serialNumber":"${"5f".repeat(20)}","logIndex":7}`,
      `{"kind":"outcome","writer":"${writer}","seq":4,"previous":"${outcome!}","timeMs":1795348800009,"generation":1,` +
        `"result":"refused","code":"invalid_token","reason":"TOKEN_EXPIRED","detail":"the token expired 12 s ago"}`,
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
    expect(await verifyAuditFile(path)).toEqual({ lines: 5, starts: 1, tornLines: 0 });
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

describe("verifyAuditFile", () => {
  it("reports lines, starts and the highest answered log index over all processes", async () => {
    const path = newPath();
    await writeRecords(path, "a", [INTENT, ...issued(0, 5, 3), REFUSED]);
    await writeRecords(path, "b", issued(4));
    expect(await verifyAuditFile(path)).toEqual({ lines: 8, starts: 2, tornLines: 0, highestLogIndex: 5 });
  });

  it("counts only certificates that were issued", async () => {
    const path = newPath();
    await writeRecords(path, "a", [{ ...ISSUED, result: "failed", logIndex: 99 }, REFUSED]);
    expect(await verifyAuditFile(path)).not.toHaveProperty("highestLogIndex");
  });

  it("takes a file that is missing or empty for one without lines", async () => {
    const path = newPath();
    const none = { lines: 0, starts: 0, tornLines: 0 };
    expect(await verifyAuditFile(path)).toEqual(none);
    writeFileSync(path, "");
    expect(await verifyAuditFile(path)).toEqual(none);
  });

  it("follows an old and a new process that write for a while together", async () => {
    const path = newPath();
    const old = await openAuditFile({ path, writerId: writerId("a"), clock });
    await old.append(INTENT);
    const fresh = await openAuditFile({ path, writerId: writerId("b"), clock });
    for (const record of issued(1, 2, 3)) {
      await old.append(record);
      await fresh.append(record);
    }
    await old.close();
    await fresh.close();
    await writeRecords(path, "c", issued(4));
    expect(await verifyAuditFile(path)).toEqual({ lines: 11, starts: 3, tornLines: 0, highestLogIndex: 4 });
  });

  it("refuses a folder", async () => {
    await expect(verifyAuditFile(folder)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
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
      expect(await verifyAuditFile(path)).toEqual({ lines: 2, starts: 1, tornLines, highestLogIndex: 0 });
      await writeRecords(path, "b", issued(1));
      expect(await verifyAuditFile(path)).toEqual({ lines: 4, starts: 2, tornLines, highestLogIndex: 1 });
    }
  });

  it("is intact when only the newline is missing, and when its very first line was cut", async () => {
    const path = newPath();
    await writeRecords(path, "a", issued(0));
    truncateSync(path, statSync(path).size - 1);
    expect(await verifyAuditFile(path)).toMatchObject({ lines: 2, tornLines: 0, highestLogIndex: 0 });
    await writeRecords(path, "b", issued(1));
    expect(await verifyAuditFile(path)).toEqual({ lines: 4, starts: 2, tornLines: 0, highestLogIndex: 1 });

    const first = newPath();
    writeFileSync(first, '{"kind":"sta');
    await writeRecords(first, "a", issued(0));
    expect(await verifyAuditFile(first)).toEqual({ lines: 2, starts: 1, tornLines: 1, highestLogIndex: 0 });
  });

  it("is intact when the successor crashed over its first line too", async () => {
    const path = newPath();
    await writeRecords(path, "a", issued(0));
    appendFileSync(path, '{"kind":"outc\n{"kind":"st');
    await writeRecords(path, "c", issued(1));
    expect(await verifyAuditFile(path)).toEqual({ lines: 4, starts: 2, tornLines: 2, highestLogIndex: 1 });
  });

  it("is refused when what the crash left was edited or removed afterwards", async () => {
    const path = newPath();
    await writeRecords(path, "a", issued(0));
    appendFileSync(path, '{"kind":"outcome","logInd');
    await writeRecords(path, "b", issued(1));
    const text = readFileSync(path, "utf8");
    for (const replacement of ['{"kind":"outcome","logIxd\n', ""]) {
      writeFileSync(path, text.replace('{"kind":"outcome","logInd\n', replacement));
      await expect(verifyAuditFile(path)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
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
    return verifyAuditFile(path).then(
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
      '{"kind":"start","writer":"x","seq":1,"previous":"","format":"mayfly-audit/1"}',
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
    await expect(verifyAuditFile(path)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
  });
});
