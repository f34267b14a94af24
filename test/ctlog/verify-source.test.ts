import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openStaticCtSource } from "../../src/adapters/log-source/static-ct.ts";
import { encodeCtExtensions } from "../../src/core/ct/ct-extensions.ts";
import { parseLogKey } from "../../src/core/ct/log-key.ts";
import { encodeTileLeaf, type TileLeaf } from "../../src/core/ct/static-entry.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { encodeVerifierKey, noteKeyId, parseVerifierKey, SIGNATURE_TYPE } from "../../src/core/note/verifier-key.ts";
import { formatSignedNote, parseSignedNote } from "../../src/core/note/signed-note.ts";
import { makeEntryJudge } from "../../src/ctlog/entry-judge.ts";
import type { LogTrust } from "../../src/ctlog/trusted-checkpoint.ts";
import { verifySource, type EarlierVerification, type VerifiedSource } from "../../src/ctlog/verify-source.ts";
import type { LogSource } from "../../src/ports/log-source.ts";
import { EMPTY_TREE } from "../../src/tlog/growing-tree.ts";
import {
  checkpointOfLog,
  filesOfLog,
  makeLogKey,
  makeStaticLog,
  signTree,
  writeLogFiles,
  type StaticLog,
} from "../support/static-log.ts";
import { flipBit } from "../support/vectors.ts";

/** One full tile of each kind and a partial one, and two hashes on level 1. */
const SIZE = 530;
const folder = mkdtempSync(join(tmpdir(), "mayfly-verify-source-"));
let log: StaticLog;
let files: ReadonlyMap<string, Uint8Array>;

beforeAll(async () => {
  log = await makeStaticLog(SIZE);
  files = filesOfLog(log);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly problems: readonly string[];
  readonly notices: readonly string[];
  readonly verified: VerifiedSource;
}

const trustOf = ({ origin, key }: Pick<StaticLog, "origin" | "key">): LogTrust => ({
  origin,
  logKey: parseLogKey(key.spki),
});

async function verify(
  source: LogSource,
  { trust = trustOf(log), ...more }: { trust?: LogTrust; earlier?: EarlierVerification; stopAt?: number } = {},
): Promise<Outcome> {
  const problems: string[] = [];
  const notices: string[] = [];
  const { stopAt = Infinity, ...earlier } = more;
  const verified = await verifySource(source, {
    trust,
    ...earlier,
    openJudge: makeEntryJudge,
    onProblem: ({ where, what }) => problems.push(`${where}: ${what}`),
    onNotice: ({ where, what }) => notices.push(`${where}: ${what}`),
    onProgress: ({ tree }) => Promise.resolve(tree.size >= stopAt ? "stop" : undefined),
  });
  return { problems, notices, verified };
}

type Files = Map<string, Uint8Array>;

async function verifyFiles(given: ReadonlyMap<string, Uint8Array>, options = {}): Promise<Outcome> {
  const path = join(folder, "log");
  writeLogFiles(path, given);
  return verify(await openStaticCtSource(path), options);
}

async function verifyAfter(change: (copy: Files) => void): Promise<Outcome> {
  const copy = new Map(files);
  change(copy);
  return verifyFiles(copy);
}

/** The log with some of its entries changed, and everything above them as it would be had it always been so. */
function rewritten(change: (entries: TileLeaf[]) => void): StaticLog {
  const entries = [...log.entries];
  change(entries);
  return { ...log, entries };
}

const edit = (path: string, change: (bytes: Uint8Array) => Uint8Array) => (copy: Files) => {
  const bytes = copy.get(path);
  if (bytes === undefined) throw new TypeError(`no ${path}`);
  copy.set(path, change(bytes));
};
const replaceWith = (path: string, other: string) => (copy: Files) => {
  edit(path, () => copy.get(other) ?? new Uint8Array(0))(copy);
};
const remove = (path: string) => (copy: Files) => {
  expect(copy.delete(path)).toBe(true);
};
const flip = (byte: number) => (bytes: Uint8Array) => flipBit(bytes, 8 * byte);
const noteText = (change: (text: string) => string) => (bytes: Uint8Array) =>
  Buffer.from(change(Buffer.from(bytes).toString()));
const data = (from: readonly TileLeaf[], tile: number): Uint8Array =>
  Buffer.concat(from.slice(tile * 256, tile * 256 + 256).map(encodeTileLeaf));
const issuerFile = (at: number): string =>
  [...files.keys()].filter((path) => path.startsWith("issuer/"))[at] ?? "no issuer";

/** Changes entries, but nothing else. */
const withEntries = (tile: number, change: (entries: TileLeaf[]) => void) => (copy: Files) => {
  const path = tile === 2 ? "tile/data/002.p/18" : `tile/data/00${String(tile)}`;
  edit(path, () => data(rewritten(change).entries, tile))(copy);
};
const changed = (entry: TileLeaf | undefined, part: Partial<TileLeaf["timestampedEntry"]>): TileLeaf => {
  if (entry === undefined) throw new TypeError("no entry");
  return { ...entry, timestampedEntry: { ...entry.timestampedEntry, ...part } };
};

const wrongRoot = `checkpoint: its root is not that of the first ${String(SIZE)} entries`;
const wrongLeaf = (tile: number, at: number): string =>
  `tile 0/${String(tile)}: hash ${String(at)} is not the one that follows from the entries`;

describe("the verification of somebody's log", () => {
  it("finds nothing in one that is whole", async () => {
    const { problems, notices, verified } = await verifyFiles(files);
    expect({ problems, notices }).toEqual({ problems: [], notices: [] });
    expect(verified).toMatchObject({
      kind: "static-ct",
      entries: SIZE,
      tiles: 4,
      isComplete: true,
      isConflict: false,
      checkpoint: { size: SIZE, origin: log.origin, timestampMs: log.checkpointMs },
      tree: { size: SIZE },
    });
  });

  it("finds nothing in a log that keeps its data tiles compressed, or partial tiles as full ones only", async () => {
    const compressed = await verifyAfter(edit("tile/data/000", (bytes) => gzipSync(bytes)));
    expect(compressed.problems).toEqual([]);
    // The checkpoint of 500 entries in the files of 530: of its partial tiles only those are left that no full one follows.
    const { problems, verified } = await verifyAfter((copy) => {
      copy.set("checkpoint", checkpointOfLog(log, 500));
      copy.set("tile/1/000.p/1", filesOfLog(log, 500).get("tile/1/000.p/1")!);
    });
    expect({ problems, size: verified.tree.size }).toEqual({ problems: [], size: 500 });
  });

  it("finds nothing in an empty log", async () => {
    const { problems, verified } = await verifyFiles(filesOfLog(log, 0));
    expect({ problems, isComplete: verified.isComplete }).toEqual({ problems: [], isComplete: true });
  });

  it("takes note of times that go back, which only Mayfly's own logs never do", async () => {
    const older = rewritten((entries) => {
      entries[7] = changed(entries[7], { timestampMs: 5 });
    });
    const { problems, notices } = await verifyFiles(filesOfLog(older));
    expect({ problems, notices }).toEqual({
      problems: [],
      notices: ["entries: 1 is older than the entry before it, entry 7 first"],
    });
  });

  const TAMPERING: readonly [name: string, change: (copy: Files) => void, problems: readonly (string | RegExp)[]][] = [
    [
      "the time of an entry",
      withEntries(0, (entries) => (entries[3] = changed(entries[3], { timestampMs: 1_800_000_000_000 - 1 }))),
      [wrongLeaf(0, 3), wrongRoot, /^checkpoint: is older than an entry in it$/u, /^tile 1\/0: hash 0 is not/u],
    ],
    [
      "the leaf index of an entry",
      withEntries(0, (entries) => (entries[3] = changed(entries[3], { extensions: encodeCtExtensions(4) }))),
      ["entry 3: says that it is entry 4"],
    ],
    [
      "an extension of an entry that nobody knows",
      withEntries(0, (entries) => {
        const extensions = Buffer.concat([encodeCtExtensions(3), Uint8Array.of(9, 0, 0)]);
        entries[3] = changed(entries[3], { extensions });
      }),
      [wrongLeaf(0, 3), wrongRoot, /^tile 1\/0: hash 0 is not/u],
    ],
    [
      "the issuer key hash of an entry",
      edit("tile/data/000", flip(10 + 5)),
      ["entry 0: was issued by another key than its chain's", wrongLeaf(0, 0), wrongRoot, /^tile 1\/0: hash 0 is not/u],
    ],
    [
      "the TBS of an entry",
      edit("tile/data/000", flip(10 + 32 + 3 + 60)),
      [
        /^entry 0: its precertificate is not the logged one: /u,
        wrongLeaf(0, 0),
        wrongRoot,
        /^tile 1\/0: hash 0 is not/u,
      ],
    ],
    [
      "the signature of a precertificate, which the tree does not cover",
      withEntries(1, (entries) => {
        const entry = entries[300]!;
        const preCertificate = entry.preCertificate ?? new Uint8Array(0);
        entries[300] = { ...entry, preCertificate: flip(preCertificate.length - 1)(preCertificate) };
      }),
      ["entry 300: its precertificate was not signed by the issuing CA"],
    ],
    [
      "the TBS of a precertificate, which the tree does not cover",
      withEntries(1, (entries) => {
        const entry = entries[300]!;
        entries[300] = { ...entry, preCertificate: flip(60)(entry.preCertificate ?? new Uint8Array(0)) };
      }),
      [/^entry 300: its precertificate is not the logged one: /u],
    ],
    [
      "a precertificate, in the place of which is another one's",
      withEntries(1, (entries) => {
        entries[300] = { ...entries[300]!, preCertificate: entries[301]!.preCertificate ?? new Uint8Array(0) };
      }),
      [/^entry 300: its precertificate is not the logged one: /u],
    ],
    [
      "a fingerprint of a chain, which the tree does not cover",
      withEntries(0, (entries) => {
        const entry = entries[20]!;
        entries[20] = { ...entry, certificateChain: [new Uint8Array(32), ...entry.certificateChain.slice(1)] };
      }),
      [/^issuer 0{64}: is missing$/u],
    ],
    [
      "the order of a chain",
      withEntries(0, (entries) => {
        const entry = entries[20]!;
        entries[20] = { ...entry, certificateChain: entry.certificateChain.toReversed() };
      }),
      [/^entry 20: issuer [0-9a-f]{64} was not issued by the next certificate of the chain$/u],
    ],
    [
      "a chain that is gone",
      withEntries(0, (entries) => (entries[20] = { ...entries[20]!, certificateChain: [] })),
      ["entry 20: names no issuer"],
    ],
    [
      "an entry that became the one before",
      withEntries(0, (entries) => (entries[21] = entries[20]!)),
      ["entry 21: says that it is entry 20"],
    ],
    [
      "entries that changed places",
      withEntries(0, (entries) => entries.splice(20, 2, entries[21]!, entries[20]!)),
      ["entry 20: says that it is entry 21", "entry 21: says that it is entry 20"],
    ],
    [
      "a data tile in the place of another",
      replaceWith("tile/data/001", "tile/data/000"),
      Array.from({ length: 256 }, (_, at) => `entry ${String(256 + at)}: says that it is entry ${String(at)}`),
    ],
    ["a data tile that is gone", remove("tile/data/001"), [/^data tile 1: .* has no tile\/data\/001$/u]],
    [
      "a partial data tile that is gone",
      remove("tile/data/002.p/18"),
      [/^data tile 2: .* has neither tile\/data\/002\.p\/18 nor tile\/data\/002$/u],
    ],
    [
      "a data tile that is cut off",
      edit("tile/data/001", (bytes) => bytes.subarray(0, -1)),
      [/^data tile 1: .*something else than entries in tile\/data\/001/u],
    ],
    [
      "a data tile with one byte more",
      edit("tile/data/001", (bytes) => Buffer.concat([bytes, Uint8Array.of(0)])),
      [/^data tile 1: .*something else than entries in tile\/data\/001/u],
    ],
    [
      "a data tile with an entry more",
      edit("tile/data/001", (bytes) => Buffer.concat([bytes, encodeTileLeaf(log.entries[0]!)])),
      [/^data tile 1: .* more than 256 entries in a data tile$/u],
    ],
    [
      "a partial data tile that is an older one",
      edit("tile/data/002.p/18", () => data(log.entries.slice(0, 520), 2)),
      [/^data tile 2: .* has 8 entries in tile\/data\/002\.p\/18, instead of 18$/u],
    ],
    [
      "a compressed data tile that is damaged",
      edit("tile/data/001", (bytes) => flip(40)(gzipSync(bytes))),
      [/^data tile 1: /u],
    ],
    ["a hash of a full tile", edit("tile/0/001", flip(32 * 7)), [wrongLeaf(1, 7)]],
    ["a hash of a partial tile", edit("tile/0/002.p/18", flip(32 * 17)), [wrongLeaf(2, 17)]],
    [
      "a hash of a tile of level 1",
      edit("tile/1/000.p/2", flip(32)),
      ["tile 1/0: hash 1 is not the one that follows from the entries"],
    ],
    ["tiles that changed places", replaceWith("tile/0/001", "tile/0/000"), [wrongLeaf(1, 0)]],
    ["a tile that is gone", remove("tile/0/001"), [/^tile 0\/1: .* has no tile\/0\/001$/u]],
    [
      "a partial tile that is gone",
      remove("tile/1/000.p/2"),
      [/^tile 1\/0: .* has neither tile\/1\/000\.p\/2 nor tile\/1\/000$/u],
    ],
    [
      "a tile that is cut off",
      edit("tile/0/001", (bytes) => bytes.subarray(0, -32)),
      [/^tile 0\/1: .* has 8160 bytes as tile\/0\/001, instead of 256 hashes$/u],
    ],
    [
      "a partial tile that is an older one",
      edit("tile/0/002.p/18", (bytes) => bytes.subarray(0, 32 * 8)),
      [/^tile 0\/2: .* has 256 bytes as tile\/0\/002\.p\/18, instead of 18 hashes$/u],
    ],
    [
      "an issuer's file",
      (copy) => {
        edit(issuerFile(0), flip(100))(copy);
      },
      [/^issuer [0-9a-f]{64}: was changed$/u],
    ],
    [
      "issuers' files that changed places",
      (copy) => {
        replaceWith(issuerFile(0), issuerFile(1))(copy);
      },
      [/^issuer [0-9a-f]{64}: was changed$/u],
    ],
    [
      "an issuer's file that is gone",
      (copy) => {
        remove(issuerFile(1))(copy);
      },
      [/^issuer [0-9a-f]{64}: is missing$/u],
    ],
    ["a checkpoint that is gone", remove("checkpoint"), [/^checkpoint: .* has no checkpoint$/u]],
    [
      "the size in the checkpoint",
      edit(
        "checkpoint",
        noteText((text) => text.replace("\n530\n", "\n529\n")),
      ),
      [/^checkpoint: .*wrong signature by foreign\.test\/2026/u],
    ],
    [
      "the root in the checkpoint",
      edit(
        "checkpoint",
        noteText((text) => text.replace(/\n.{43}=\n/u, `\n${Buffer.alloc(32).toString("base64")}\n`)),
      ),
      [/^checkpoint: .*wrong signature by foreign\.test\/2026/u],
    ],
    [
      "the origin in the checkpoint",
      edit(
        "checkpoint",
        noteText((text) => text.replace("foreign.test", "another.test")),
      ),
      [/^checkpoint: .*it is of another log/u],
    ],
    [
      "a line of the checkpoint that its signature does not cover",
      edit(
        "checkpoint",
        noteText((text) => text.replace("\n\n", "\nmore\n\n")),
      ),
      [/^checkpoint: .*wrong signature by foreign\.test\/2026/u],
    ],
    [
      "the signature of the checkpoint, which is another key's",
      (copy) => copy.set("checkpoint", checkpointOfLog({ ...log, key: makeLogKey() })),
      [/^checkpoint: .*no signature by a known key/u],
    ],
    [
      "a byte of the checkpoint's signature",
      edit("checkpoint", (bytes) => {
        const { text, signatures } = parseSignedNote(bytes);
        const [line] = signatures.map((each) => ({
          ...each,
          signature: flip(each.signature.length - 1)(each.signature),
        }));
        return Buffer.from(formatSignedNote({ text, signatures: [line!] }));
      }),
      [/^checkpoint: .*wrong signature by foreign\.test\/2026/u],
    ],
    [
      "a root that the log's key signed, of another tree",
      (copy) => copy.set("checkpoint", signTree(log, { size: SIZE, root: new Uint8Array(32) })),
      [wrongRoot],
    ],
    [
      "a size that the log's key signed, beyond the log",
      (copy) => copy.set("checkpoint", signTree(log, { size: SIZE + 1, root: new Uint8Array(32) })),
      [
        /^data tile 2: .*neither tile\/data\/002\.p\/19/u,
        /^tile 0\/2: .*neither tile\/0\/002\.p\/19/u,
        /^checkpoint: its root is not that of the first 531 entries$/u,
      ],
    ],
    [
      "a size that the log's key signed, less than the tree of the root has",
      (copy) => {
        const { root } = { root: Buffer.from(parseSignedNote(copy.get("checkpoint")!).text.split("\n")[2]!, "base64") };
        copy.set("checkpoint", signTree(log, { size: 512, root }));
      },
      ["checkpoint: its root is not that of the first 512 entries"],
    ],
    [
      "the time that the log's key signed, which is before an entry",
      (copy) => copy.set("checkpoint", checkpointOfLog({ ...log, checkpointMs: log.checkpointMs - 100 })),
      ["checkpoint: is older than an entry in it"],
    ],
  ];

  it.each(TAMPERING)("finds %s, and names the place", async (_, change, expected) => {
    const { problems } = await verifyAfter(change);
    const unexpected = problems.filter((line) => !expected.some((say) => isSaid(say, line)));
    const unsaid = expected.filter((say) => !problems.some((line) => isSaid(say, line)));
    expect({ unexpected, unsaid }).toEqual({ unexpected: [], unsaid: [] });
  });

  it("finds a forgery of everything but the keys by nothing else than the checkpoint", async () => {
    const forged = rewritten((entries) => {
      entries[100] = changed(entries[100], { timestampMs: 1_767_225_600_000 });
    });
    const { problems } = await verifyFiles(new Map([...filesOfLog(forged), ["checkpoint", files.get("checkpoint")!]]));
    expect(problems).toEqual([wrongRoot]);
  });

  it("wants the signature of each key that is trusted", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const bare = new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32));
    const vkey = encodeVerifierKey({ name: log.origin, type: SIGNATURE_TYPE.ed25519, publicKey: bare });
    const checkpointKey = parseVerifierKey(vkey);
    const both = { ...trustOf(log), checkpointKey };
    expect((await verifyFiles(files, { trust: both })).problems).toEqual([
      expect.stringMatching(/^checkpoint: .*no signature by a known key/u),
    ]);
    const { text, signatures } = parseSignedNote(files.get("checkpoint")!);
    const line = {
      name: log.origin,
      keyId: noteKeyId(log.origin, SIGNATURE_TYPE.ed25519, bare),
      signature: sign(null, Buffer.from(text), privateKey),
    };
    const cosigned = new Map(files).set(
      "checkpoint",
      Buffer.from(formatSignedNote({ text, signatures: [...signatures, line] })),
    );
    expect((await verifyFiles(cosigned, { trust: both })).problems).toEqual([]);
    const alone = await verifyFiles(cosigned, { trust: { origin: log.origin, checkpointKey } });
    expect({ problems: alone.problems, time: alone.verified.checkpoint?.timestampMs }).toEqual({
      problems: [],
      time: undefined,
    });
  });

  it("does not take a log that does not answer for damage", async () => {
    const source = await openStaticCtSource(join(folder, "log"));
    const away: LogSource = {
      location: "away",
      checkpoint: () => source.checkpoint(),
      tile: (level, index, width) => source.tile(level, index, width),
      entries: () => Promise.reject(new MayflyError("SOURCE_UNAVAILABLE", "away: does not answer")),
      issuer: (fingerprint) => source.issuer(fingerprint),
      close: () => source.close(),
    };
    writeLogFiles(join(folder, "log"), files);
    await expect(verify(away)).rejects.toMatchObject({ reason: "SOURCE_UNAVAILABLE" });
  });
});

function isSaid(say: string | RegExp, line: string): boolean {
  return typeof say === "string" ? say === line : say.test(line);
}

describe("a verification that goes on", () => {
  const earlierOf = ({ verified }: Outcome): EarlierVerification => {
    if (verified.checkpoint === undefined) throw new TypeError("no checkpoint");
    return { checkpoint: verified.checkpoint, tree: verified.tree, pending: verified.pending };
  };

  it.each([[0], [1], [255], [256], [257], [512], [529], [530]])(
    "at %d entries ends with the tree of one that began at the beginning",
    async (size) => {
      const whole = await verifyFiles(files);
      const first = await verifyFiles(filesOfLog(log, size));
      expect(first.problems).toEqual([]);
      const { problems, verified } = await verifyFiles(files, { earlier: earlierOf(first) });
      expect(problems).toEqual([]);
      expect(verified.entries).toBe(SIZE - size);
      expect(verified.tree).toEqual(whole.verified.tree);
    },
  );

  it("in the middle of a tree compares the checkpoint that it was reading, too", async () => {
    const stopped = await verifyFiles(files, { stopAt: 256 });
    expect(stopped.verified).toMatchObject({ isComplete: false, tree: { size: 256 } });
    const { problems, verified } = await verifyFiles(files, { earlier: earlierOf(stopped) });
    expect({ problems, entries: verified.entries, isComplete: verified.isComplete }).toEqual({
      problems: [],
      entries: SIZE - 256,
      isComplete: true,
    });
    const refuted = {
      ...earlierOf(stopped),
      checkpoint: { ...earlierOf(stopped).checkpoint, root: new Uint8Array(32), size: 520 },
    };
    const found = await verifyFiles(files, { earlier: refuted });
    expect({ problems: found.problems, isConflict: found.verified.isConflict }).toEqual({
      problems: ["earlier checkpoint: its root is not that of the first 520 entries"],
      isConflict: true,
    });
  });

  it("cut short again and again, compares every checkpoint that it was given on the way", async () => {
    const honest = await makeStaticLog(600);
    const entries = [...honest.entries];
    entries[515] = changed(entries[515], { timestampMs: 1_767_225_600_000 });
    // Grown out of the 256 entries that were verified, and out of the 512 that are next, but not out of the first 520.
    const rewrittenLog = { ...honest, entries };
    const trust = trustOf(honest);
    const problemsOf = async (grown: StaticLog): Promise<Outcome> => {
      const first = await verifyFiles(filesOfLog(honest, 520), { trust, stopAt: 256 });
      const second = await verifyFiles(filesOfLog(grown, 560), { trust, stopAt: 512, earlier: earlierOf(first) });
      const earlier = earlierOf(second);
      expect([second.problems, earlier.tree.size, earlier.pending.map(({ size }) => size)]).toEqual([[], 512, [520]]);
      return verifyFiles(filesOfLog(grown, 600), { trust, earlier });
    };
    const whole = await problemsOf(honest);
    expect({ problems: whole.problems, ...whole.verified }).toMatchObject({
      problems: [],
      isComplete: true,
      isConflict: false,
      pending: [],
    });
    const found = await problemsOf(rewrittenLog);
    expect({ problems: found.problems, isConflict: found.verified.isConflict }).toEqual({
      problems: ["earlier checkpoint: its root is not that of the first 520 entries"],
      isConflict: true,
    });
  });

  it("finds a log that shrank", async () => {
    const earlier = earlierOf(await verifyFiles(files));
    const { problems, verified } = await verifyFiles(filesOfLog(log, 400), { earlier });
    expect({ problems, isConflict: verified.isConflict, tree: verified.tree.size }).toEqual({
      problems: ["checkpoint: states 400 entries, but the log has signed 530 before"],
      isConflict: true,
      tree: SIZE,
    });
  });

  const forked = (): StaticLog =>
    rewritten((entries) => {
      entries[100] = changed(entries[100], { timestampMs: 1_767_225_600_000 });
    });

  it("finds a log that forked and is as large as before", async () => {
    const earlier = earlierOf(await verifyFiles(files));
    const { problems, verified } = await verifyFiles(filesOfLog(forked()), { earlier });
    expect({ problems, isConflict: verified.isConflict }).toEqual({
      problems: ["checkpoint: states another tree of 530 entries than the log has signed before"],
      isConflict: true,
    });
  });

  it("finds a log that forked and has grown, before it reads one entry", async () => {
    const earlier = earlierOf(await verifyFiles(filesOfLog(log, 400)));
    const { problems, verified } = await verifyFiles(filesOfLog(forked()), { earlier });
    expect({ problems, isConflict: verified.isConflict, entries: verified.entries }).toEqual({
      problems: ["checkpoint: is of a tree that does not begin with the 400 entries that were verified before"],
      isConflict: true,
      entries: 0,
    });
  });

  it.each<[string, (copy: Files) => void, string]>([
    ["of the tile that it goes on in", edit("tile/0/001", flip(32 * 3)), wrongLeaf(1, 3)],
    [
      "of the tile above",
      edit("tile/1/000.p/2", flip(0)),
      "tile 1/0: hash 0 is not the one that follows from the entries",
    ],
  ])("does not take damage %s for a fork", async (_, change, says) => {
    const earlier = earlierOf(await verifyFiles(filesOfLog(log, 400)));
    const copy = new Map(files);
    change(copy);
    const { problems, verified } = await verifyFiles(copy, { earlier });
    expect({ problems, isConflict: verified.isConflict }).toEqual({ problems: [says], isConflict: false });
  });

  it("does not take damage of new entries for a fork", async () => {
    const earlier = earlierOf(await verifyFiles(filesOfLog(log, 400)));
    const copy = new Map(files);
    withEntries(2, (entries) => (entries[520] = changed(entries[520], { timestampMs: 1_767_225_600_000 })))(copy);
    const { problems, verified } = await verifyFiles(copy, { earlier });
    expect({ problems, isConflict: verified.isConflict }).toEqual({
      problems: [wrongLeaf(2, 8), wrongRoot],
      isConflict: false,
    });
  });

  it("finds a fork by the new entries too, where there are no tiles", async () => {
    const earlier = earlierOf(await verifyFiles(filesOfLog(log, 400)));
    const other = forked();
    writeLogFiles(join(folder, "log"), filesOfLog(other));
    const source = await openStaticCtSource(join(folder, "log"));
    const withoutTiles: LogSource = {
      location: "rfc6962",
      checkpoint: () => source.checkpoint(),
      tile: () => Promise.resolve(undefined),
      // Small pages, as servers grant them.
      entries: (start, end, size) => source.entries(start, Math.min(end, start + 50), size),
      issuer: (fingerprint) => source.issuer(fingerprint),
      close: () => source.close(),
    };
    const { problems, verified } = await verify(withoutTiles, { earlier });
    expect({ problems, isConflict: verified.isConflict, kind: verified.kind }).toEqual({
      problems: [wrongRoot],
      isConflict: true,
      kind: "rfc6962",
    });
    const whole = await verify(withoutTiles);
    expect({ problems: whole.problems, tiles: whole.verified.tiles }).toEqual({ problems: [], tiles: 0 });
  });

  it("starts from nothing like one that never began", async () => {
    const { checkpoint } = earlierOf(await verifyFiles(files));
    const { problems, verified } = await verifyFiles(files, { earlier: { checkpoint, tree: EMPTY_TREE, pending: [] } });
    expect({ problems, entries: verified.entries }).toEqual({ problems: [], entries: SIZE });
  });
});
