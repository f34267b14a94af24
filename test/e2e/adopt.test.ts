import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { X509Certificate } from "node:crypto";
import { hash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startDevelopmentIssuer, type DevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { openSqliteLogStore } from "../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { startService, type RunningService } from "../../src/compose/start-service.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { parseCheckpoint } from "../../src/core/note/checkpoint.ts";
import { parseSignedNote } from "../../src/core/note/signed-note.ts";
import { ed25519KeyOfSpki, makeEd25519Verifier } from "../../src/core/note/verifier-key.ts";
import { FakeWitness, serveWitness } from "../fakes/fake-witness.ts";
import { askForCertificate } from "../support/ask.ts";
import { certificateIn } from "../support/issued.ts";
import { publicKeyIn } from "../support/operator-keys.ts";
import { runCli, type CliOutcome } from "../support/run-cli.ts";
import { configText } from "../support/service.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-adopt-"));
const configFile = join(folder, "mayfly.yaml");
const data = join(folder, "data");
const mirror = join(folder, "mirror");
/** The mirror as it was three entries earlier. */
const oldMirror = join(folder, "old-mirror");
/** The data directory as the service left it, with the seven entries of the mirror. */
const kept = join(folder, "kept");
const DATABASE = join(data, "log.sqlite");
let issuer: DevelopmentIssuer;

async function serve<T>(use: (service: RunningService) => Promise<T>): Promise<T> {
  const service = await startService(loadConfig(configFile), { env: {}, destination: join(folder, "mayfly.log") });
  try {
    return await use(service);
  } finally {
    service.shutdown.stop();
    expect(await service.shutdown.stopped).toBe(0);
  }
}

/** So many certificates, one after the other. */
async function issue({ publicUrl }: RunningService, count: number): Promise<readonly X509Certificate[]> {
  const certificates: X509Certificate[] = [];
  for (let at = 0; at < count; at++) {
    certificates.push(certificateIn(await askForCertificate(publicUrl, await issuer.mintToken("email"))));
  }
  return certificates;
}

const log = (command: string, ...args: readonly string[]): Promise<CliOutcome> =>
  runCli(["log", command, "--config", configFile, ...args]);
const adopt = (...args: readonly string[]): Promise<CliOutcome> => log("adopt", ...args);
/** Puts the data directory back as it was, but for what is lost. */
function lose(...names: readonly string[]): void {
  rmSync(data, { recursive: true, force: true });
  cpSync(kept, data, { recursive: true });
  for (const name of readdirSync(data)) if (names.some((lost) => name.startsWith(lost))) rmSync(join(data, name));
}

beforeAll(async () => {
  issuer = await startDevelopmentIssuer();
  writeFileSync(configFile, configText(issuer, data));
  await serve(async (service) => {
    await issue(service, 4);
    expect((await log("export", "--directory", oldMirror)).code).toBe(0);
    await issue(service, 3);
    expect((await log("export", "--directory", mirror, "--gzip")).code).toBe(0);
  });
  renameSync(data, kept);
});

afterAll(async () => {
  await issuer.close();
  rmSync(folder, { recursive: true });
});

describe("a log whose data directory was lost", () => {
  it("is adopted from its mirror, goes on with the next index, and verifies", async () => {
    rmSync(data, { recursive: true, force: true });
    const { code, stdout, stderr } = await adopt("--from", mirror, "--at-least", "7");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^log adopted in .*log\.sqlite\n {2}origin {3}localhost\/test-log\n[\s\S]*entries {2}7\n/u);
    expect(stdout).toContain("  not behind --at-least: 7\n");
    expect(readdirSync(data).sort()).toEqual(["head.note", "log.sqlite", "serve.lock"]);
    expect(await log("verify")).toMatchObject({ code: 0, stderr: "" });

    const indexes = await serve(async (service) => (await issue(service, 2)).map(leafIndexOf));
    expect(indexes).toEqual([7, 8]);
    expect((await log("verify")).stdout).toMatch(/ {2}entries {6}9\n[\s\S]*good\n$/u);
    // What goes on is the log that the mirror has: the mirror accepts it.
    expect((await log("export", "--directory", mirror, "--gzip", "--compare")).stdout).toMatch(
      /9 entries, 2 of them new/u,
    );
  });

  it("is adopted over HTTP too", async () => {
    lose();
    rmSync(mirror, { recursive: true });
    expect((await log("export", "--directory", mirror, "--gzip")).code).toBe(0);
    lose("log.sqlite");
    const server = createServer((request, response) => {
      const file = join(mirror, request.url?.replace(/^\/2026\//u, "") ?? "");
      if (!existsSync(file)) response.writeHead(404).end();
      else response.end(readFileSync(file));
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stdout } = await adopt("--from", `http://127.0.0.1:${port}/2026`);
    server.close();
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("not behind audit.jsonl: 7") });
    expect(await log("verify")).toMatchObject({ code: 0 });
  });

  it("keeps what is left of the data directory: the audit trail goes on", async () => {
    lose("log.sqlite");
    expect((await adopt("--from", mirror)).stdout).toContain("not behind head.note: 7\n  not behind audit.jsonl: 7\n");
    await serve((service) => issue(service, 1));
    expect((await log("verify")).stdout).toMatch(/8 certificates issued\ngood\n$/u);
  });

  it("is adopted again after an attempt that was killed, whatever that left", async () => {
    lose("log.sqlite");
    for (const name of ["", "-wal", "-shm", ".new", ".new-wal"]) {
      writeFileSync(`${DATABASE}.adopted${name}`, "half of a database");
    }
    expect(await adopt("--from", mirror)).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(data).filter((name) => name.includes("adopted"))).toEqual([]);
    expect(await log("verify")).toMatchObject({ code: 0 });
  });

  it("is frozen again where it was frozen", async () => {
    rmSync(data, { recursive: true });
    const shards = join(folder, "shards.yaml");
    const text = readFileSync(configFile, "utf8").replace(/^log:\n(?<log>(?: {2}.*\n)+)/mu, (_, shard: string) => {
      const [origin = "", store = "", signer = "", checkpointSigner = ""] = shard.trim().split(/\n\s*/u);
      const frozen = `{ name: old, state: frozen, ${origin}, ${signer}, ${checkpointSigner} }`;
      const next = "{ kind: file, path: next.json, passphrase: { file: passphrase } }";
      const other = next.replace("next.json", "other.json");
      const active = `{ name: new, state: active, origin: localhost/new, signer: ${next}, checkpointSigner: ${other} }`;
      return `log:\n  ${store}\n  shards: [${frozen}, ${active}]\n`;
    });
    writeFileSync(shards, text);
    const args = ["--config", shards, "--shard", "old"];
    const { code, stderr } = await runCli(["log", "adopt", ...args, "--from", mirror, "--at-least", "7"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const database = join(data, "shards", "old", "log.sqlite");
    const store = await openSqliteLogStore({ path: database, onFatal: () => undefined, allowAnyFilesystem: true });
    expect((await store.manifest()).frozenMs).toBe((await store.published())?.timestampMs);
    await store.close();
    const last = join(folder, "last");
    expect((await runCli(["log", "export", ...args, "--directory", last])).code).toBe(0);
    expect(readFileSync(join(last, "log.v3.json"), "utf8")).toContain('"tree_size": 7');
  });

  it("is never thawed: not by a copy from before it was frozen, by a configuration, or by a new log", async () => {
    lose();
    expect(await log("freeze", "--yes")).toMatchObject({ code: 0, stderr: "" });
    const [note = ""] = readdirSync(data).filter((name) => name.startsWith("frozen-"));
    const final = readFileSync(join(data, note), "utf8");
    for (const name of readdirSync(data).filter((each) => each.startsWith("log.sqlite"))) rmSync(join(data, name));
    expect(await log("init")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(" knows of one that was there"),
    });
    // The mirror is older than the freeze, and nothing in it or in the configuration says that there was one.
    const adopted = await adopt("--from", mirror);
    expect(adopted).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining(`not behind ${note}: 7\n`) });
    expect(adopted.stdout).toContain("  frozen   it takes nothing more\n");
    const isFrozen = /the log of shard .* is frozen: it can only be configured as frozen/u;
    await expect(serve(() => Promise.resolve())).rejects.toThrow(isFrozen);
    // Without the note it is known from the database alone, which is moved aside.
    for (const name of [note, "audit.jsonl", "head.note"]) rmSync(join(data, name));
    expect((await adopt("--from", mirror, "--move-aside")).stdout).toContain("  frozen   it takes nothing more\n");
    await expect(serve(() => Promise.resolve())).rejects.toThrow(isFrozen);
    const store = await openSqliteLogStore({ path: DATABASE, onFatal: () => undefined, allowAnyFilesystem: true });
    expect(await store.published()).toMatchObject({ size: 7, note: final });
    await store.close();
  });

  it("moves a damaged database aside when told so, and says that it could not be asked", async () => {
    lose();
    writeFileSync(DATABASE, Buffer.alloc(4096, 7));
    writeFileSync(`${DATABASE}-wal`, "of another time");
    expect(await adopt("--from", mirror)).toMatchObject({
      code: 1,
      stderr: `mayfly: there is a log at ${DATABASE}, and it was left as it is (LOG_WRITE_FAILED)\n`,
    });
    expect(readFileSync(DATABASE)[0]).toBe(7);
    const { code, stdout } = await adopt("--from", mirror, "--move-aside");
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("it could not be asked") });
    const [aside = ""] = readdirSync(data).filter((name) => name.startsWith("aside-"));
    expect(readdirSync(join(data, aside))).toEqual(expect.arrayContaining(["log.sqlite", "log.sqlite-wal"]));
    expect(await log("verify")).toMatchObject({ code: 0 });
  });
});

/** C2SP static-ct-api, at the end of the SCT's extensions: type 0, length 5, index. */
function leafIndexOf(certificate: X509Certificate): number {
  const at = certificate.raw.indexOf(Buffer.from("00080000050000", "hex"));
  expect(at).toBeGreaterThan(0);
  return certificate.raw.readUIntBE(at + 5, 5);
}

describe("adopting is refused, and nothing is changed", () => {
  /** Digest of every file of the data directory, but for those that a lock and a reader of the database leave. */
  const contents = (): Readonly<Record<string, string>> => {
    const files = readdirSync(data, { withFileTypes: true }).filter((each) => each.isFile());
    const names = files.map(({ name }) => name).filter((name) => !/^serve\.|-shm$|-wal$/u.test(name));
    return Object.fromEntries(names.map((name) => [name, hash("sha256", readFileSync(join(data, name)))]));
  };

  async function refused(args: readonly string[], message: RegExp | string): Promise<void> {
    const before = contents();
    const { code, stdout, stderr } = await adopt(...args);
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: "", stderr: expect.stringMatching(message) });
    expect(contents()).toEqual(before);
  }

  it("where a database is, whatever the mirror has", async () => {
    lose();
    await refused(["--from", mirror], /there is a log at/u);
  });

  it.each([
    ["head.note", ["log.sqlite", "audit"]],
    ["audit.jsonl", ["log.sqlite", "head.note"]],
  ])("where %s knows of more entries than the mirror has", async (name, lost) => {
    lose(...lost);
    await refused(
      ["--from", oldMirror],
      `old-mirror has 4 entries, 3 fewer than the 7 that ${name} knows of; the log must not go on without them: ` +
        "leave it frozen and go on with a new shard",
    );
  });

  it("where a database that can be read has more entries than the mirror", async () => {
    lose("audit", "head.note");
    await refused(
      ["--from", oldMirror, "--move-aside"],
      /4 entries, 3 fewer than the 7 that the database .*log\.sqlite/u,
    );
  });

  it("where nothing remembers how far the log had come", async () => {
    rmSync(data, { recursive: true, force: true });
    mkdirSync(data);
    await refused(["--from", mirror], "nothing here remembers how far the log had come");
    await refused(["--from", mirror, "--at-least", "8"], "1 fewer than the 8 that --at-least knows of");
  });

  it("where the head mark is damaged: then a person must find out why", async () => {
    lose("log.sqlite");
    const note = readFileSync(join(data, "head.note"), "utf8");
    writeFileSync(join(data, "head.note"), note.replace("\n7\n", "\n6\n"));
    await refused(["--from", mirror], "head.note is not what this log signed");
  });

  it("where the mirror has more entries than the log was frozen with", async () => {
    rmSync(data, { recursive: true, force: true });
    expect((await adopt("--from", oldMirror, "--at-least", "4")).code).toBe(0);
    expect((await log("freeze", "--yes")).code).toBe(0);
    await refused(
      ["--from", mirror, "--move-aside"],
      "mirror has 7 entries, and the log was frozen at 4 \\(LOG_FROZEN\\)\n",
    );
    for (const name of readdirSync(data).filter((each) => /^log\.sqlite|^head/u.test(each))) rmSync(join(data, name));
    await refused(["--from", mirror], "mirror has 7 entries, and the log was frozen at 4 \\(LOG_FROZEN\\)\n");
  });

  it("where the mirror is another log's, or was made with other keys", async () => {
    lose("log.sqlite");
    const other = join(folder, "other.yaml");
    writeFileSync(other, readFileSync(configFile, "utf8").replace("localhost/test-log", "localhost/other-log"));
    const { code, stderr } = await runCli(["log", "adopt", "--config", other, "--from", mirror, "--at-least", "1"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/head\.note is not what this log signed/u),
    });
    lose("log.sqlite", "head.note", "audit");
    const again = await runCli(["log", "adopt", "--config", other, "--from", mirror, "--at-least", "1"]);
    expect(again.stderr).toMatch(/the checkpoint of .*mirror is none of localhost\/other-log with its keys/u);
  });

  it("where an entry of the mirror was changed, and nothing unfinished is left", async () => {
    lose("log.sqlite");
    const damaged = join(folder, "damaged-mirror");
    cpSync(oldMirror, damaged, { recursive: true });
    rmSync(join(data, "head.note"));
    rmSync(join(data, "audit.jsonl"));
    const [partial = ""] = readdirSync(join(damaged, "tile/data/000.p"));
    const path = join(damaged, "tile/data/000.p", partial);
    const bytes = readFileSync(path);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await refused(["--from", damaged, "--at-least", "4"], "damaged-mirror: entry 3: ");
  });

  it("where there is no such folder", async () => {
    lose("log.sqlite");
    await refused(["--from", join(folder, "nowhere")], "nowhere");
  });

  it("where the service runs", async () => {
    lose();
    await serve(async () => {
      const { code, stderr } = await adopt("--from", mirror, "--move-aside");
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("is in use by another Mayfly") });
    });
  });

  it.each(["-1", "1.5", "01", "1e3", "", "many"])("takes %j for no number of entries", async (text) => {
    expect(await adopt("--from", mirror, "--at-least", text)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Expected a number of entries."),
    });
  });
});

describe("a backup of the database", () => {
  it("by VACUUM INTO, while the service issues, is a log that verifies", async () => {
    lose();
    const backup = join(folder, "backup");
    mkdirSync(backup);
    await serve(async (service) => {
      await issue(service, 1);
      cpSync(join(data, "audit.jsonl"), join(backup, "audit.jsonl"));
      cpSync(join(data, "head.note"), join(backup, "head.note"));
      const database = new DatabaseSync(DATABASE, { readOnly: true });
      database.exec(`VACUUM INTO '${join(backup, "log.sqlite")}'`);
      database.close();
      await issue(service, 1);
    });
    expect((await log("verify", "--data-directory", backup)).stdout).toMatch(/ {2}entries {6}8\n[\s\S]*good\n$/u);
    expect((await log("verify")).stdout).toMatch(/ {2}entries {6}9\n[\s\S]*good\n$/u);
  });

  it("is not continued where something remembers that the log was further", async () => {
    lose();
    const backup = join(folder, "backup", "log.sqlite");
    await serve((service) => issue(service, 4));
    for (const name of readdirSync(data)) if (name.startsWith("log.sqlite")) rmSync(join(data, name));
    cpSync(backup, DATABASE);
    await expect(serve(() => Promise.resolve())).rejects.toMatchObject({ reason: "LOG_ROLLED_BACK" });
  });
});

describe("a log that witnesses have seen", () => {
  const ORIGIN = "localhost/test-log";
  const keyFile = join(import.meta.dirname, "..", "..", "keys-dev", "checkpoint.json");
  const publicKey = ed25519KeyOfSpki(publicKeyIn(keyFile));

  /** Adopts the mirror where nothing else remembers the log, with a witness that has cosigned a tree. */
  async function adoptWitnessed(
    seen: { readonly size: number; readonly root?: Uint8Array } | "away",
  ): Promise<CliOutcome> {
    rmSync(data, { recursive: true, force: true });
    const served = await serveWitness(new FakeWitness("witness.test/w1"));
    served.witness.learn(ORIGIN, [makeEd25519Verifier({ name: ORIGIN, type: 0x01, publicKey })]);
    if (seen === "away") served.instead = () => ({ status: 503 });
    else Object.assign(served.witness.seen(ORIGIN), seen);
    const witnesses = `  witnesses: [{ key: "${served.witness.key}", url: "${served.url}" }]\n`;
    writeFileSync(configFile, configText(issuer, data).replace(/\nissuers:/u, `\n${witnesses}issuers:`));
    try {
      const before = seen === "away" ? undefined : served.witness.seen(ORIGIN).size;
      const outcome = await adopt("--from", mirror);
      if (before !== undefined) expect(served.witness.seen(ORIGIN).size).toBe(before);
      return outcome;
    } finally {
      writeFileSync(configFile, configText(issuer, data));
      await served.close();
    }
  }

  it("is adopted from a copy that has all that a witness has cosigned", async () => {
    const { root } = parseCheckpoint(parseSignedNote(readFileSync(join(mirror, "checkpoint"))).text);
    const { code, stdout } = await adoptWitnessed({ size: 7, root });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining("not behind witness witness.test/w1: 7"),
    });
    expect((await adoptWitnessed({ size: 5 })).stdout).toContain("not behind witness witness.test/w1: 5");
  });

  it.each([
    ["more entries", { size: 8 }, "1 fewer than the 8 that witness witness.test/w1 knows of"],
    ["another tree", { size: 7, root: new Uint8Array(32) }, "witness.test/w1 has cosigned another tree of 7 entries"],
    ["nothing", { size: 0 }, "nothing here remembers how far the log had come"],
    ["what it does not say", "away" as const, "nothing here remembers how far the log had come"],
  ])("is not adopted where a witness has seen %s, and nobody else remembers", async (_what, seen, says) => {
    const { code, stderr } = await adoptWitnessed(seen);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(says) });
    expect(existsSync(DATABASE)).toBe(false);
  });
});
