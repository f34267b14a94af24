import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { hash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leafOf, signFile } from "../../../dev/sign-file.ts";
import { verifyBundle } from "../../../dev/verify-bundle.ts";
import { verifyLogProof } from "../../../dev/verify-log-proof.ts";
import { dataPaths } from "../../../src/compose/data-paths.ts";
import { verifyDataFolder } from "../../../src/compose/verify-data-folder.ts";
import type { LogProblem } from "../../../src/tlog/log-problem.ts";
import {
  askFsck,
  askGoClient,
  askTlog,
  LOG_JUDGE_VERSIONS,
  LOGJUDGE,
  TESSERACT_FSCK,
  type JudgedLog,
  type LogVerdict,
} from "../../judges/log-judges.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { CTLOG, serveFolder } from "../../support/foreign-log/tesseract-log.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import { makeLargeLog, serveLargeLogs, type WrittenLargeLog } from "../../support/large-log/large-log-service.ts";
import { verifyIssued } from "../../support/large-log/verify-issued.ts";
import { runCli } from "../../support/run-cli.ts";
import type { TestService } from "../../support/service.ts";

/** No multiple of 256, so that each level ends in a partial tile. */
const SIZES = { first: 52_300, second: 3_100 } as const;
const SIGNED_OVER_HTTP = 20;

const go = goVersion();
const [itWithGo, skipped] = itWhen(go !== undefined, "no go command");

type Shard = keyof typeof SIZES;
const SHARDS = Object.keys(SIZES) as Shard[];
const artifact = join(mkdtempSync(join(tmpdir(), "mayfly-artifact-")), "artifact");

describe("a log of two shards, written by Mayfly and served by it", () => {
  const logs = new Map<Shard, WrittenLargeLog>();
  const dataDirectory = join(mkdtempSync(join(tmpdir(), "mayfly-large-")), "data");
  let mayfly: TestService;

  const logOf = (shard: Shard): WrittenLargeLog => {
    const found = logs.get(shard);
    if (found === undefined) throw new RangeError(`no ${shard} shard`);
    return found;
  };
  const judgedLog = (shard: Shard): JudgedLog => {
    const { origin, anchors } = logOf(shard);
    const path = origin.slice(origin.indexOf("/"));
    return { url: `${mayfly.service.publicUrl}${path}`, origin, publicKey: anchors.logPublicKey };
  };
  const record = (shard: Shard, judge: string, { judged, faults }: LogVerdict): void => {
    const counts = Object.entries(judged).map(([what, count]) => `${what} ${String(count)}`);
    recordEvidence(`${shard} shard, ${judge}: ${counts.join(", ")}; ${String(faults.length)} faults`);
  };

  beforeAll(async () => {
    writeFileSync(artifact, "an artifact\n");
    if (go !== undefined) {
      for (const tool of [LOGJUDGE, TESSERACT_FSCK, CTLOG]) buildGoTool(tool);
      recordVersion("Go", `${go} with ${LOG_JUDGE_VERSIONS}`);
    }
    for (const shard of SHARDS) {
      const log = await makeLargeLog({
        origin: `localhost/large-${shard}`,
        dataDirectory: join(dataDirectory, shard),
        count: SIZES[shard],
        authority: logs.get("first")?.keys,
      });
      logs.set(shard, log);
      recordEvidence(
        `${shard} shard: ${String(SIZES[shard])} certificates issued into it in ${log.seconds.toFixed(0)} s, with keys of its own`,
      );
    }
    mayfly = await serveLargeLogs(dataDirectory, [
      { name: "first", state: "frozen", log: logOf("first") },
      { name: "second", state: "active", log: logOf("second") },
    ]);
    recordEvidence("one service over both: the first shard is frozen, the second one issues");
  });

  afterAll(async () => {
    await mayfly.close();
  });

  it("goes on issuing over HTTP where the writer of its active shard left off, and Sigstore's client gets proofs of what it signed", async () => {
    const { service, issuer } = mayfly;
    const { anchors, origin } = logOf("second");
    for (let at = 0; at < SIGNED_OVER_HTTP; at += 1) {
      const signed = await signFile(artifact, service.publicUrl, () => issuer.mintToken("email"));
      verifyBundle(signed, anchors, "dev@example.com");
      const proof = await verifyLogProof(leafOf(signed.bundle), anchors, { url: judgedLog("second").url, origin });
      expect(proof.logIndex).toBeGreaterThanOrEqual(SIZES.second);
    }
  });

  it("has SCTs that @sigstore/verify accepts under the key of their shard, and under no other", () => {
    const [first, second] = [logOf("first"), logOf("second")];
    for (const [log, other] of [
      [first, second],
      [second, first],
    ] as const) {
      expect(log.samples.length).toBe(250);
      for (const sample of log.samples) verifyIssued(sample, log.certificateKey, log.anchors);
      for (const sample of log.samples.slice(0, 20)) {
        expect(() => {
          verifyIssued(sample, log.certificateKey, other.anchors);
        }).toThrow();
      }
    }
    recordEvidence(
      "@sigstore/verify: 250 certificates of each shard accepted, 20 of each refused under the other's key",
    );
  });

  it.each(SHARDS)("is verified by Mayfly from its data folder: %s shard", async (shard) => {
    const { origin } = logOf(shard);
    const others = SHARDS.filter((other) => other !== shard).map((other) => logOf(other).anchors.logPublicKey);
    const problems: LogProblem[] = [];
    const report = await verifyDataFolder({
      paths: dataPaths({ dataDirectory }, shard),
      origin,
      otherLogs: new Set(others.map((key) => hash("sha256", key, "hex"))),
      onProblem: (problem) => problems.push(problem),
    });
    expect(problems).toEqual([]);
    expect(report.head.size).toBeGreaterThanOrEqual(SIZES[shard]);
  });

  it.each(SHARDS)(
    "is accepted by `mayfly log verify URL`, and not under the other shard's key: %s shard",
    async (shard) => {
      const { url, origin } = judgedLog(shard);
      const verify = (key: Uint8Array) =>
        runCli(["log", "verify", url, "--origin", origin, "--key", Buffer.from(key).toString("base64"), "--json"]);
      const start = performance.now();
      const accepted = await verify(logOf(shard).anchors.logPublicKey);
      // A machine with much to do takes so long that the command tells how far it is.
      expect(accepted).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^(\d+ of \d+ entries verified, .*\n)*$/u),
      });
      recordEvidence(
        `${shard} shard, mayfly log verify URL: accepted in ${((performance.now() - start) / 1_000).toFixed(1)} s, with every signature`,
      );
      const refused = await verify(logOf(shard === "first" ? "second" : "first").anchors.logPublicKey);
      expect(refused.code).toBe(1);
      expect(JSON.parse(refused.stdout)).toMatchObject({ problems: [{ where: "checkpoint" }] });
    },
  );

  for (const shard of SHARDS) {
    itWithGo(`is accepted by golang.org/x/mod/sumdb/tlog over its tiles: ${shard} shard${skipped}`, async () => {
      const verdict = await askTlog(judgedLog(shard), 2_000);
      record(shard, "x/mod sumdb/tlog", verdict);
      expect(verdict.faults).toEqual([]);
      expect(verdict.judged["entry"]).toBeGreaterThanOrEqual(SIZES[shard]);
    });

    itWithGo(`is accepted by TesseraCT's fsck: ${shard} shard${skipped}`, async () => {
      const verdict = await askFsck(judgedLog(shard));
      record(shard, "TesseraCT's fsck", verdict);
      expect(verdict.faults).toEqual([]);
      expect(verdict.judged["entries"]).toBeGreaterThanOrEqual(SIZES[shard]);
    });

    itWithGo(`is accepted by both of them as \`mayfly log export\` writes it: ${shard} shard${skipped}`, async () => {
      const { configPath } = logOf(shard);
      for (const isCompressed of [false, true]) {
        const directory = mkdtempSync(join(tmpdir(), "mayfly-export-"));
        const args = ["log", "export", "--config", configPath, "--directory", directory];
        const { code, stderr } = await runCli(isCompressed ? [...args, "--gzip"] : args);
        expect({ code, stderr }).toMatchObject({ code: 0 });
        const how = isCompressed ? "export with gzip" : "export";
        const fsck = await askFsck({ ...judgedLog(shard), url: `file://${directory}` }, isCompressed);
        record(shard, `TesseraCT's fsck on the files of an ${how}`, fsck);
        expect(fsck.faults).toEqual([]);
        const files = await serveFolder(directory);
        try {
          const tlog = await askTlog({ ...judgedLog(shard), url: files.url });
          record(shard, `x/mod sumdb/tlog on the files of an ${how}`, tlog);
          expect(tlog.faults).toEqual([]);
        } finally {
          await files.close();
          rmSync(directory, { recursive: true, force: true });
        }
      }
    });

    itWithGo(
      `is accepted by certificate-transparency-go's client through RFC 6962 §4: ${shard} shard${skipped}`,
      async () => {
        const verdict = await askGoClient(judgedLog(shard), 1_000);
        record(shard, "certificate-transparency-go's client", verdict);
        expect(verdict.faults).toEqual([]);
        expect(verdict.judged["get-entries"]).toBeGreaterThanOrEqual(SIZES[shard]);
      },
    );
  }
});
