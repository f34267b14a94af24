import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeEntriesProgress } from "../../src/cli/entries-progress.ts";
import { encodePem } from "../../src/core/encoding/pem.ts";
import { runCli, type CliOutcome } from "../support/run-cli.ts";
import { filesOfLog, makeStaticLog, writeLogFiles, type StaticLog } from "../support/static-log.ts";
import { flipBit } from "../support/vectors.ts";

const SIZE = 300;
const folder = mkdtempSync(join(tmpdir(), "mayfly-cli-verify-source-"));
const files = join(folder, "log");
const state = join(folder, "verify.state");
const TESSERACT = join(import.meta.dirname, "..", "vectors", "logs", "tesseract");
let log: StaticLog;
let key: string;
let published: ReadonlyMap<string, Uint8Array>;
let server: Server;
let url: string;
/** What the server does with a path, before it looks for the file. */
let refuse: (path: string) => number | undefined;

beforeAll(async () => {
  log = await makeStaticLog(SIZE);
  key = Buffer.from(log.key.spki).toString("base64");
  published = filesOfLog(log);
  server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1);
    const status = refuse(path);
    const bytes = status === undefined ? published.get(path) : undefined;
    response.writeHead(status ?? (bytes === undefined ? 404 : 200)).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

beforeEach(() => {
  refuse = () => undefined;
  for (const file of readdirSync(folder)) rmSync(join(folder, file), { recursive: true });
  writeLogFiles(files, published);
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

const verify = (...args: readonly string[]): Promise<CliOutcome> => runCli(["log", "verify", ...args]);

describe("log verify of a location", () => {
  it("says of a log that TesseraCT wrote what is in it, and exits with 0", async () => {
    const { code, stdout, stderr } = await verify(TESSERACT, "--key", join(TESSERACT, "key.pem"));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = [
      `log ${TESSERACT}`,
      "  origin       tesseract.test/2026",
      "  log id       [A-Za-z0-9+/]{43}=",
      "  kind         static-ct",
      "  checkpoint   280 entries, signed \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z",
      "  root         [A-Za-z0-9+/]{43}=",
      "  verified     280 entries, 280 of them now",
      "  tiles        3",
      "note: checkpoint: nobody said which log is meant: this one calls itself tesseract.test/2026",
      "note: entries: 9 are older than the entry before them, entry 2 first",
      "good",
    ];
    expect(stdout).toMatch(new RegExp(`^${lines.join("\n").replaceAll("+/", "+/")}\n$`, "u"));
    const named = await verify(TESSERACT, "--key", join(TESSERACT, "key.pem"), "--origin", "tesseract.test/2026");
    expect(named.stdout).not.toContain("note: checkpoint");
    const other = await verify(TESSERACT, "--key", join(TESSERACT, "key.pem"), "--origin", "tesseract.test/2027");
    expect({ code: other.code, says: other.stdout.includes("it is of another log") }).toEqual({ code: 1, says: true });
  });

  it("verifies over HTTP, and prints the same as one JSON object", async () => {
    const { code, stdout, stderr } = await verify(url, "--key", key, "--origin", log.origin, "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^\{[^\n]*\}\n$/u);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      kind: "static-ct",
      origin: log.origin,
      checkpoint: { size: SIZE, timestampMs: log.checkpointMs },
      verified: SIZE,
      entries: SIZE,
      tiles: 3,
      isConflict: false,
      evidence: [],
      unfinished: null,
      notices: [],
      problemCount: 0,
      problems: [],
    });
  });

  it("names the place of damage, and exits with 1", async () => {
    const changed = filesOfLog(log);
    changed.set("tile/0/000", flipBit(changed.get("tile/0/000")!, 8 * 32 * 5));
    writeLogFiles(files, changed);
    const { code, stdout } = await verify(files, "--key", key, "--origin", log.origin);
    expect(code).toBe(1);
    expect(stdout).toContain(
      "\ndamaged: tile 0/0: hash 5 is not the one that follows from the entries\nDAMAGED: 1 problem\n",
    );
  });

  it("takes the key as PEM, DER and base64, from a file or as it is", async () => {
    const path = join(folder, "key");
    const forms = [encodePem("PUBLIC KEY", log.key.spki), log.key.spki, `${key}\n`];
    for (const form of forms) {
      writeFileSync(path, form);
      expect((await verify(files, "--key", path, "--origin", log.origin)).code).toBe(0);
    }
    expect((await verify(files, "--key", key, "--origin", log.origin)).code).toBe(0);
  });

  it("believes the key that a log gives out only when it is told to, loudly, and remembers it", async () => {
    const description = { key, submission_url: `https://${log.origin}/` };
    writeFileSync(join(files, "log.v3.json"), JSON.stringify(description));
    const first = await verify(files, "--trust-on-first-use", "--state", state);
    expect(first.code).toBe(0);
    expect(first.stdout).toContain("note: log.v3.json: THE KEY IS THE ONE THAT THE LOG GIVES OUT ITSELF");
    const other = await makeStaticLog(5);
    writeLogFiles(files, filesOfLog({ ...log, key: other.key }));
    writeFileSync(
      join(files, "log.v3.json"),
      JSON.stringify({ ...description, key: Buffer.from(other.key.spki).toString("base64") }),
    );
    const second = await verify(files, "--trust-on-first-use", "--state", state);
    expect({ code: second.code, says: second.stdout.includes("no signature by a known key") }).toEqual({
      code: 1,
      says: true,
    });
  });

  it.each<[string, string | undefined]>([
    ["is not there", undefined],
    ["is no JSON", "{"],
    ["has no key", JSON.stringify({ submission_url: "https://foreign.test/2026" })],
    ["has a key that is no base64", JSON.stringify({ key: "?", submission_url: "https://foreign.test/2026" })],
  ])("refuses to believe a log.v3.json that %s", async (_, text) => {
    if (text !== undefined) writeFileSync(join(files, "log.v3.json"), text);
    const { code, stderr } = await verify(files, "--trust-on-first-use");
    expect({ code, says: /^mayfly: [^\n]*log\.v3\.json[^\n]*\n$/u.test(stderr) }).toEqual({ code: 1, says: true });
  });
});

describe("log verify with a state", () => {
  const withState = (...args: readonly string[]): Promise<CliOutcome> =>
    verify(files, "--key", key, "--origin", log.origin, "--state", state, "--json", ...args);
  const reportOf = ({ stdout }: CliOutcome): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

  it("costs what is new, and knows the key by itself", async () => {
    writeLogFiles(files, filesOfLog(log, 200));
    expect(reportOf(await withState())).toMatchObject({ ok: true, verified: 200, entries: 200 });
    writeLogFiles(files, filesOfLog(log));
    expect(reportOf(await verify(files, "--state", state, "--json"))).toMatchObject({
      ok: true,
      verified: SIZE,
      entries: SIZE - 200,
    });
    expect(reportOf(await withState())).toMatchObject({ ok: true, verified: SIZE, entries: 0 });
  });

  it("does not forget damage that was found once", async () => {
    const changed = filesOfLog(log, 200);
    changed.delete("tile/0/000.p/200");
    writeLogFiles(files, changed);
    expect((await withState()).code).toBe(1);
    writeLogFiles(files, filesOfLog(log));
    const later = await withState();
    expect(later.code).toBe(1);
    expect(reportOf(later)).toMatchObject({ verified: SIZE, problemCount: 1, problems: [{ where: "tile 0/0" }] });
  });

  it("keeps the checkpoints of a log that shrank, and compares with the larger one the next time", async () => {
    await withState();
    const before = readFileSync(state, "utf8");
    writeLogFiles(files, filesOfLog(log, 200));
    for (let time = 0; time < 2; time++) {
      const outcome = await withState();
      expect(outcome.code).toBe(1);
      const { evidence, ...rest } = reportOf(outcome);
      expect(rest).toMatchObject({
        isConflict: true,
        problems: [{ where: "checkpoint", what: "states 200 entries, but the log has signed 300 before" }],
      });
      expect((evidence as string[]).map((file) => readFileSync(file, "utf8"))).toEqual([
        Buffer.from(checkpointText(SIZE)).toString(),
        readFileSync(join(files, "checkpoint"), "utf8"),
      ]);
    }
    expect(readFileSync(state, "utf8")).toBe(before);
  });

  /** The text that the first state remembers: signatures differ each time. */
  function checkpointText(size: number): string {
    const { content } = JSON.parse(readFileSync(state, "utf8")) as { content: string };
    const { checkpoint } = JSON.parse(content) as { checkpoint: string };
    expect(checkpoint.split("\n")[1]).toBe(String(size));
    return checkpoint;
  }

  it("refuses the state of another log, by key or by origin", async () => {
    await withState();
    const other = await makeStaticLog(3, "another.test/2026");
    const otherKey = Buffer.from(other.key.spki).toString("base64");
    for (const args of [
      ["--key", otherKey, "--origin", log.origin],
      ["--key", key, "--origin", "another.test/2026"],
      ["--origin", "another.test/2026"],
    ]) {
      const { code, stdout, stderr } = await verify(files, "--state", state, ...args);
      expect({ code, stdout, stderr }).toEqual({
        code: 1,
        stdout: "",
        stderr: `mayfly: the state is of another log: ${log.origin} (LOG_WRONG_KEY)\n`,
      });
    }
  });

  it("refuses a state that cannot be read, and says what to do", async () => {
    writeFileSync(state, "no state");
    const { code, stderr } = await withState();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^mayfly: [^\n]*verify\.state cannot be gone on from; remove it to begin anew[^\n]*\n$/u);
  });

  it("ends after the part at hand when it is asked to, and goes on from there", async () => {
    const stopping = await runCli(["log", "verify", files, "--key", key, "--origin", log.origin, "--state", state], {
      onStopSignal: (handler) => {
        handler();
      },
    });
    expect(stopping.code).toBe(3);
    expect(stopping.stdout).toContain("\nUNFINISHED: stopped; 256 of 300 entries verified, nothing wrong so far\n");
    expect(reportOf(await withState())).toMatchObject({ ok: true, verified: SIZE, entries: 44 });
  });

  it("exits at once when it is asked twice", async () => {
    const exits: number[] = [];
    await runCli(["log", "verify", files, "--key", key, "--origin", log.origin], {
      onStopSignal: (handler) => {
        handler();
        handler();
      },
      exit: (code) => exits.push(code),
    });
    expect(exits).toEqual([3]);
  });

  it("says of a log that cannot be reached that it is neither good nor damaged", async () => {
    const nowhere = join(folder, "nowhere");
    const { code, stdout, stderr } = await verify(nowhere, "--key", key, "--origin", log.origin, "--state", state);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^mayfly: [^\n]*nowhere[^\n]*\n$/u);
    expect(readdirSync(folder)).not.toContain("verify.state");
  });

  it("keeps how far it came when the log does not answer any more", async () => {
    // A link to itself: the file system answers with an error that is not "there is none".
    const path = join(files, "tile", "data", "001.p", "44");
    rmSync(path);
    symlinkSync(path, path);
    const { code, stdout } = await verify(files, "--key", key, "--origin", log.origin, "--state", state);
    expect(code).toBe(3);
    expect(stdout).toMatch(/\nUNFINISHED: [^\n]*44[^\n]*; 256 of 300 entries verified, nothing wrong so far\n$/u);
    writeLogFiles(files, published);
    expect(reportOf(await withState())).toMatchObject({ ok: true, verified: SIZE, entries: 44 });
  });

  it("takes an answer that says no for one", async () => {
    refuse = (path) => (path.startsWith("tile/data/001") ? 400 : undefined);
    const { code, stdout } = await verify(url, "--key", key, "--origin", log.origin);
    expect({ code, says: /\ndamaged: data tile 1: /u.test(stdout) }).toEqual({ code: 1, says: true });
  });
});

describe("wrong usage of log verify", () => {
  it.each<[string, readonly string[], RegExp]>([
    ["a location without a key", [files], /^mayfly: whose key\? one of --key/u],
    ["a key without a location", ["--config", "mayfly.yaml", "--key", "x"], /^mayfly: --key, .* are for a location\n/u],
    [
      "a data directory beside a location",
      [files, "--key", "x", "--data-directory", "data"],
      /^mayfly: --data-directory and --shard are for the log of the configuration/u,
    ],
    [
      "a shard beside a location",
      [files, "--key", "x", "--shard", "2026"],
      /^mayfly: --data-directory and --shard are for the log of the configuration/u,
    ],
    ["neither", [], /^mayfly: required option '-c, --config <file>' not specified\n/u],
  ])("is %s", async (_, args, says) => {
    const { code, stdout, stderr } = await verify(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(says);
  });

  it.each<[string, readonly string[]]>([
    ["a key file that is not there", ["--key", join(folder, "no-key")]],
    ["a key that is none", ["--key", "A".repeat(120)]],
    ["a verifier key that is none", ["--vkey", "name+00000000+AAAA"]],
  ])("does not go on with %s", async (_, args) => {
    const { code, stdout, stderr } = await verify(files, ...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^mayfly: [^\n]+\n$/u);
  });
});

describe("progress over entries", () => {
  it("tells how fast it goes and how long it will take, beside a bar where somebody watches", () => {
    let now = 0;
    let text = "";
    const progress = makeEntriesProgress({ stderr: (part) => (text += part), stderrIsTerminal: true }, () => now);
    for (const [ms, entries] of [
      [0, 1_000],
      [1_000, 3_000],
      [2_000, 50_000],
    ] as const) {
      now = ms;
      progress.show(entries, 100_000);
    }
    progress.end();
    expect(text.split("\r\u001b[K").filter((line) => line !== "")).toEqual([
      "[........................] 3000 of 100000 entries verified, 2000 a second, 49 s left",
      "[############............] 50000 of 100000 entries verified, 24500 a second, 3 s left",
    ]);
  });

  it("is a plain line where nobody watches, with hours for what takes hours", () => {
    let now = 0;
    let text = "";
    const progress = makeEntriesProgress({ stderr: (part) => (text += part) }, () => now);
    progress.show(0, 1_000_000);
    now = 10_000;
    progress.show(1_000, 1_000_000);
    progress.end();
    expect(text).toBe("1000 of 1000000 entries verified, 100 a second, 2 h 47 min left\n");
  });
});
