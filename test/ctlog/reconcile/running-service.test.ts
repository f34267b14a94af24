import { beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { AuditTrailReader } from "../../../src/ports/audit-trail-reader.ts";
import { NOW_MS } from "../../support/certificate-fixtures.ts";
import { makeRandom } from "../../support/crash/random.ts";
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

const POOL = 120;
/** No request takes longer, as stages have their limits. */
const LONGEST_MS = 240_000;
let pool: readonly LabCertificate[];
beforeAll(async () => {
  pool = await labCertificates(POOL);
});

type Stage = "intended" | "logged" | "lost";

interface Request {
  readonly certificate: LabCertificate;
  readonly startedMs: number;
  stage: Stage;
  log?: LabLog;
  logIndex?: number;
}

/** Services one after the other on one trail, in a world in which everything takes the time that chance gives it. */
class World {
  readonly logs = [makeLabLog("2026"), makeLabLog("2027")];
  readonly files: LabRecord[][] = [];
  readonly #random: () => number;
  readonly #highest: Record<string, number> = {};
  #requests: Request[] = [];
  #active = 0;
  #used = 0;
  #nowMs = NOW_MS;

  constructor(seed: number) {
    this.#random = makeRandom(seed);
    this.#startProcess();
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get isUsedUp(): boolean {
    return this.#used === POOL;
  }

  /** Somebody uses the keys and writes no intent. */
  issueSecretly(): { readonly log: LabLog; readonly index: number } {
    const log = this.logs[this.#active]!;
    log.stored.push(pool[this.#used++]!.stored(log.stored.length, this.#nowMs));
    return { log, index: log.stored.length - 1 };
  }

  /** Something happens. */
  step(): void {
    this.#nowMs += Math.floor(this.#random() * 60_000);
    const chance = this.#random();
    if (chance < 0.03) this.#kill();
    else if (chance < 0.05) this.#active = 1;
    else if (chance < 0.4 && !this.isUsedUp) this.#begin();
    else this.#goOn();
  }

  #startProcess(): void {
    if (this.files.length === 0 || this.#random() < 0.3) this.#beginFile();
    this.#write({ kind: "start", timeMs: this.#nowMs });
  }

  #kill(): void {
    this.#requests = [];
    this.#startProcess();
  }

  #begin(): void {
    const certificate = pool[this.#used++]!;
    const { serialNumber, tbsSha256 } = certificate;
    this.#write({ kind: "intent", timeMs: this.#nowMs, serialNumber, tbsSha256 });
    this.#requests.push({ certificate, startedMs: this.#nowMs, stage: "intended" });
  }

  #goOn(): void {
    const at = Math.floor(this.#random() * this.#requests.length);
    const request = this.#requests[at];
    if (request === undefined) return;
    const isLate = this.#nowMs - request.startedMs > LONGEST_MS;
    if (request.stage === "intended" && !isLate && this.#random() < 0.9) {
      const log = this.logs[this.#active]!;
      request.log = log;
      request.logIndex = log.stored.length;
      log.stored.push(request.certificate.stored(request.logIndex, this.#nowMs));
      request.stage = "logged";
      return;
    }
    this.#requests.splice(at, 1);
    this.#end(request);
  }

  #end({ certificate: { serialNumber }, stage, log, logIndex }: Request): void {
    const outcome = { kind: "outcome", timeMs: this.#nowMs, serialNumber } as const;
    if (stage !== "logged" || log === undefined || logIndex === undefined || this.#random() < 0.1) {
      this.#write({ ...outcome, result: "failed" });
      return;
    }
    this.#write({ ...outcome, result: "issued", logId: log.logId, logIndex });
    this.#highest[log.logId] = Math.max(logIndex, this.#highest[log.logId] ?? 0);
  }

  #write(record: LabRecord): void {
    if (this.files.at(-1)!.length > 20) this.#beginFile();
    this.files.at(-1)!.push(record);
  }

  #beginFile(): void {
    this.files.push([{ kind: "file", number: this.files.length + 1, highestLogIndexes: { ...this.#highest } }]);
  }
}

/** Reads the trail a few records at a time while the world goes on. */
function busyTrail(world: World, taken: number): AuditTrailReader {
  return {
    read: async ({ fromFile = 0, onRecords }) => {
      for (let number = Math.max(fromFile, taken + 1); number <= world.files.length; number++) {
        let read = 0;
        const file = (): readonly LabRecord[] => world.files[number - 1]!;
        while (read < file().length) {
          const end = Math.min(read + 3, file().length);
          await labTrail([[{ kind: "file", number, highestLogIndexes: {} }, ...file().slice(read, end)]]).read({
            onRecords: (records) => onRecords(records.slice(1)),
          });
          read = end;
          world.step();
        }
      }
    },
  };
}

const open = (world: World) => world.logs.map(openLabLog);

describe("reconciling beside services that come, go and are killed", () => {
  it("never finds a gap where there is none, wherever it begins, and accounts for each entry", async () => {
    const seen = { issued: 0, undelivered: 0, unanswered: 0, notCovered: 0, abandoned: 0 };
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.nat(3), fc.integer({ min: 1, max: 5 }), async (seed, taken, atOnce) => {
        const world = new World(seed);
        let fromFile: number | undefined;
        for (let round = 0; round < 4; round++) {
          for (let step = 0; step < 60; step++) world.step();
          const first = Math.min(taken, world.files.length - 1);
          const trail = busyTrail(world, first);
          const report = await reconcileLab({ logs: open(world), trail, nowMs: world.nowMs, atOnce, fromFile });
          expect(report.found).toEqual([]);
          for (const { size, issued, undelivered, unanswered, notCovered } of report.logs) {
            expect(issued + undelivered + unanswered + notCovered).toBe(size);
            seen.issued += issued;
            seen.undelivered += undelivered;
            seen.unanswered += unanswered;
            seen.notCovered += notCovered;
          }
          expect(report.trail?.abandoned).toBeGreaterThanOrEqual(0);
          seen.abandoned += report.trail?.abandoned ?? 0;
          fromFile = report.nextFile;
        }
      }),
      { seed: 20261122, numRuns: 60 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
  });

  it("would raise false alarms if the heads were read behind the trail", async () => {
    let alarms = 0;
    for (let seed = 0; seed < 20; seed++) {
      const world = new World(seed);
      for (let step = 0; step < 60; step++) world.step();
      const read = world.files.map((file) => [...file]);
      for (let step = 0; step < 10; step++) world.step();
      alarms += (await reconcileLab({ logs: open(world), trail: labTrail(read), nowMs: world.nowMs })).gaps;
    }
    expect(alarms).toBeGreaterThan(10);
  });

  it("finds each entry without an intent, although it only goes on where it had come to", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.nat(3), async (seed, secretRound) => {
        const world = new World(seed);
        let fromFile: number | undefined;
        const found: string[] = [];
        let secret: string | undefined;
        for (let round = 0; round <= 4; round++) {
          for (let step = 0; step < 50; step++) {
            if (round === secretRound && step === 25 && !world.isUsedUp) {
              const { log, index } = world.issueSecretly();
              secret = `${log.name} entry ${index}`;
            }
            world.step();
          }
          const logs = open(world);
          const report = await reconcileLab({ logs, trail: busyTrail(world, 0), nowMs: world.nowMs, fromFile });
          found.push(...report.found.map(({ kind, where }) => `${kind} ${where}`));
          if (report.gaps > 0) break;
          fromFile = report.nextFile;
        }
        expect(found).toEqual(secret === undefined ? [] : [`intent-missing ${secret}`]);
      }),
      { seed: 20261122, numRuns: 60 },
    );
  });
});
