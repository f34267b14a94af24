import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLogSource } from "../../src/compose/open-log-source.ts";
import { RawServer, send } from "../adapters/oidc/raw-server.ts";
import { serveRfc6962, type Rfc6962Server } from "../support/rfc6962-server.ts";
import { makeTiledLog, serveFiles, type FileServer } from "../support/tiled-log.ts";

const log = makeTiledLog(3);
const { logId } = log.logKey;
const folder = mkdtempSync(join(tmpdir(), "mayfly-open-source-"));
let files: FileServer;
let rfc6962: Rfc6962Server;

beforeAll(async () => {
  files = await serveFiles(log.files);
  rfc6962 = await serveRfc6962(log);
  writeFileSync(join(folder, "checkpoint"), log.files.get("checkpoint")!);
});
afterAll(async () => {
  await Promise.all([files.close(), rfc6962.close()]);
  rmSync(folder, { recursive: true, force: true });
});

describe("a log that is opened by its location", () => {
  it("is a static log where a checkpoint answers, and in a folder", async () => {
    for (const location of [files.url, folder]) {
      const source = await openLogSource(location);
      expect(Buffer.from(await source.checkpoint()).toString()).toContain("log.test/tiled\n3\n");
      await source.close();
    }
  });

  it("is an RFC 6962 log where a tree head answers, and its key is known", async () => {
    const source = await openLogSource(rfc6962.url, { logId, origin: "log.test/other" });
    expect(Buffer.from(await source.checkpoint()).toString()).toContain("log.test/other\n3\n");
    expect(await source.tile(0, 0, 3)).toBeUndefined();
    await source.close();
    await expect(openLogSource(rfc6962.url)).rejects.toMatchObject({ reason: "SOURCE_INVALID" });
  });

  it("is what it is said to be, without a look", async () => {
    const before = [files.asked.length, rfc6962.asked.length];
    await (await openLogSource(files.url, { kind: "static-ct" })).close();
    await (await openLogSource(folder, { kind: "static-ct" })).close();
    expect(files.asked).toHaveLength(before[0]!);
    await expect(openLogSource(files.url, { kind: "rfc6962", logId })).rejects.toMatchObject({
      reason: "SOURCE_INVALID",
    });
  });

  it("is refused where neither answers", async () => {
    const opened = openLogSource(files.url.replace("/log", "/other"), { logId });
    await expect(opened).rejects.toMatchObject({ reason: "SOURCE_INVALID" });
  });

  it("is not taken for another kind because it is busy", async () => {
    const busy = await RawServer.start();
    busy.answer = send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    const opened = openLogSource(`http://127.0.0.1:${busy.port}/log`, { logId, attempts: 1 });
    await expect(opened).rejects.toMatchObject({ reason: "SOURCE_UNAVAILABLE" });
    expect(busy.requests).toHaveLength(1);
    await busy.close();
  });

  it("is refused where there is no such folder", async () => {
    await expect(openLogSource(join(folder, "none"))).rejects.toMatchObject({ reason: "SOURCE_UNAVAILABLE" });
  });
});
