import { beforeAll, describe, expect, it } from "@jest/globals";
import { MayflyError } from "../../../src/core/errors.ts";
import { NOW_MS } from "../../support/certificate-fixtures.ts";
import {
  labCertificates,
  labTrail,
  makeLabLog,
  openLabLog,
  reconcileLab,
  type LabCertificate,
  type LabLog,
  type LabRecord,
} from "../../support/reconcile-lab.ts";

const COUNT = 6;
const HOUR_MS = 3_600_000;
let certificates: readonly LabCertificate[];
beforeAll(async () => {
  certificates = await labCertificates(COUNT + 2);
});

/** What a test changes: a log, and the files of a trail. */
interface Scene {
  readonly log: LabLog;
  readonly other: LabLog;
  readonly files: LabRecord[][];
}

const timeOf = (at: number): number => NOW_MS + at * HOUR_MS;
const at = (index: number): LabCertificate => certificates[index]!;

const intentOf = (index: number, overrides: object = {}): LabRecord => {
  const { serialNumber, tbsSha256 } = at(index);
  return { kind: "intent", timeMs: timeOf(index), serialNumber, tbsSha256, ...overrides };
};
const issuedOf = (index: number, { logId }: LabLog, overrides: object = {}): LabRecord => {
  const { serialNumber } = at(index);
  const timeMs = timeOf(index) + 2;
  return { kind: "outcome", timeMs, result: "issued", serialNumber, logId, logIndex: index, ...overrides };
};
const failedOf = (index: number): LabRecord => {
  const { serialNumber } = at(index);
  return { kind: "outcome", timeMs: timeOf(index) + 2, result: "failed", serialNumber };
};

/** One process, an hour between certificates, three in each file; all is well. */
function makeScene(): Scene {
  const [log, other] = [makeLabLog("2026"), makeLabLog("2027")];
  const files: LabRecord[][] = [];
  for (let index = 0; index < COUNT; index++) {
    if (index % 3 === 0) {
      const highestLogIndexes = index === 0 ? {} : { [log.logId]: index - 1 };
      files.push([{ kind: "file", number: files.length + 1, highestLogIndexes }]);
      if (index === 0) files[0]!.push({ kind: "start", timeMs: NOW_MS - 1 });
    }
    log.stored.push(at(index).stored(index, timeOf(index) + 1));
    files.at(-1)!.push(intentOf(index), issuedOf(index, log));
  }
  return { log, other, files };
}

const reconcileScene = ({ log, other, files }: Scene, options: object = {}) =>
  reconcileLab({ logs: [openLabLog(log), openLabLog(other)], trail: labTrail(files), ...options });

/** Puts records in the place of those that are of a certificate. */
function replace(
  { files }: Scene,
  index: number,
  records: (before: readonly LabRecord[]) => readonly LabRecord[],
): void {
  const isOf = (record: LabRecord): boolean =>
    "serialNumber" in record && record.serialNumber === at(index).serialNumber;
  for (const [number, file] of files.entries()) {
    const first = file.findIndex(isOf);
    if (first !== -1) files[number] = file.filter((r) => !isOf(r)).toSpliced(first, 0, ...records(file.filter(isOf)));
  }
}

describe("reconciling logs with the audit trail", () => {
  it("finds no gap where each certificate is in both", async () => {
    const report = await reconcileScene(makeScene());
    expect(report).toMatchObject({
      found: [],
      gaps: 0,
      logs: [
        { name: "2026", size: COUNT, issued: COUNT, undelivered: 0, unanswered: 0, notCovered: 0 },
        { name: "2027", size: 0, issued: 0 },
      ],
      trail: { firstFile: 1, lastFile: 2, intents: COUNT, abandoned: 0 },
    });
  });

  it("finds none in a log and a trail that nothing was written to", async () => {
    const report = await reconcileLab({ logs: [openLabLog(makeLabLog())], trail: labTrail([]) });
    expect(report).toMatchObject({ gaps: 0, trail: { firstFile: 0, lastFile: 0, intents: 0 }, nextFile: 0 });
  });

  it("counts what was logged and not delivered, and intents that came to nothing", async () => {
    const scene = makeScene();
    replace(scene, 1, ([intent]) => [intent!, failedOf(1)]);
    replace(scene, 4, ([intent]) => [intent!]);
    replace(scene, 5, (both) => [intentOf(COUNT), failedOf(COUNT), intentOf(COUNT + 1), ...both]);
    expect(await reconcileScene(scene)).toMatchObject({
      found: [],
      logs: [{ issued: COUNT - 2, undelivered: 1, unanswered: 1 }, {}],
      trail: { intents: COUNT + 2, abandoned: 2 },
    });
  });

  const GAPS: readonly [name: string, change: (scene: Scene) => void, gap: object][] = [
    [
      "a row that was removed from the log",
      ({ log }) => void (log.stored[2] = undefined),
      { kind: "entry-lost", where: "audit-1.jsonl line 8", index: 2, log: "2026" },
    ],
    [
      "a log that lost its end",
      ({ log }) => void log.stored.pop(),
      { kind: "entry-lost", where: "audit-2.jsonl line 7", index: 5 },
    ],
    [
      "an entry that cannot be read",
      ({ log }) => void (log.stored[2] = Buffer.from("no entry")),
      { kind: "entry-lost", where: "audit-1.jsonl line 8", index: 2 },
    ],
    [
      "an entry that nobody was told of and that cannot be read",
      (scene) => {
        replace(scene, 2, ([intent]) => [intent!]);
        scene.log.stored[2] = Buffer.from("no entry");
      },
      { kind: "entry-lost", where: "2026 entry 2", index: 2 },
    ],
    [
      "an entry without an intent",
      ({ log }) => void log.stored.push(at(COUNT).stored(COUNT, timeOf(COUNT))),
      { kind: "intent-missing", where: "2026 entry 6", index: COUNT },
    ],
    [
      "an entry without an intent in another shard",
      ({ other }) => void other.stored.push(at(COUNT).stored(0, timeOf(COUNT))),
      { kind: "intent-missing", where: "2027 entry 0", index: 0, log: "2027" },
    ],
    [
      "a line of another serial number",
      (scene) => {
        replace(scene, 3, ([intent]) => [intent!, issuedOf(3, scene.log, { serialNumber: "00".repeat(20) })]);
      },
      { kind: "entry-differs", where: "audit-2.jsonl line 3", serialNumber: "00".repeat(20), index: 3 },
    ],
    [
      "an index that is another certificate's",
      (scene) => {
        replace(scene, 3, ([intent]) => [intent!, issuedOf(3, scene.log, { logIndex: 2 })]);
      },
      { kind: "entry-differs", where: "audit-2.jsonl line 3", index: 2 },
    ],
    [
      "an index beyond the log",
      (scene) => {
        replace(scene, 3, ([intent]) => [intent!, issuedOf(3, scene.log, { logIndex: 600 })]);
      },
      { kind: "entry-lost", where: "audit-2.jsonl line 3", index: 600 },
    ],
    [
      "a log that is not here",
      (scene) => {
        replace(scene, 3, ([intent]) => [intent!, issuedOf(3, scene.log, { logId: "ee".repeat(32) })]);
      },
      { kind: "log-unknown", where: "audit-2.jsonl line 3" },
    ],
    [
      "another of our logs",
      (scene) => {
        replace(scene, 3, ([intent]) => [intent!, issuedOf(3, scene.other)]);
      },
      { kind: "entry-lost", where: "audit-2.jsonl line 3", log: "2027", index: 3 },
    ],
    [
      "a certificate without an index",
      (scene) => {
        replace(scene, 3, ([intent]) => {
          const { logId } = scene.log;
          const { serialNumber } = at(3);
          return [intent!, { kind: "outcome", timeMs: timeOf(3), result: "issued", serialNumber, logId }];
        });
      },
      { kind: "log-unknown", where: "audit-2.jsonl line 3" },
    ],
    [
      "an intent for other content",
      (scene) => {
        replace(scene, 3, ([, outcome]) => [intentOf(3, { tbsSha256: "00".repeat(32) }), outcome!]);
      },
      { kind: "intent-differs", where: "audit-2.jsonl line 3", index: 3 },
    ],
    [
      "an intent for other content, of an entry that nobody was told of",
      (scene) => {
        replace(scene, 3, () => [intentOf(3, { tbsSha256: "00".repeat(32) })]);
      },
      { kind: "intent-differs", where: "2026 entry 3", index: 3 },
    ],
    [
      "an outcome without an intent",
      (scene) => {
        replace(scene, 3, ([, outcome]) => [outcome!]);
      },
      { kind: "intent-missing", where: "audit-2.jsonl line 2", index: 3 },
    ],
    [
      "an outcome whose intent is of the process before",
      (scene) => {
        replace(scene, 3, ([intent, outcome]) => [intent!, { kind: "start", timeMs: timeOf(3) }, outcome!]);
      },
      { kind: "intent-missing", where: "audit-2.jsonl line 4", index: 3 },
    ],
    [
      "an outcome that is there twice",
      (scene) => {
        replace(scene, 3, (both) => [...both, ...both]);
      },
      { kind: "entry-differs", where: "audit-2.jsonl line 5", index: 3 },
    ],
  ];

  it.each(GAPS)("finds %s", async (_, change, gap) => {
    const scene = makeScene();
    change(scene);
    const { found, gaps } = await reconcileScene(scene);
    expect({ found, gaps }).toMatchObject({ found: [gap], gaps: 1 });
  });

  it("finds a chain that is broken, and compares nothing behind it", async () => {
    const scene = makeScene();
    const damage = new MayflyError("AUDIT_FAILED", "line 3 of the audit trail in audit.jsonl is damaged");
    const trail = { read: () => Promise.reject(damage) };
    expect(await reconcileScene(scene, { trail })).toMatchObject({
      trail: undefined,
      found: [{ kind: "trail-damaged", what: expect.stringContaining("line 3") }],
    });
  });

  it("takes a file that cannot be read for no gap", async () => {
    const failure = new MayflyError("AUDIT_FAILED", "the audit trail cannot be read", { cause: new Error("EIO") });
    const trail = { read: () => Promise.reject(failure) };
    await expect(reconcileScene(makeScene(), { trail })).rejects.toBe(failure);
  });

  it("finds the same however few entries it keeps in memory", async () => {
    const scene = makeScene();
    for (let index = 0; index < COUNT; index++) replace(scene, index, ([intent]) => (index === 4 ? [] : [intent!]));
    for (const atOnce of [1, 2, 100]) {
      expect(await reconcileScene(scene, { atOnce })).toMatchObject({
        logs: [{ unanswered: COUNT - 1 }, {}],
        found: [{ kind: "intent-missing", index: 4 }],
      });
    }
  });

  it("says what it does not cover when the oldest files were taken away", async () => {
    const scene = makeScene();
    expect(await reconcileScene({ ...scene, files: scene.files.slice(1) })).toMatchObject({
      found: [],
      logs: [{ size: COUNT, notCovered: 3, issued: 3 }, {}],
      trail: { firstFile: 2, lastFile: 2, intents: 3, abandoned: 0 },
    });
    expect(await reconcileScene(scene, { fromFile: 2 })).toMatchObject({ logs: [{ notCovered: 3, issued: 3 }, {}] });
  });

  it("takes what was under way when the oldest file here began for not covered, and nothing later", async () => {
    const scene = makeScene();
    // Their intents went with the first file; the second file begins with the outcome of entry 3.
    for (const index of [3, 4]) replace(scene, index, ([, outcome]) => [outcome!]);
    expect(await reconcileScene({ ...scene, files: scene.files.slice(1) })).toMatchObject({
      found: [{ kind: "intent-missing", index: 4 }],
      logs: [{ notCovered: 4, issued: 1 }, {}],
    });
    // The same for entries that nobody was told of.
    for (const index of [3, 4]) replace(scene, index, () => []);
    scene.files[1]!.splice(1, 0, { kind: "intent", timeMs: timeOf(3), serialNumber: "00".repeat(20), tbsSha256: "" });
    expect(await reconcileScene({ ...scene, files: scene.files.slice(1) })).toMatchObject({
      found: [{ kind: "intent-missing", index: 4 }],
      logs: [{ notCovered: 4, issued: 1 }, {}],
    });
  });

  it("leaves out what is older than asked for", async () => {
    const scene = makeScene();
    scene.log.stored[0] = Buffer.from("no entry");
    replace(scene, 1, () => []);
    expect(await reconcileScene(scene)).toMatchObject({ gaps: 2 });
    const sinceMs = timeOf(2);
    expect(await reconcileScene(scene, { sinceMs })).toMatchObject({
      found: [],
      logs: [{ notCovered: 2, issued: 4 }, {}],
      trail: { intents: 4, abandoned: 0 },
    });
    scene.log.stored[2] = undefined;
    expect(await reconcileScene(scene, { sinceMs })).toMatchObject({ gaps: 1 });
    expect(await reconcileScene(scene, { sinceMs: timeOf(100) })).toMatchObject({
      found: [],
      logs: [{ notCovered: COUNT }, {}],
    });
  });

  it("says with which file to go on: the last that was begun long enough ago", async () => {
    const scene = makeScene();
    for (const [nowMs, nextFile] of [
      [timeOf(0), 1],
      [timeOf(3) + 1_000_000, 1],
      [timeOf(3) + 1_200_000, 2],
    ] as const) {
      expect(await reconcileScene(scene, { nowMs })).toMatchObject({ nextFile });
    }
  });

  it("does not go on when files are taken away while it reads", async () => {
    const scene = makeScene();
    replace(scene, 1, ([intent]) => [intent!]);
    const [whole, rest] = [labTrail(scene.files), labTrail(scene.files.slice(1))];
    let reads = 0;
    const trail = { read: (options: Parameters<typeof whole.read>[0]) => (reads++ === 0 ? whole : rest).read(options) };
    await expect(reconcileScene(scene, { trail })).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
  });

  it("tells its progress up to the end, and waits as it is paced", async () => {
    const scene = makeScene();
    replace(scene, 1, ([intent]) => [intent!]);
    const progress: [number, number][] = [];
    const paced: number[] = [];
    await reconcileScene(scene, {
      onProgress: (entries: number, of: number) => void progress.push([entries, of]),
      pace: (records: number) => Promise.resolve(void paced.push(records)),
    });
    expect(progress.at(-1)).toEqual([COUNT, COUNT]);
    // Both files, the entries from the first that nobody was told of on, and both files again.
    expect(paced).toEqual([7, 7, 5, 7, 7]);
  });
});
