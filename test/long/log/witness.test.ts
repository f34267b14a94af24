import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { makeCosignatureVerifier } from "../../../src/core/note/cosignature.ts";
import { parseCheckpoint } from "../../../src/core/note/checkpoint.ts";
import { parseSignedNote, verifySignedNote } from "../../../src/core/note/signed-note.ts";
import { ed25519KeyOfSpki, encodeVerifierKey, parseVerifierKey } from "../../../src/core/note/verifier-key.ts";
import { askForCertificate, ask } from "../../support/ask.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import { publicKeyIn } from "../../support/operator-keys.ts";
import { LITEWITNESS, LITEWITNESS_VERSION, startRealWitness, type RealWitness } from "../../support/real-witness.ts";
import { ORIGIN, startTestService, type TestService } from "../../support/service.ts";

/** Entries of a whole tile and more, so that proofs go through two levels. */
const MANY = 300;

const KEY_FILE = join(import.meta.dirname, "..", "..", "..", "keys-dev", "checkpoint.json");
const LOG_KEY = encodeVerifierKey({
  name: ORIGIN,
  type: 0x01,
  publicKey: ed25519KeyOfSpki(publicKeyIn(KEY_FILE)),
});

const [itWithGo, skipped] = itWhen(goVersion() !== undefined && hasAgent(), "no go command, or no ssh-agent");

describe("litewitness as the witness of a service", () => {
  let folder: string;
  let witness: RealWitness;
  const running: TestService[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "lw-"));
    if (skipped !== "") return;
    buildGoTool(LITEWITNESS);
    recordVersion("litewitness", `of ${LITEWITNESS_VERSION}`);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a part with a witness that has seen nothing yet, and ends everything that it started. */
  async function withWitness(name: string, part: () => Promise<void>): Promise<void> {
    witness = await startRealWitness(join(folder, name), `witness.test/${name}`);
    witness.learn(ORIGIN, LOG_KEY);
    try {
      await part();
    } finally {
      for (const service of running.splice(0)) await service.close();
      await witness.close();
    }
  }

  async function start(quorum: string): Promise<TestService> {
    const settings = `  witnesses: [{ key: "${witness.key}", url: "${witness.url}" }]\n  witnessQuorum: ${quorum}\n`;
    const service = await startTestService((text) => text.replace(/\nissuers:/u, `\n${settings}issuers:`));
    running.push(service);
    return service;
  }

  const issue = async ({ service, issuer }: TestService): Promise<number> =>
    (await askForCertificate(service.publicUrl, await issuer.mintToken("email"))).status;

  async function issueMany(service: TestService, count: number): Promise<void> {
    for (let at = 0; at < count; at += 20) {
      const statuses = await Promise.all(Array.from({ length: Math.min(20, count - at) }, () => issue(service)));
      expect(statuses.every((status) => status === 200)).toBe(true);
    }
  }

  /** Size of a checkpoint that litewitness has cosigned, by its own key; undefined when it has not. */
  async function cosignedSize({ service }: TestService, name = "checkpoint.cosigned"): Promise<number | undefined> {
    const { status, text } = await ask(`${service.publicUrl}/test-log/${name}`);
    if (status !== 200) return undefined;
    const note = parseSignedNote(text);
    try {
      verifySignedNote(note, [makeCosignatureVerifier(parseVerifierKey(witness.key))]);
    } catch {
      return undefined;
    }
    return parseCheckpoint(note.text).size;
  }

  async function untilCosigned(service: TestService, size: number): Promise<void> {
    while ((await cosignedSize(service)) !== size) await pause(10);
  }

  itWithGo(`cosigns every size from 0 on, over restarts of both${skipped}`, () =>
    withWitness("a", async () => {
      let service = await start("{ intervalSeconds: 0.1 }");
      await untilCosigned(service, 0);
      for (let size = 1; size <= 10; size++) {
        expect(await issue(service)).toBe(200);
        await untilCosigned(service, size);
      }
      await witness.stop();
      await issueMany(service, MANY);
      expect(await cosignedSize(service)).toBe(10);
      await witness.start();
      service = await service.restart();
      running.splice(0, 1, service);
      await untilCosigned(service, 10 + MANY);
      expect(await cosignedSize(service, "checkpoint")).toBe(10 + MANY);
      expect(witness.size(ORIGIN)).toBe(10 + MANY);
      recordEvidence(
        `litewitness cosigned sizes 0 to 10 one by one, and ${String(10 + MANY)} after both were restarted`,
      );
    }),
  );

  itWithGo(`comes first where that is asked for, and is waited for in vain when it is gone${skipped}`, () =>
    withWitness("b", async () => {
      const service = await start("{ mode: before-answer, timeoutSeconds: 1.5 }");
      for (let size = 1; size <= 5; size++) {
        expect(await issue(service)).toBe(200);
        expect(witness.size(ORIGIN)).toBe(size);
        expect(await cosignedSize(service, "checkpoint")).toBe(size);
      }
      await issueMany(service, 100);
      await witness.stop();
      expect(await issue(service)).toBe(503);
      await witness.start();
      while ((await issue(service)) !== 200) await pause(100);
      expect(await cosignedSize(service, "checkpoint")).toBe(witness.size(ORIGIN));
      recordEvidence(
        "before-answer: 105 certificates, each under a checkpoint that litewitness had cosigned; 503 while it was away",
      );
    }),
  );

  itWithGo(`is why an older copy of all data does not start${skipped}`, () =>
    withWitness("c", async () => {
      let service = await start("{ intervalSeconds: 0.1 }");
      const { dataDirectory } = service.config;
      await issueMany(service, 5);
      await service.stop();
      const copy = join(folder, "copy");
      cpSync(dataDirectory, copy, { recursive: true });
      service = await service.restart();
      running.splice(0, 1, service);
      await issueMany(service, 5);
      await untilCosigned(service, 10);
      await service.stop();
      putBack(copy, dataDirectory);
      await expect(service.restart()).rejects.toMatchObject({ reason: "LOG_ROLLED_BACK" });
      expect(evidenceIn(dataDirectory)).toMatchObject([{ kind: "ahead", witnessSize: 10, response: { body: "10\n" } }]);
      recordEvidence("a copy of the data from 5 entries ago did not start: litewitness answered 409 with its size");
    }),
  );

  itWithGo(`ends a log that was forked on purpose${skipped}`, () =>
    withWitness("d", async () => {
      let service = await start("{ intervalSeconds: 0.1 }");
      const { dataDirectory } = service.config;
      await issueMany(service, 5);
      await untilCosigned(service, 5);
      await service.stop();
      const copy = join(folder, "fork");
      cpSync(dataDirectory, copy, { recursive: true });
      service = await service.restart();
      running.splice(0, 1, service);
      expect(await issue(service)).toBe(200);
      await untilCosigned(service, 6);
      await service.stop();
      putBack(copy, dataDirectory);
      // The witness is away while the copy starts and goes on otherwise: the fork is made before it can say so.
      await witness.stop();
      service = await service.restart();
      running.splice(0, 1, service);
      await issueMany(service, 2);
      await witness.start();
      expect(await service.service.shutdown.stopped).toBe(1);
      expect(service.logText()).toContain("a witness has seen another log");
      expect(evidenceIn(dataDirectory)).toMatchObject([{ kind: "other-tree", result: "inconsistent" }]);
      expect(witness.size(ORIGIN)).toBe(6);
      await expect(service.restart()).rejects.toMatchObject({ reason: "LOG_FORKED" });
      recordEvidence(
        "a fork made while litewitness was away ended the service when it was back: 422 to a proof of ours",
      );
    }),
  );
});

/** Puts a copy of the data in the place of the data, without a trace. */
function putBack(copy: string, dataDirectory: string): void {
  const made = readdirSync(dataDirectory).filter((name) => /sqlite|note|audit/u.test(name));
  for (const file of made) rmSync(join(dataDirectory, file));
  cpSync(copy, dataDirectory, { recursive: true });
}

function evidenceIn(dataDirectory: string): readonly unknown[] {
  const files = readdirSync(dataDirectory).filter((name) => name.startsWith("fork-"));
  return files.map((file): unknown => JSON.parse(readFileSync(join(dataDirectory, file), "utf8")));
}

function hasAgent(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v ssh-agent && command -v ssh-add && command -v ssh-keygen"], {
      stdio: "pipe",
    });
    return true;
  } catch {
    return false;
  }
}
