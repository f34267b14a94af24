import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { openStaticCtSource } from "../../../src/adapters/log-source/static-ct.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import type { LogSource } from "../../../src/ports/log-source.ts";
import { sha256 } from "../../support/log-fixtures.ts";
import { makeTiledLog, serveFiles, type FileServer } from "../../support/tiled-log.ts";
import { toHex } from "../../support/vectors.ts";

const SIZE = 256 + 44;
const log = makeTiledLog(SIZE);
const folder = mkdtempSync(join(tmpdir(), "mayfly-source-"));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Writes files into a folder of their own. */
function writeLog(name: string, files: ReadonlyMap<string, Uint8Array>): string {
  const root = join(folder, name);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
  return root;
}

/** The log with some of its files changed, left out where the change is undefined. */
function changed(changes: Readonly<Record<string, Uint8Array | undefined>>): Map<string, Uint8Array> {
  const files = new Map(log.files);
  for (const [path, bytes] of Object.entries(changes)) {
    if (bytes === undefined) files.delete(path);
    else files.set(path, bytes);
  }
  return files;
}

/** Opens the files both ways, one after the other. */
async function bothWays(files: ReadonlyMap<string, Uint8Array>, use: (source: LogSource) => Promise<void>) {
  const server = await serveFiles(files);
  const root = writeLog(`log-${Math.floor(performance.now() * 1000)}`, files);
  try {
    for (const location of [server.url, root]) {
      const source = await openStaticCtSource(location);
      await use(source);
      await source.close();
    }
  } finally {
    await server.close();
  }
}

async function allEntries(source: LogSource, treeSize: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = [];
  while (entries.length < treeSize) entries.push(...(await source.entries(entries.length, treeSize, treeSize)));
  return entries;
}

const stored = log.entries.map((entry) => toHex(entry.stored));

describe("a static log, over HTTP and in a folder", () => {
  it("gives its checkpoint, tiles, entries and issuers", async () => {
    await bothWays(log.files, async (source) => {
      expect(toHex(await source.checkpoint())).toBe(toHex(log.files.get("checkpoint")!));
      expect(toHex((await source.tile(0, 0, 256))!)).toBe(toHex(Buffer.concat(log.leafHashes.slice(0, 256))));
      expect(toHex((await source.tile(0, 1, 44))!)).toBe(toHex(Buffer.concat(log.leafHashes.slice(256))));
      expect(await source.tile(1, 0, 1)).toHaveLength(32);
      expect((await allEntries(source, SIZE)).map(toHex)).toEqual(stored);
      expect((await source.entries(250, SIZE, SIZE)).map(toHex)).toEqual(stored.slice(250, 256));
      expect((await source.entries(257, 258, SIZE)).map(toHex)).toEqual(stored.slice(257, 258));
      for (const der of log.issuers) expect(toHex((await source.issuer(sha256(der)))!)).toBe(toHex(der));
      expect(await source.issuer(sha256(Buffer.from("nobody")))).toBeUndefined();
    });
  });

  it("is read through an older checkpoint, whose partial tiles are cut from what there is now", async () => {
    await bothWays(log.files, async (source) => {
      expect(toHex((await source.tile(0, 0, 100))!)).toBe(toHex(Buffer.concat(log.leafHashes.slice(0, 100))));
      expect((await allEntries(source, 100)).map(toHex)).toEqual(stored.slice(0, 100));
    });
  });

  it("has data tiles in gzip that nothing else says to be such", async () => {
    const tile = log.files.get("tile/data/000")!;
    const partial = log.files.get("tile/data/001.p/44")!;
    const files = changed({ "tile/data/000": gzipSync(tile), "tile/data/001.p/44": gzipSync(partial) });
    await bothWays(files, async (source) => {
      expect((await allEntries(source, SIZE)).map(toHex)).toEqual(stored);
    });
  });

  const data = log.files.get("tile/data/000")!;
  const bomb = gzipSync(Buffer.alloc(100 << 20));
  const read = {
    checkpoint: (source: LogSource) => source.checkpoint(),
    tile: (source: LogSource) => source.tile(0, 0, 256),
    partialTile: (source: LogSource) => source.tile(0, 1, 44),
    entries: (source: LogSource) => source.entries(0, SIZE, SIZE),
    lastEntries: (source: LogSource) => source.entries(256, SIZE, SIZE),
    issuer: (source: LogSource) => source.issuer(sha256(log.issuers[0]!)),
  };
  const issuerPath = `issuer/${toHex(sha256(log.issuers[0]!))}`;
  it.each<[string, Record<string, Uint8Array | undefined>, (source: LogSource) => Promise<unknown>, string]>([
    ["no checkpoint", { checkpoint: undefined }, read.checkpoint, "checkpoint"],
    ["a checkpoint of more than 1 MB", { checkpoint: new Uint8Array(1_000_001) }, read.checkpoint, "checkpoint"],
    ["no full tile", { "tile/0/000": undefined }, read.tile, "tile/0/000"],
    ["a tile that is cut", { "tile/0/000": new Uint8Array(8191) }, read.tile, "tile/0/000"],
    ["a tile that is empty", { "tile/0/000": new Uint8Array(0) }, read.tile, "tile/0/000"],
    ["a tile that is continued", { "tile/0/000": new Uint8Array(8193) }, read.tile, "tile/0/000"],
    ["a partial tile of another width", { "tile/0/001.p/44": new Uint8Array(43 * 32) }, read.partialTile, "001.p/44"],
    ["no partial tile, and no full one", { "tile/0/001.p/44": undefined }, read.partialTile, "tile/0/001.p/44"],
    [
      "no partial tile, and a full one that is not full",
      { "tile/0/001.p/44": undefined, "tile/0/001": new Uint8Array(44 * 32) },
      read.partialTile,
      "tile/0/001",
    ],
    ["no data tile", { "tile/data/000": undefined }, read.entries, "tile/data/000"],
    ["a data tile that is cut", { "tile/data/000": data.subarray(0, -1) }, read.entries, "tile/data/000"],
    [
      "a data tile with an entry less",
      { "tile/data/000": data.subarray(0, -log.entries[255]!.stored.length) },
      read.entries,
      "tile/data/000",
    ],
    [
      "a data tile with an entry more",
      { "tile/data/000": Buffer.concat([data, log.entries[0]!.stored]) },
      read.entries,
      "tile/data/000",
    ],
    ["a data tile that is empty", { "tile/data/000": new Uint8Array(0) }, read.entries, "tile/data/000"],
    ["a data tile that is too long", { "tile/data/000": new Uint8Array((16 << 20) + 1) }, read.entries, "data/000"],
    ["a data tile of gzip that is cut", { "tile/data/000": gzipSync(data).subarray(0, -9) }, read.entries, "data/000"],
    ["a data tile that inflates to 100 MiB", { "tile/data/000": bomb }, read.entries, "tile/data/000"],
    ["no partial data tile", { "tile/data/001.p/44": undefined }, read.lastEntries, "tile/data/001.p/44"],
    [
      "a partial data tile of another width",
      { "tile/data/001.p/44": log.entries[256]!.stored },
      read.lastEntries,
      "tile/data/001.p/44",
    ],
    ["an issuer of more than 64 KiB", { [issuerPath]: new Uint8Array(65_537) }, read.issuer, issuerPath],
  ])("is refused with %s, and what it is about is named", async (_, changes, reading, named) => {
    await bothWays(changed(changes), async (source) => {
      const failure = await failureOf(reading(source));
      expect(failure).toMatchObject({ code: "log_failed", reason: "SOURCE_INVALID" });
      expect(failure.message).toContain(named);
      expect(failure.message).toContain(source.location);
    });
  });

  it.each<[number, number, number]>([
    [0, 0, SIZE],
    [5, 4, SIZE],
    [-1, 4, SIZE],
    [0, SIZE + 1, SIZE],
    [0.5, 4, SIZE],
  ])("is not asked for entries %d to %d of %d", async (start, end, treeSize) => {
    const source = await openStaticCtSource(writeLog("whole", log.files));
    await expect(source.entries(start, end, treeSize)).rejects.toThrow(RangeError);
  });
});

describe("a folder from a stranger", () => {
  const outside = join(folder, "outside");
  beforeAll(() => {
    writeFileSync(outside, log.files.get("tile/0/000")!);
  });

  it.each<[string, (root: string) => void]>([
    [
      "a link to a file outside",
      (root) => {
        symlinkSync(outside, join(root, "tile/0/000"));
      },
    ],
    [
      "a link to a file inside",
      (root) => {
        writeFileSync(join(root, "tile/0/real"), log.files.get("tile/0/000")!);
        symlinkSync("real", join(root, "tile/0/000"));
      },
    ],
    [
      "a folder behind a link",
      (root) => {
        rmSync(join(root, "tile/0"), { recursive: true });
        mkdirSync(join(folder, "elsewhere"), { recursive: true });
        writeFileSync(join(folder, "elsewhere/000"), log.files.get("tile/0/000")!);
        symlinkSync(join(folder, "elsewhere"), join(root, "tile/0"));
      },
    ],
    [
      "a folder",
      (root) => {
        mkdirSync(join(root, "tile/0/000"));
      },
    ],
    [
      "a pipe that nobody writes to",
      (root) => {
        execFileSync("mkfifo", [join(root, "tile/0/000")]);
      },
    ],
    [
      "a sparse file of a terabyte",
      (root) => {
        writeFileSync(join(root, "tile/0/000"), "");
        truncateSync(join(root, "tile/0/000"), 2 ** 40);
      },
    ],
  ])("is refused with %s where a tile should be", async (name, make) => {
    const root = writeLog(name.replaceAll(" ", "-"), changed({ "tile/0/000": undefined }));
    make(root);
    const source = await openStaticCtSource(root);
    await expect(source.tile(0, 0, 256)).rejects.toMatchObject({ reason: "SOURCE_INVALID" });
  });

  it("may itself be reached by a link", async () => {
    const link = join(folder, "link");
    symlinkSync(writeLog("linked", log.files), link);
    const source = await openStaticCtSource(link);
    expect(await source.tile(0, 0, 256)).toHaveLength(8192);
    expect(source.location).toBe(link);
  });

  it("is refused when it is not there", async () => {
    const opened = openStaticCtSource(join(folder, "none"));
    await expect(opened).rejects.toMatchObject({ reason: "SOURCE_UNAVAILABLE" });
  });
});

describe("a static log over HTTP", () => {
  let server: FileServer;
  beforeAll(async () => {
    server = await serveFiles(log.files);
  });
  afterAll(() => server.close());

  it("is asked for nothing but what is needed, and for the full tile only where the partial one is gone", async () => {
    const source = await openStaticCtSource(`${server.url}///`);
    expect(source.location).toBe(`${server.url}/`);
    expect(server.asked).toEqual([]);
    await source.entries(256, SIZE, SIZE);
    await source.tile(0, 0, 7);
    expect(server.asked).toEqual(["tile/data/001.p/44", "tile/0/000.p/7", "tile/0/000"]);
    await source.close();
  });

  it.each([
    ["ftp://log.test/", "SOURCE_INVALID"],
    ["https://", "SOURCE_INVALID"],
    ["https://user:secret@log.test/", "SOURCE_INVALID"],
    ["https://log.test/?shard=1", "SOURCE_INVALID"],
    ["https://log.test/#shard", "SOURCE_INVALID"],
  ])("is not opened at %s", async (url, reason) => {
    const failure = await failureOf(openStaticCtSource(url));
    expect(failure.reason).toBe(reason);
    expect(failure.message).not.toContain("secret");
  });
});

async function failureOf(reading: Promise<unknown>): Promise<MayflyError> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof MayflyError) return error;
    throw error;
  }
  throw new Error("it was read");
}
