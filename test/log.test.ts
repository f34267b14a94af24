import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leafOf, signFile } from "../dev/sign-file.ts";
import { openStaticCtSource } from "../src/adapters/log-source/static-ct.ts";
import { encodeTreeHeadSignature, signedTreeHeadOfNote } from "../src/core/ct/signed-tree-head.ts";
import { decodeTileLeaf, leafInputOfTileLeaf } from "../src/core/ct/static-entry.ts";
import { parseSignedNote } from "../src/core/note/signed-note.ts";
import {
  openLog,
  parseLogKey,
  verifyEmbeddedSct,
  verifyInclusionProof,
  type LogEntry,
  type RemoteLog,
  type VerifiedCheckpoint,
} from "../src/log.ts";
import { TESSERACT_FOLDER, TESSERACT_SIZE, TESSERACT_TRUST } from "./support/foreign-logs.ts";
import { serveAnswers, type Rfc6962Server } from "./support/rfc6962-server.ts";
import { ANCHORS, ORIGIN, startTestService, type TestService } from "./support/service.ts";
import { toHex } from "./support/vectors.ts";

async function all(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const list: LogEntry[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
}

describe("a Mayfly that serves", () => {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-log-entry-"));
  const certificates: Buffer[] = [];
  const trust = { origin: ORIGIN, logKey: parseLogKey(ANCHORS.logPublicKey) };
  let mayfly: TestService;
  let url: string;

  const sign = async (count: number): Promise<void> => {
    for (let made = 0; made < count; made++) {
      const token = (): Promise<string> => mayfly.issuer.mintToken("email", { email: `a${made}@example.com` });
      const { bundle } = await signFile(join(folder, "artifact"), mayfly.service.publicUrl, token);
      certificates.push(leafOf(bundle));
    }
  };

  beforeAll(async () => {
    mayfly = await startTestService();
    url = `${mayfly.service.publicUrl}/test-log`;
    writeFileSync(join(folder, "artifact"), "an artifact\n");
    await sign(3);
  });
  afterAll(async () => {
    await mayfly.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(["static-ct", "rfc6962"] as const)("is a good log of its certificates, read as %s", async (kind) => {
    const log = await openLog(url, trust, { kind });
    expect(await log.verify()).toMatchObject({ isGood: true, entries: certificates.length, problems: [], notices: [] });
    const checkpoint = await log.checkpoint();
    const entries = await all(log.unverifiedEntries(checkpoint));
    const issuer = await log.issuer(entries[0]!.certificateChain[0]!);
    const promised = certificates.map((certificate) => verifyEmbeddedSct({ certificate, issuer }, trust.logKey));
    expect(entries.map(({ leafHash }) => toHex(leafHash))).toEqual(promised.map(({ leafHash }) => toHex(leafHash)));
    expect(promised.map(({ leafIndex }) => leafIndex)).toEqual(entries.map(({ index }) => index));
    await log.close();
  });

  it("grows, and every earlier checkpoint is proved to be its beginning", async () => {
    const log: RemoteLog = await openLog(url, trust);
    const seen: VerifiedCheckpoint[] = [await log.checkpoint()];
    await sign(2);
    seen.push(await log.checkpoint());
    const [first, second] = seen as [VerifiedCheckpoint, VerifiedCheckpoint];
    expect([first.size, second.size]).toEqual([3, 5]);
    expect(await log.consistencyProof(first, second)).toHaveLength(4);
    // Through the earlier checkpoint too: its partial tiles are still to be had.
    for (const checkpoint of seen) {
      const entries = await all(log.entries(checkpoint));
      expect(entries).toHaveLength(checkpoint.size);
      for (const { index: leafIndex, leafHash } of entries) {
        const path = await log.inclusionProof(checkpoint, leafIndex);
        verifyInclusionProof({ leafHash, leafIndex, treeSize: checkpoint.size, root: checkpoint.root }, path);
      }
    }
    await log.close();
  });
});

describe("a log of TesseraCT's that is answered as RFC 6962 says", () => {
  let server: Rfc6962Server;

  beforeAll(async () => {
    const source = await openStaticCtSource(TESSERACT_FOLDER);
    const { origin, logKey: key } = TESSERACT_TRUST;
    const head = signedTreeHeadOfNote(parseSignedNote(await source.checkpoint()), { origin, key: key! });
    const stored = [
      ...(await source.entries(0, 256, TESSERACT_SIZE)),
      ...(await source.entries(256, TESSERACT_SIZE, TESSERACT_SIZE)),
    ];
    const fingerprints = new Map(
      stored.flatMap((bytes) => decodeTileLeaf(bytes).certificateChain.map((print) => [toHex(print), print])),
    );
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
    server = await serveAnswers({
      size: TESSERACT_SIZE,
      entries: stored.map((bytes) => ({ stored: bytes, leafInput: leafInputOfTileLeaf(bytes) })),
      issuers: await Promise.all([...fingerprints.values()].map(async (print) => (await source.issuer(print))!)),
      treeHead: {
        tree_size: head.size,
        timestamp: head.timestampMs,
        sha256_root_hash: base64(head.root),
        tree_head_signature: base64(encodeTreeHeadSignature(head.signature)),
      },
    });
  });
  afterAll(() => server.close());

  it("is good, and its entries are those of its tiles", async () => {
    const [answered, files] = [
      await openLog(server.url, TESSERACT_TRUST),
      await openLog(TESSERACT_FOLDER, TESSERACT_TRUST),
    ];
    expect(await answered.verify()).toMatchObject({ isGood: true, entries: TESSERACT_SIZE, problems: [] });
    const [one, other] = [await answered.checkpoint(), await files.checkpoint()];
    expect(toHex(one.root)).toBe(toHex(other.root));
    expect(await all(answered.unverifiedEntries(one))).toEqual(await all(files.entries(other)));
    await answered.close();
  });

  it("is not good when one entry is another", async () => {
    const log = await openLog(server.url, TESSERACT_TRUST);
    server.replace = (target) => (target.includes("start=200") ? { entries: server.pageEntries(199, 1) } : undefined);
    const { isGood, problems } = await log.verify();
    server.replace = () => undefined;
    expect(isGood).toBe(false);
    expect(problems.map(({ where }) => where)).toContain("entry 200");
    await log.close();
  });
});
