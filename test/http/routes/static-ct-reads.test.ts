import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { naiveRoot } from "../../support/assert-log-consistent.ts";
import { sha256 } from "../../support/log-fixtures.ts";
import { openServedLog, STORES } from "../../support/served-log.ts";
import type { ServedLog } from "../../support/served-log.ts";

jest.setTimeout(60_000);

const SIZE = 600;

/** Where TileLeaf structures of precertificates end, read as C2SP static-ct-api writes them. */
function leavesOf(tile: Buffer): { readonly leafInput: Buffer; readonly issuers: Buffer; readonly end: number }[] {
  const leaves = [];
  for (let at = 0; at < tile.length;) {
    const start = at;
    at += 8 + 2 + 32;
    at += 3 + tile.readUIntBE(at, 3);
    at += 2 + tile.readUInt16BE(at);
    const leafInput = Buffer.concat([Buffer.alloc(2), tile.subarray(start, at)]);
    at += 3 + tile.readUIntBE(at, 3);
    const issuersAt = at + 2;
    at += 2 + tile.readUInt16BE(at);
    leaves.push({ leafInput, issuers: tile.subarray(issuersAt, at), end: at });
  }
  return leaves;
}

describe.each(STORES)("the files of a log in %s", (store) => {
  let log: ServedLog;

  const read = async (path: string, headers?: Readonly<Record<string, string>>): Promise<Buffer> => {
    const answer = await log.get(path, headers);
    expect({ path, status: answer.status }).toEqual({ path, status: 200 });
    return Buffer.from(await answer.arrayBuffer());
  };

  beforeAll(async () => {
    log = await openServedLog({ store });
    await log.add(1);
    await log.add(299);
    await log.add(SIZE - 300);
  });

  afterAll(async () => {
    await log[Symbol.asyncDispose]();
  });

  it("lead from the checkpoint to every entry and certificate", async () => {
    const [origin, size, root] = (await read("/checkpoint")).toString("utf8").split("\n");
    expect([origin, size]).toEqual(["log.test/2026", String(SIZE)]);
    const data = await Promise.all(["000", "001", "002.p/88"].map((index) => read(`/tile/data/${index}`)));
    const entries = data.flatMap(leavesOf);
    const hashes = entries.map(({ leafInput }) => sha256(Buffer.concat([Uint8Array.of(0), leafInput])));
    expect(hashes).toHaveLength(SIZE);
    expect(Buffer.from(naiveRoot(hashes)).toString("base64")).toBe(root);
    const tiles = await Promise.all(["000", "001", "002.p/88"].map((index) => read(`/tile/0/${index}`)));
    expect(Buffer.concat(tiles).equals(Buffer.concat(hashes))).toBe(true);
    const above = [hashes.slice(0, 256), hashes.slice(256, 512)].map(naiveRoot);
    expect((await read("/tile/1/000.p/2")).equals(Buffer.concat(above))).toBe(true);
    for (const { issuers } of entries) {
      expect(issuers.equals(Buffer.concat(log.chain.map(sha256)))).toBe(true);
    }
    for (const certificate of log.chain) {
      const fingerprint = Buffer.from(sha256(certificate)).toString("hex");
      expect((await read(`/issuer/${fingerprint}`)).equals(certificate)).toBe(true);
    }
  });

  it("are there in every width that a checkpoint ever implied, also of tiles that are full by now", async () => {
    const [full, partial] = [await read("/tile/0/000"), await read("/tile/0/002.p/88")];
    const [fullData, partialData] = [await read("/tile/data/000"), await read("/tile/data/002.p/88")];
    for (const width of [1, 2, 44, 87, 255]) {
      expect((await read(`/tile/0/000.p/${width}`)).equals(full.subarray(0, width * 32))).toBe(true);
      const { end } = leavesOf(fullData)[width - 1]!;
      expect((await read(`/tile/data/000.p/${width}`)).equals(fullData.subarray(0, end))).toBe(true);
      if (width > 88) continue;
      expect((await read(`/tile/0/002.p/${width}`)).equals(partial.subarray(0, width * 32))).toBe(true);
      const last = leavesOf(partialData)[width - 1]!;
      expect((await read(`/tile/data/002.p/${width}`)).equals(partialData.subarray(0, last.end))).toBe(true);
    }
    expect((await read("/tile/1/000.p/1")).equals((await read("/tile/1/000.p/2")).subarray(0, 32))).toBe(true);
  });

  it.each(["000", "000.p/255", "002.p/88"])(
    "data tile %s is the same compressed, for less than half",
    async (index) => {
      const plain = await read(`/tile/data/${index}`);
      const answer = await log.get(`/tile/data/${index}`, { "accept-encoding": "gzip" });
      expect(answer.headers.get("content-encoding")).toBe("gzip");
      expect(Number(answer.headers.get("content-length"))).toBeLessThan(plain.length / 2);
      // Undone by the client.
      expect(Buffer.from(await answer.arrayBuffer()).equals(plain)).toBe(true);
    },
  );

  it.each([
    "/tile/0/002.p/89",
    "/tile/0/002",
    "/tile/0/003.p/1",
    "/tile/1/000.p/3",
    "/tile/1/000",
    "/tile/2/000.p/1",
    "/tile/63/000.p/1",
    "/tile/data/002.p/89",
    "/tile/data/002",
    "/tile/data/003.p/1",
    "/tile/0/x999/x999/x999/x999/999",
    `/issuer/${"0".repeat(64)}`,
  ])("[P15] %s is not there yet", async (path) => {
    const answer = await log.get(path);
    expect(answer.status).toBe(404);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it("stay known to who has read them, until the log grows", async () => {
    const paths = ["/checkpoint", "/tile/0/000", "/tile/data/002.p/88", "/log.v3.json"];
    const etags = await Promise.all(paths.map(async (path) => (await log.get(path)).headers.get("etag") ?? ""));
    const statuses = () =>
      Promise.all(paths.map(async (path, at) => (await log.get(path, { "if-none-match": etags[at]! })).status));
    expect(await statuses()).toEqual([304, 304, 304, 304]);
    await log.add(1);
    expect(await statuses()).toEqual([200, 304, 304, 304]);
    expect((await read("/tile/0/002.p/89")).length).toBe(89 * 32);
  });
});
