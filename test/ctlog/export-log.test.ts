import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { openStaticFolder } from "../../src/adapters/static-files/folder.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { LogExport, type ExportedRecords, type LogExportOptions } from "../../src/ctlog/export-log.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { StaticFiles } from "../../src/ports/static-files.ts";
import { GROWING_ORIGIN, growLog, makeLogKeys, publishHead, recordsOf } from "../support/growing-log.ts";
import { readStaticDirectory, type StaticDirectory } from "../support/read-static-directory.ts";

const keys = makeLogKeys();
let folder: string;
let store: LogStore;

const openFiles = (): StaticFiles => {
  mkdirSync(join(folder, ".mayfly"), { recursive: true });
  return openStaticFolder(folder, join(folder, ".mayfly"));
};
const openExport = (options: Partial<LogExportOptions> = {}): LogExport =>
  new LogExport({ files: openFiles(), gzip: false, compare: false, keepPartials: false, metadata: {}, ...options });
const runExport = async (options: Partial<LogExportOptions> = {}) => openExport(options).run(await recordsOf(store));
const read = (): StaticDirectory => readStaticDirectory(folder, keys.manifest);
const newStore = (): LogStore => createMemoryLogStore({ manifest: keys.manifest, onFatal: () => undefined });
/** Every file below the folder. */
const filesBelow = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && !each.parentPath.endsWith(".mayfly"))
    .map((each) => join(each.parentPath, each.name).slice(folder.length + 1))
    .sort();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-export-"));
  store = newStore();
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("exporting a log", () => {
  it.each([0, 1, 255, 256, 257, 300, 512])("writes all of a log of %i entries, and nothing else", async (size) => {
    if (size > 0) await growLog(store, keys, size);
    else await publishHead(store, keys, keys.manifest.createdMs);
    const { checkpoint, previous, written } = await runExport();
    const directory = read();
    expect({ size: directory.size, previous }).toEqual({ size, previous: undefined });
    expect(filesBelow()).toEqual([...new Set([...directory.paths, "checkpoint", "log.v3.json"])].sort());
    expect(written.files).toBe(filesBelow().length);
    expect(readFileSync(join(folder, "checkpoint"), "utf8")).toBe(checkpoint.note);
    const snapshot = await store.snapshot();
    expect(directory.entries).toEqual((await snapshot.entries(0, size)).map((each) => Buffer.from(each)));
  });

  it("makes everything readable by everybody, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      await growLog(store, keys, 300);
      await runExport();
    } finally {
      process.umask(before);
    }
    for (const path of filesBelow()) expect(statSync(join(folder, path)).mode & 0o777).toBe(0o644);
    for (const path of ["issuer", "tile", "tile/0", "tile/data", "tile/data/001.p"]) {
      expect(statSync(join(folder, path)).mode & 0o777).toBe(0o755);
    }
  });

  it("writes only what is new the next time", async () => {
    await growLog(store, keys, 300);
    const logExport = openExport();
    await logExport.run(await recordsOf(store));
    await growLog(store, keys, 10);
    const { written, previous } = await logExport.run(await recordsOf(store));
    // Data tile, hash tile of level 0, checkpoint; the tile of level 1 stays as it is.
    expect({ files: written.files, before: previous?.size }).toEqual({ files: 3, before: 300 });
    expect(read().size).toBe(310);
    expect((await logExport.run(await recordsOf(store))).written.files).toBe(0);
    expect((await runExport()).written.files).toBe(0);
  });

  it("replaces the checkpoint of the same tree by a newer one, and never by an older one", async () => {
    const first = await growLog(store, keys, 5);
    await runExport();
    const older = await recordsOf(store);
    await publishHead(store, keys, first.timestampMs + 60_000);
    await runExport();
    expect(read().timestampMs).toBe(first.timestampMs + 60_000);
    await openExport().run(older);
    expect(read().timestampMs).toBe(first.timestampMs + 60_000);
  });

  it("removes partial tiles when their full tile was there under the checkpoint before, and not sooner", async () => {
    const partials = (): string[] => filesBelow().filter((path) => path.includes(".p/"));
    const logExport = openExport();
    const sizes = [200, 250, 260, 261];
    const seen: string[][] = [];
    for (const size of sizes) {
      await growLog(store, keys, size - (await store.head()).size);
      await logExport.run(await recordsOf(store));
      seen.push(partials());
      expect(read().size).toBe(size);
    }
    const [data, hash, above] = ["tile/data", "tile/0", "tile/1"];
    expect(seen).toEqual([
      [`${hash}/000.p/200`, `${data}/000.p/200`],
      [`${hash}/000.p/200`, `${hash}/000.p/250`, `${data}/000.p/200`, `${data}/000.p/250`],
      [
        ...[`${hash}/000.p/200`, `${hash}/000.p/250`, `${hash}/001.p/4`, `${above}/000.p/1`],
        ...[`${data}/000.p/200`, `${data}/000.p/250`, `${data}/001.p/4`],
      ],
      [...[`${hash}/001.p/4`, `${hash}/001.p/5`, `${above}/000.p/1`], ...[`${data}/001.p/4`, `${data}/001.p/5`]],
    ]);
  });

  it("removes partial tiles that an earlier process left, and keeps all of them when told so", async () => {
    await growLog(store, keys, 200);
    await runExport();
    await growLog(store, keys, 100);
    await runExport();
    await growLog(store, keys, 1);
    await runExport({ keepPartials: true });
    expect(existsSync(join(folder, "tile/data/000.p/200"))).toBe(true);
    await runExport();
    expect(existsSync(join(folder, "tile/data/000.p"))).toBe(false);
    expect(existsSync(join(folder, "tile/0/000.p"))).toBe(false);
    expect(read().size).toBe(301);
  });

  it("compresses data tiles, and nothing else, when asked to", async () => {
    await growLog(store, keys, 300);
    await runExport({ gzip: true });
    expect(read().size).toBe(300);
    const magic = (path: string): string => readFileSync(join(folder, path)).subarray(0, 2).toString("hex");
    expect(["tile/data/000", "tile/data/001.p/44"].map(magic)).toEqual(["1f8b", "1f8b"]);
    expect(readFileSync(join(folder, "tile/0/000"))).toHaveLength(8192);
    await growLog(store, keys, 1);
    await runExport({ gzip: true, compare: true });
    expect(read().size).toBe(301);
  });

  it("writes again what was removed, tiles without comparing and certificates with it", async () => {
    await growLog(store, keys, 600);
    await runExport();
    const issuer = `issuer/${readdirSync(join(folder, "issuer"))[0] ?? ""}`;
    for (const path of ["tile/data/000", "tile/0/001", issuer]) rmSync(join(folder, path));
    expect(() => read()).toThrow();
    expect((await runExport({ compare: true })).written.files).toBe(3);
    expect(read().size).toBe(600);
    rmSync(join(folder, "tile/data/001"));
    expect((await runExport()).written.files).toBe(1);
    expect(read().size).toBe(600);
  });

  it("says what the log is, again when that changed, and which tree was the last one of a frozen log", async () => {
    const described = (): unknown => JSON.parse(readFileSync(join(folder, "log.v3.json"), "utf8"));
    await growLog(store, keys, 3);
    await runExport({ metadata: { state: "pending" } });
    expect(described()).toMatchObject({ description: GROWING_ORIGIN, state: { pending: {} } });
    const logExport = openExport({ metadata: { window: { startMs: 0, endMs: 86_400_000 } } });
    expect((await logExport.run(await recordsOf(store))).written.files).toBe(1);
    expect((await logExport.run(await recordsOf(store))).written.files).toBe(0);
    expect(described()).toMatchObject({
      state: { usable: {} },
      temporal_interval: { start_inclusive: "1970-01-01T00:00:00.000Z", end_exclusive: "1970-01-02T00:00:00.000Z" },
    });
    const { published } = await recordsOf(store);
    await store.freeze(published!);
    await logExport.run(await recordsOf(store));
    expect(described()).toMatchObject({ state: { readonly: { final_tree_head: { tree_size: 3 } } } });
    expect(read().size).toBe(3);
  });

  it("tells how far it has come", async () => {
    await growLog(store, keys, 600);
    const told: string[] = [];
    await runExport({ onProgress: (tiles, of) => told.push(`${tiles}/${of}`) });
    expect(told).toEqual(["1/4", "2/4", "3/4", "4/4"]);
  });

  it("shows a concurrent reader a whole log, before and after each file that is written", async () => {
    const sizes: number[] = [];
    const files = openFiles();
    const look = (): void => {
      if (existsSync(join(folder, "checkpoint"))) sizes.push(read().size);
    };
    const watched: StaticFiles = {
      ...bound(files),
      // One after the other, so that the reader comes between any two of them.
      write: async (batch) => {
        for (const file of batch) {
          await files.write([file]);
          look();
        }
      },
      removeFolder: async (path) => {
        await files.removeFolder(path);
        look();
      },
    };
    const logExport = openExport({ files: watched });
    for (const count of [250, 10, 300, 1]) {
      await growLog(store, keys, count);
      await logExport.run(await recordsOf(store));
    }
    expect(sizes).toHaveLength(20);
    expect(new Set(sizes)).toEqual(new Set([250, 260, 560, 561]));
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  });
});

/** The methods of a folder as plain functions. */
function bound(files: StaticFiles): StaticFiles {
  return {
    location: files.location,
    read: (path) => files.read(path),
    size: (path) => files.size(path),
    write: (batch) => files.write(batch),
    removeFolder: (path) => files.removeFolder(path),
  };
}

describe("an export that ends early", () => {
  /** Ends at the n-th thing that would reach the disk: before it, after it, or in the middle of a batch. */
  function failing(at: number, how: "lost" | "torn" | "persisted"): StaticFiles {
    const files = openFiles();
    let step = 0;
    const guard = async (parts: readonly (() => Promise<void>)[]): Promise<void> => {
      const isNow = step++ === at;
      const done = !isNow || how === "persisted" ? parts.length : how === "torn" ? Math.floor(parts.length / 2) : 0;
      for (const part of parts.slice(0, done)) await part();
      if (isNow) throw new Error("the process ended here");
    };
    return {
      ...bound(files),
      write: (batch) => guard(batch.map((file) => () => files.write([file]))),
      removeFolder: (path) => guard([() => files.removeFolder(path)]),
    };
  }

  it.each(["lost", "torn", "persisted"] as const)(
    "at any step, which is %s, leaves the old log or the new one, and the next export goes on from there",
    async (how) => {
      await growLog(store, keys, 300);
      const old = await recordsOf(store);
      await growLog(store, keys, 350);
      const grown = await recordsOf(store);
      await growLog(store, keys, 1);
      const last = await recordsOf(store);
      const seen = new Set<number>();
      let ends = 0;
      for (let step = 0; ; step++) {
        rmSync(folder, { recursive: true });
        await openExport().run(old);
        const hasEnded = await openExport({ files: failing(step, how) })
          .run(grown)
          .then(
            () => false,
            () => true,
          );
        seen.add(read().size);
        await openExport().run(last);
        expect(read().size).toBe(651);
        if (!hasEnded) break;
        ends += 1;
      }
      // Full tiles, partial tiles, the checkpoint, and two folders of partial tiles that nobody needs any more.
      expect(ends).toBe(5);
      expect(seen).toEqual(new Set([300, 650]));
    },
  );
});

describe("an export is refused", () => {
  const refused = (run: Promise<unknown>): Promise<{ reason: string; message: string }> =>
    run.then(
      () => {
        throw new Error("it was not refused");
      },
      (error: unknown) => {
        if (!(error instanceof MayflyError)) throw error;
        return { reason: error.reason, message: error.message };
      },
    );

  /** Whether the folder is as it was before. */
  async function expectUntouched(attempt: () => Promise<void>): Promise<void> {
    const before = filesBelow().map((path) => [path, readFileSync(join(folder, path)).toString("base64")]);
    await attempt();
    expect(filesBelow().map((path) => [path, readFileSync(join(folder, path)).toString("base64")])).toEqual(before);
  }

  beforeEach(async () => {
    await growLog(store, keys, 300);
    await runExport();
  });

  it("when the folder has more entries than the log: it was set back", async () => {
    store = newStore();
    await growLog(store, keys, 299);
    await expectUntouched(async () => {
      expect(await refused(runExport())).toEqual({
        reason: "LOG_ROLLED_BACK",
        message: "the log is not the one that was exported: 300 entries were exported, and it has published 299",
      });
    });
  });

  it.each([300, 301, 900])("when the folder has other entries than the log, which has %i", async (size) => {
    store = newStore();
    await growLog(store, keys, size, 1);
    await expectUntouched(async () => {
      expect(await refused(runExport())).toEqual({
        reason: "LOG_ROLLED_BACK",
        message:
          "the log is not the one that was exported: its first 300 entries are others than those that were exported",
      });
    });
  });

  it.each([
    ["other keys", GROWING_ORIGIN],
    ["another origin", "log.test/2027"],
  ])("when the folder is that of a log with %s", async (_, origin) => {
    const others = makeLogKeys(origin);
    store = createMemoryLogStore({ manifest: others.manifest, onFatal: () => undefined });
    await growLog(store, others, 400);
    await expectUntouched(async () => {
      expect(await refused(runExport())).toMatchObject({ reason: "EXPORT_CONFLICT" });
    });
  });

  it.each(["", "not a note\n", "log.test/2026\n300\n"])("when its checkpoint is %j", async (text) => {
    writeFileSync(join(folder, "checkpoint"), text);
    await expectUntouched(async () => {
      expect(await refused(runExport())).toMatchObject({ reason: "EXPORT_CONFLICT" });
    });
  });

  it.each([
    ["a data tile", "tile/data/000", false],
    ["a hash tile", "tile/0/000", false],
    ["a data tile", "tile/data/000", true],
    ["a hash tile", "tile/0/000", true],
    ["a certificate", "issuer", true],
  ])("when %s of it is not the log's (%s, compared: %s), and leaves it as it is", async (_, path, compare) => {
    const file = path === "issuer" ? join(path, readdirSync(join(folder, path))[0] ?? "") : path;
    const bytes = readFileSync(join(folder, file));
    // Without comparing only the length is looked at.
    writeFileSync(join(folder, file), compare ? bytes.fill(7, 100, 101) : "");
    await expectUntouched(async () => {
      expect(await refused(runExport({ compare }))).toEqual({
        reason: "EXPORT_CONFLICT",
        message: `${folder}/${file} is not what the log holds there; it was left as it is`,
      });
    });
  });

  it.each(["tile/data/001", "tile/0/001", "tile/data/002.p/88"])(
    "when %s is there before its time and is another",
    async (path) => {
      await growLog(store, keys, 300);
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), "something else");
      expect(await refused(runExport())).toMatchObject({ reason: "EXPORT_CONFLICT" });
      expect(read().size).toBe(300);
    },
  );

  it.each([true, false])(
    "when data tiles would be compressed (%s) and were not, or the other way round",
    async (gzip) => {
      rmSync(folder, { recursive: true });
      await runExport({ gzip: !gzip });
      await growLog(store, keys, 1);
      await expectUntouched(async () => {
        expect(await refused(runExport({ gzip }))).toMatchObject({ reason: "EXPORT_CONFLICT" });
      });
    },
  );

  it("when nothing was published", async () => {
    const records = { ...(await recordsOf(store)), published: undefined };
    expect(await refused(openExport().run(records))).toMatchObject({
      reason: "LOG_CLOSED",
    });
  });
});

describe("nothing damaged is exported", () => {
  const flip = (bytes: Uint8Array | undefined, at: number): Uint8Array => {
    const changed = Uint8Array.from(bytes ?? []);
    changed[at] = (changed[at] ?? 0) ^ 1;
    return changed;
  };

  const damages: readonly (readonly [string, (records: ExportedRecords) => Partial<ExportedRecords>, RegExp])[] = [
    [
      "an entry",
      (records) => ({
        entries: async (start, end) =>
          (await records.entries(start, end)).map((each, at) => (start + at === 17 ? flip(each, 40) : each)),
      }),
      /^entry 17 is not the one that its hash was made of$/u,
    ],
    [
      "an entry's form",
      (records) => ({
        entries: async (start, end) =>
          (await records.entries(start, end)).map((each, at) => (start + at === 5 ? each.subarray(1) : each)),
      }),
      /^entry 5 is no entry of a certificate log$/u,
    ],
    [
      "a missing entry",
      (records) => ({ entries: async (start, end) => (await records.entries(start, end)).slice(1) }),
      /^of the 256 entries from 0 on only 255 are there$/u,
    ],
    ...(
      [
        ["a full hash tile", 0, 0, /^tile 0\/0 does not belong to the tree of the checkpoint$/u],
        ["the partial tile", 0, 1, /^the tiles of 300 entries do not make up the root of their checkpoint$/u],
        ["the tile above", 1, 0, /^the tiles of 300 entries do not make up the root of their checkpoint$/u],
      ] as const
    ).map(
      ([what, level, index, message]) =>
        [
          what,
          (records: ExportedRecords) => ({
            tile: async (l: number, i: number) =>
              l === level && i === index ? flip(await records.tile(l, i), 5) : records.tile(l, i),
          }),
          message,
        ] as const,
    ),
    ["a missing tile", () => ({ tile: () => Promise.resolve(undefined) }), /^tile 0\/1 is missing$/u],
    [
      "a certificate",
      (records) => ({ issuer: async (fingerprint) => flip(await records.issuer(fingerprint), 9) }),
      /^issuer [0-9a-f]{64} was changed$/u,
    ],
    [
      "a missing certificate",
      () => ({ issuer: () => Promise.resolve(undefined) }),
      /^issuer [0-9a-f]{64} is missing$/u,
    ],
    [
      "the checkpoint's root",
      ({ published }) => ({ published: { ...published!, root: flip(published!.root, 0) } }),
      /its note says something else/u,
    ],
    [
      "the checkpoint's signature",
      ({ published }) => ({ published: { ...published!, note: published!.note.replace(/.{6}\n$/u, "AAAA==\n") } }),
      /./u,
    ],
  ];

  it.each(damages)("%s that was changed ends it, and no checkpoint is written", async (_, damage, message) => {
    await growLog(store, keys, 300);
    const records = await recordsOf(store);
    const run = openExport().run({ ...records, ...damage(records) });
    await expect(run).rejects.toMatchObject({ reason: "LOG_CORRUPT", message: expect.stringMatching(message) });
    expect(existsSync(join(folder, "checkpoint"))).toBe(false);
  });
});
