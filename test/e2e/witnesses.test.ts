import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { makeCosignatureVerifier } from "../../src/core/note/cosignature.ts";
import { parseCheckpoint } from "../../src/core/note/checkpoint.ts";
import { parseSignedNote, verifySignedNote } from "../../src/core/note/signed-note.ts";
import { ed25519KeyOfSpki, makeEd25519Verifier, parseVerifierKey } from "../../src/core/note/verifier-key.ts";
import { FakeWitness, serveWitness, type ServedWitness } from "../fakes/fake-witness.ts";
import { ask, askForCertificate, type Answer } from "../support/ask.ts";
import { publicKeyIn } from "../support/operator-keys.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import type { Config } from "../../src/config/schema.ts";
import { openShardedService, originOf } from "../support/sharded-service.ts";
import { ORIGIN, startTestService, type TestService } from "../support/service.ts";

const KEY_FILE = join(import.meta.dirname, "..", "..", "keys-dev", "checkpoint.json");
const logVerifier = makeEd25519Verifier({
  name: ORIGIN,
  type: 0x01,
  publicKey: ed25519KeyOfSpki(publicKeyIn(KEY_FILE)),
});

describe("a service with witnesses", () => {
  let served: ServedWitness;
  let running: TestService | undefined;
  let copies: string;

  beforeEach(async () => {
    copies = mkdtempSync(join(tmpdir(), "mayfly-witnesses-"));
    served = await serveWitness(new FakeWitness("witness.test/w1"));
    served.witness.learn(ORIGIN, [logVerifier]);
  });

  afterEach(async () => {
    await running?.close();
    running = undefined;
    await served.close();
    rmSync(copies, { recursive: true, force: true });
  });

  async function start(quorum = "{ intervalSeconds: 0.1 }"): Promise<TestService> {
    const { witness, url } = served;
    const settings = `  witnesses: [{ key: "${witness.key}", url: "${url}" }]\n  witnessQuorum: ${quorum}\n`;
    running = await startTestService((text) => text.replace(/\nissuers:/u, `\n${settings}issuers:`));
    return running;
  }

  const issue = async ({ service, issuer }: TestService): Promise<Answer> =>
    askForCertificate(service.publicUrl, await issuer.mintToken("email"));

  const read = ({ service }: TestService, name: string): Promise<Answer> =>
    ask(`${service.publicUrl}/test-log/${name}`);

  /** Size of a checkpoint that the witness has cosigned; undefined when it is not there, or not cosigned. */
  function cosignedSize({ status, text }: Answer): number | undefined {
    if (status !== 200 || !text.includes("\u2014 witness.test/w1 ")) return undefined;
    const note = parseSignedNote(text);
    verifySignedNote(note, [makeCosignatureVerifier(parseVerifierKey(served.witness.key))]);
    verifySignedNote(note, [logVerifier]);
    return parseCheckpoint(note.text).size;
  }

  /** Witnesses are asked some time after publication; the test's own limit bounds the wait. */
  async function untilCosigned(service: TestService, size: number): Promise<void> {
    while (cosignedSize(await read(service, "checkpoint.cosigned")) !== size) await pause(10);
  }

  const linesOf = (service: TestService, message: string): readonly Record<string, unknown>[] =>
    service
      .logText()
      .split("\n")
      .filter((line) => line.includes(`"${message}"`))
      .map((line) => (JSON.parse(line) as { fields: Record<string, unknown> }).fields);

  it("shows cosigned checkpoints, also after a restart during which no witness can be reached", async () => {
    const first = await start();
    expect((await issue(first)).status).toBe(200);
    await untilCosigned(first, 1);
    expect(cosignedSize(await read(first, "checkpoint"))).toBe(1);
    const metrics = (await ask(`${first.service.operationsUrl}/metrics`)).text;
    expect(metrics).toMatch(
      /^mayfly_witness_requests_total\{[^}]*witness="witness\.test\/w1",result="cosigned"\} [1-9]/mu,
    );
    expect(metrics).toMatch(/^mayfly_witness_quorum_tree_size\{[^}]*\} 1$/mu);
    served.instead = () => ({ status: 503 });
    running = await first.restart();
    expect(cosignedSize(await read(running, "checkpoint.cosigned"))).toBe(1);
    expect(cosignedSize(await read(running, "checkpoint"))).toBe(1);
    expect((await issue(running)).status).toBe(200);
    expect(cosignedSize(await read(running, "checkpoint"))).toBeUndefined();
    expect((await ask(`${running.service.operationsUrl}/readyz`)).status).toBe(200);
    await running.stop();
    expect(linesOf(running, "a witness does not cosign")).toMatchObject([
      { witness: "witness.test/w1", result: "unavailable", detail: "status 503" },
    ]);
  });

  it("answers only what its witnesses have cosigned, when that is asked for", async () => {
    const service = await start("{ mode: before-answer }");
    for (let size = 1; size <= 3; size++) {
      expect((await issue(service)).status).toBe(200);
      expect(served.witness.seen(ORIGIN).size).toBe(size);
      expect(cosignedSize(await read(service, "checkpoint"))).toBe(size);
      expect(cosignedSize(await read(service, "checkpoint.cosigned"))).toBe(size);
    }
    served.instead = () => ({ status: 500 });
    const refused = await issue(service);
    expect(refused.status).toBe(503);
    expect(refused.text).toContain("WITNESS_QUORUM_MISSED");
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect(cosignedSize(await read(service, "checkpoint"))).toBe(3);
    served.instead = undefined;
    while ((await issue(service)).status !== 200) await pause(50);
    expect(cosignedSize(await read(service, "checkpoint"))).toBeGreaterThanOrEqual(5);
    await service.stop();
    expect(linesOf(service, "a witness cosigns again")).toHaveLength(1);
  });

  it("goes on serving what was published when no witness can be reached at its start, and issues nothing", async () => {
    const first = await start("{ mode: before-answer }");
    expect((await issue(first)).status).toBe(200);
    served.instead = () => ({ status: 500 });
    running = await first.restart();
    expect(cosignedSize(await read(running, "checkpoint"))).toBe(1);
    expect((await issue(running)).status).toBe(503);
  });

  it.each(["after-answer", "before-answer"])("refuses to start on an older copy of its data (%s)", async (mode) => {
    const first = await start(`{ mode: ${mode}, intervalSeconds: 0.1 }`);
    const { dataDirectory } = first.config;
    expect((await issue(first)).status).toBe(200);
    await first.stop();
    cpSync(dataDirectory, join(copies, "old"), { recursive: true });
    running = await first.restart();
    for (let size = 2; size <= 3; size++) expect((await issue(running)).status).toBe(200);
    await untilCosigned(running, 3);
    await running.stop();
    for (const file of readdirSync(dataDirectory).filter((name) => /sqlite|note|audit/u.test(name))) {
      rmSync(join(dataDirectory, file));
    }
    cpSync(join(copies, "old"), dataDirectory, { recursive: true });
    await expect(running.restart()).rejects.toMatchObject({ reason: "LOG_ROLLED_BACK" });
    const [evidence] = readdirSync(dataDirectory).filter((name) => name.startsWith("fork-"));
    expect(linesOf(running, "a witness has seen another log").at(-1)).toMatchObject({
      kind: "ahead",
      evidence: join(dataDirectory, evidence ?? ""),
    });
    expect(JSON.parse(readFileSync(join(dataDirectory, evidence ?? ""), "utf8"))).toMatchObject({
      format: "mayfly-fork/1",
      origin: ORIGIN,
      witness: "witness.test/w1",
      kind: "ahead",
      witnessSize: 3,
      committed: { size: 1 },
      response: { status: 409, body: "3\n" },
    });
  });

  it.each(["after-answer", "before-answer"])("ends when a witness has seen another tree (%s)", async (mode) => {
    const service = await start(`{ mode: ${mode}, intervalSeconds: 0.1 }`);
    expect((await issue(service)).status).toBe(200);
    await untilCosigned(service, 1);
    served.witness.seen(ORIGIN).root = new Uint8Array(32).fill(1);
    const answers = [await issue(service)];
    expect(await service.service.shutdown.stopped).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([mode === "after-answer" ? 200 : 500]);
    expect(linesOf(service, "a witness has seen another log")).toMatchObject([{ kind: "other-tree" }]);
    expect(linesOf(service, "failed; only a restart can mend this")).toHaveLength(1);
    expect(served.witness.seen(ORIGIN).size).toBe(1);
    await expect(service.restart()).rejects.toMatchObject({ reason: "LOG_FORKED" });
    served.instead = () => ({ status: 503 });
    await expect(service.restart()).rejects.toMatchObject({ reason: "LOG_FORKED" });
  });

  it("starts again after a fork only when the witness that told of it cosigns", async () => {
    const first = await start();
    expect((await issue(first)).status).toBe(200);
    await untilCosigned(first, 1);
    const { root } = served.witness.seen(ORIGIN);
    served.witness.seen(ORIGIN).root = new Uint8Array(32).fill(1);
    await issue(first);
    expect(await first.service.shutdown.stopped).toBe(1);
    served.instead = () => ({ status: 503 });
    await expect(first.restart()).rejects.toMatchObject({
      reason: "LOG_FORKED",
      message: expect.stringMatching(/witness\.test\/w1 had seen another log.*fork-[^/]*\.json$/u) as unknown,
    });
    // It was the witness that was wrong.
    served.instead = undefined;
    served.witness.seen(ORIGIN).root = root;
    running = await first.restart();
    expect((await issue(running)).status).toBe(200);
    await running.stop();
    const { dataDirectory } = first.config;
    const [evidence] = readdirSync(dataDirectory).filter((name) => name.startsWith("fork-"));
    writeFileSync(join(dataDirectory, evidence ?? ""), "{}");
    await expect(first.restart()).rejects.toMatchObject({ reason: "LOG_READ_FAILED" });
  });

  it("shows the last checkpoint of a frozen shard with its cosignatures, without any key of the shard", async () => {
    const sharded = await openShardedService();
    try {
      const witnesses = [{ key: served.witness.key, url: served.url }];
      const configure = async (shards: Parameters<typeof sharded.configure>[0]): Promise<Config> => {
        const config = await sharded.configure(shards);
        return { ...config, log: { ...config.log, witnesses } };
      };
      const stop = async (service: RunningService): Promise<void> => {
        service.shutdown.stop();
        await service.shutdown.stopped;
      };
      const next = { state: "active" };
      const first = await configure({ 2026: { state: "active" } });
      const origin = originOf("2026");
      const key = ed25519KeyOfSpki(publicKeyIn(join(sharded.folder, "2026-checkpoint.json")));
      served.witness.learn(origin, [makeEd25519Verifier({ name: origin, type: 0x01, publicKey: key })]);
      const active = await sharded.start(first);
      await sharded.issue(active);
      await stop(active);
      await stop(await sharded.start(await configure({ 2026: { state: "frozen" }, 2027: next })));
      rmSync(join(sharded.folder, "data", "shards", "2026", "cosigned.note"), { force: true });
      const frozen = await configure({ 2026: { state: "frozen", isKeyless: true }, 2027: next });
      const readingOn = await sharded.start(frozen);
      const { publicUrl } = readingOn;
      for (const name of ["checkpoint.cosigned", "checkpoint"]) {
        let text = "";
        while (!text.includes("\u2014 witness.test/w1 ")) {
          await pause(10);
          ({ text } = await ask(`${publicUrl}/2026/${name}`));
        }
        verifySignedNote(parseSignedNote(text), [makeCosignatureVerifier(parseVerifierKey(served.witness.key))]);
        expect(parseCheckpoint(parseSignedNote(text).text)).toMatchObject({ origin, size: 1 });
      }
      // What was cosigned stays to be read where no witness, or another one, is configured, and none has to answer.
      const cosigned = await ask(`${publicUrl}/2026/checkpoint.cosigned`);
      await stop(readingOn);
      const others = [{ ...witnesses[0]!, key: new FakeWitness("witness.test/other").key }];
      for (const configured of [[], others]) {
        const again = await sharded.start({ ...frozen, log: { ...frozen.log, witnesses: configured } });
        expect((await ask(`${again.publicUrl}/2026/checkpoint.cosigned`)).text).toBe(cosigned.text);
        await stop(again);
      }
    } finally {
      await sharded.close();
    }
  });
});
