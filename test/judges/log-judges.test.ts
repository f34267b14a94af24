import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPublicKey } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { publicFiles } from "../support/foreign-log/public-files.ts";
import { isGoToolBuilt } from "../support/go-tool.ts";
import { itWhen } from "../support/it-when.ts";
import { askFsck, askTlog, LOGJUDGE, TESSERACT_FSCK, type JudgedLog } from "./log-judges.ts";

const FIXTURE = resolve("test/vectors/logs/tesseract");
const publicKey = createPublicKey(readFileSync(join(FIXTURE, "key.pem"))).export({ type: "spki", format: "der" });

const isBuilt = isGoToolBuilt(LOGJUDGE) && isGoToolBuilt(TESSERACT_FSCK);
const [itWithGo, skipped] = itWhen(isBuilt, "the judges of logs in Go are not built; npm run test:log builds them");

const COUNTS = { checkpoint: 1, "tree hash": 1, "hash tiles": 3, "data tile": 2, entry: 280, issuer: 4 };

const folders: string[] = [];
let server: Server;
let root = FIXTURE;
let log: JudgedLog;

beforeAll(async () => {
  server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(root, request.url ?? "")));
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  log = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    origin: "tesseract.test/2026",
    publicKey,
  };
});

afterAll(() => {
  server.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A copy of the log with one octet of a file changed. */
function withFlip(path: string, at: number): string {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-tampered-"));
  folders.push(folder);
  cpSync(FIXTURE, folder, { recursive: true });
  const bytes = readFileSync(join(folder, path));
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(join(folder, path), bytes);
  return folder;
}

describe("the judges of logs", () => {
  it("have a log to judge that is whole", () => {
    for (const path of publicFiles(FIXTURE, 280)) expect(readFileSync(join(FIXTURE, path)).length).toBeGreaterThan(0);
  });

  itWithGo(`accept the log that TesseraCT wrote${skipped}`, async () => {
    root = FIXTURE;
    expect(await askTlog(log, 50)).toEqual({
      judged: { ...COUNTS, "record proof": 50, "tree proof": 50 },
      faults: [],
    });
    expect(await askFsck(log)).toEqual({ judged: { entries: 280 }, faults: [] });
    expect(await askFsck({ ...log, url: `file://${FIXTURE}` })).toEqual({ judged: { entries: 280 }, faults: [] });
  });
  for (const path of ["tile/0/000", "tile/0/001.p/24", "tile/data/000", "tile/data/001.p/24", "checkpoint"]) {
    itWithGo(`refuse it with one bit of ${path} changed${skipped}`, async () => {
      root = withFlip(path, 100);
      expect((await askTlog(log, 50)).faults).not.toEqual([]);
      expect((await askFsck(log)).faults).not.toEqual([]);
    });
  }
});
