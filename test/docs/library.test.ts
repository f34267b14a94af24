import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { leafOf, signFile } from "../../dev/sign-file.ts";
import { encodeCosignature, cosignatureMessage } from "../../src/core/note/cosignature.ts";
import { formatSignedNote, parseSignedNote } from "../../src/core/note/signed-note.ts";
import {
  ed25519KeyOfSpki,
  encodeVerifierKey,
  noteKeyId,
  SIGNATURE_TYPE,
  type VerifierKey,
} from "../../src/core/note/verifier-key.ts";
import { openLog, parseLogKey } from "../../src/log.ts";
import { libraryPrograms } from "../support/library-programs.ts";
import { COMPILED } from "../support/mayfly-command.ts";
import { publicKeyIn } from "../support/operator-keys.ts";
import { ANCHORS, ORIGIN, startTestService, type TestService } from "../support/service.ts";
import {
  makeTiledLog,
  makeTiledLogKeys,
  serveFiles,
  type FileServer,
  type TiledLogKeys,
} from "../support/tiled-log.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "mayfly-library-"));
const programs = libraryPrograms();
let mayfly: TestService;
let env: Record<string, string>;
let leaf: X509Certificate;

beforeAll(async () => {
  for (const { name, text } of programs) {
    // The package's name leads to what is built; here it is what stands in src/. test/e2e/package.test.ts runs the other.
    const entry = pathToFileURL(join(ROOT, "src", "log.ts")).href;
    writeFileSync(join(folder, name), text.replace(`"mayfly/log"`, JSON.stringify(entry)));
  }
  mayfly = await startTestService();
  const artifact = join(folder, "artifact");
  writeFileSync(artifact, "an artifact\n");
  for (const email of ["first@example.com", "second@example.com"]) {
    const { bundle } = await signFile(artifact, mayfly.service.publicUrl, () =>
      mayfly.issuer.mintToken("email", { email }),
    );
    leaf = new X509Certificate(leafOf(bundle));
  }
  env = {
    LOG_URL: `${mayfly.service.publicUrl}/test-log`,
    LOG_ORIGIN: ORIGIN,
    LOG_KEY: ANCHORS.logPublicKey.toString("base64"),
  };
  writeFileSync(join(folder, "leaf.pem"), leaf.toString());
  writeFileSync(join(folder, "issuer.pem"), issuerPem());
});

afterAll(async () => {
  await mayfly.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The issuing CA comes first in a chain. */
function issuerPem(): string {
  return ANCHORS.chainPem.slice(0, ANCHORS.chainPem.indexOf("-----END CERTIFICATE-----") + 26);
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(name: string, args: readonly string[], more: Record<string, string> = {}): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const options = { cwd: folder, env: { PATH: process.env["PATH"] ?? "", ...COMPILED, ...env, ...more } };
  execFile(process.execPath, [join(folder, name), ...args], options, (error, stdout, stderr) => {
    resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
  });
  return promise;
}

const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";

describe("the programs of docs/library.md", () => {
  it("are five", () => {
    expect(programs.map(({ name }) => name)).toEqual([
      "read-all.ts",
      "is-logged.ts",
      "watch.ts",
      "monitor.ts",
      "judge-checkpoint.ts",
    ]);
  });

  it("read all entries", async () => {
    const { code, stdout, stderr } = await run("read-all.ts", []);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      new RegExp(
        `^0 ${TIME} precert_entry\n1 ${TIME} precert_entry\n2 entries, all of them in the tree that ${ORIGIN} signed\n$`,
        "u",
      ),
    );
  });

  it("read nothing of a log with another key", async () => {
    const LOG_KEY = Buffer.from(makeTiledLogKeys(ORIGIN).logSpki).toString("base64");
    const { code, stderr } = await run("read-all.ts", [], { LOG_KEY });
    expect(code).toBe(1);
    expect(stderr).toContain("CHECKPOINT_INVALID");
  });

  it("find a certificate in the log, and none that was changed", async () => {
    const { code, stdout, stderr } = await run("is-logged.ts", ["leaf.pem", "issuer.pem"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^entry 1 of 2, logged ${TIME}\n$`, "u"));
    const other = await run("is-logged.ts", ["issuer.pem", "issuer.pem"]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("SCT_INVALID");
  });

  it("notice that the log grew", async () => {
    expect(await run("watch.ts", ["kept"])).toEqual({ code: 0, stdout: "0 entries, now 2\n", stderr: "" });
    expect(await run("watch.ts", ["kept"])).toEqual({ code: 0, stdout: "2 entries, now 2\n", stderr: "" });
  });

  it("find the entries of a name, and go on where they stopped", async () => {
    const all = await run("monitor.ts", ["example.com"]);
    expect(all.stdout).toMatch(/^0: serial [0-9A-F]+\n1: serial [0-9A-F]+\nnext time from 2\n$/u);
    const one = await run("monitor.ts", ["second@example.com"]);
    expect(one.stdout).toBe(`1: serial ${leaf.serialNumber}\nnext time from 2\n`);
    const none = await run("monitor.ts", ["example.com", "2"]);
    expect(none).toEqual({ code: 0, stdout: "next time from 2\n", stderr: "" });
  });

  it("judge a checkpoint by the log's key and its witnesses", async () => {
    const log = await openLog(env["LOG_URL"]!, { origin: ORIGIN, logKey: parseLogKey(ANCHORS.logPublicKey) });
    const { note } = await log.checkpoint();
    await log.close();
    const publicKey = ed25519KeyOfSpki(publicKeyIn(join(ROOT, "keys-dev", "checkpoint.json")));
    const vkey = encodeVerifierKey({ name: ORIGIN, type: SIGNATURE_TYPE.ed25519, publicKey });
    const witness = makeWitness();
    writeFileSync(join(folder, "checkpoint"), note);
    const alone = await run("judge-checkpoint.ts", ["checkpoint", vkey, witness.vkey]);
    expect(alone.code).toBe(1);
    expect(alone.stdout).toBe(
      "CHECKPOINT_INVALID: the checkpoint is not to be trusted: 0 of 1 witnesses cosigned it\n",
    );
    writeFileSync(join(folder, "cosigned"), witness.cosign(note, 1_800_000_000));
    expect(await run("judge-checkpoint.ts", ["cosigned", vkey, witness.vkey])).toEqual({
      code: 0,
      stdout: "witness.test/w1 saw 2 entries at 2027-01-15T08:00:00.000Z\n",
      stderr: "",
    });
  });
});

describe("a log that signed two histories", () => {
  const keys: TiledLogKeys = makeTiledLogKeys("log.test/tiled");
  const [honest, rewritten] = [makeTiledLog(5, keys), makeTiledLog(6, keys, makeTiledLog(9, keys).entries.slice(3))];
  const servers: FileServer[] = [];

  afterAll(() => Promise.all(servers.map((server) => server.close())));

  it("is found out by the watching program, which keeps the evidence", async () => {
    mkdirSync(join(folder, "fork"));
    const settings = async (log: typeof honest): Promise<Record<string, string>> => {
      const server = await serveFiles(log.files);
      servers.push(server);
      return { LOG_URL: server.url, LOG_ORIGIN: log.origin, LOG_KEY: Buffer.from(keys.logSpki).toString("base64") };
    };
    expect(await run("watch.ts", ["fork/kept"], await settings(honest))).toMatchObject({ code: 0 });
    expect(await run("watch.ts", ["fork/kept"], await settings(rewritten))).toEqual({
      code: 1,
      stdout: "the log of 6 entries does not continue that of 5\n",
      stderr: "",
    });
    expect(readFileSync(join(folder, "fork/kept"), "utf8")).toContain("log.test/tiled\n5\n");
    expect(readFileSync(join(folder, "fork/kept.6"), "utf8")).toContain("log.test/tiled\n6\n");
  });
});

function makeWitness(): { vkey: string; cosign(note: Uint8Array, timestampSeconds: number): string } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const bare = ed25519KeyOfSpki(publicKey.export({ type: "spki", format: "der" }));
  const key: VerifierKey = { name: "witness.test/w1", type: SIGNATURE_TYPE.cosignature, publicKey: bare };
  return {
    vkey: encodeVerifierKey(key),
    cosign: (note, timestampSeconds) => {
      const { text, signatures } = parseSignedNote(note);
      const signature = sign(null, cosignatureMessage(text, timestampSeconds), privateKey);
      const line = encodeCosignature({ timestampSeconds, signature });
      const keyId = noteKeyId(key.name, key.type, bare);
      return formatSignedNote({ text, signatures: [...signatures, { name: key.name, keyId, signature: line }] });
    },
  };
}
