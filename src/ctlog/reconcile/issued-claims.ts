import { TILE_WIDTH } from "../../core/merkle/tile.ts";
import type { ReadIntent, ReadOutcome, TrailRecord } from "../../ports/audit-trail-reader.ts";
import type { ComparedLog, ReadEntry } from "./compared-log.ts";
import { IntentsInFlight } from "./intents-in-flight.ts";
import { describePlace, type OnGap, type ReconcileGap } from "./reconcile-gap.ts";
import type { TrailExtent } from "./trail-extent.ts";

/** What the claims of a trail are checked with. */
export interface IssuedClaimsOptions {
  readonly logs: readonly ComparedLog[];
  readonly extent: TrailExtent;
  /** What is older is left out. */
  readonly sinceMs: number;
  readonly onGap: OnGap;
}

/** The trail's word that a certificate was issued: intent, then outcome. */
interface Claim {
  readonly outcome: ReadOutcome;
  /** Undefined when the records that were read have none. */
  readonly intent: ReadIntent | undefined;
}

interface PlacedClaim extends Claim {
  readonly index: number;
}

/** From trail to log: each certificate that was issued is looked up at its index. */
export class IssuedClaims {
  readonly #options: IssuedClaimsOptions;
  readonly #logs: ReadonlyMap<string, ComparedLog>;
  readonly #inFlight = new IntentsInFlight();
  #intents = 0;
  #answered = 0;

  constructor(options: IssuedClaimsOptions) {
    this.#options = options;
    this.#logs = new Map(options.logs.map((log) => [log.id, log]));
  }

  /** Intents that were read. */
  get intents(): number {
    return this.#intents;
  }

  /** Those of them that an issued certificate followed from. */
  get answeredIntents(): number {
    return this.#answered;
  }

  /** Takes the next records of the trail, and compares what they say was issued with the logs. */
  async take(records: readonly TrailRecord[]): Promise<void> {
    const claims = records.flatMap((record) => this.#follow(record));
    for (const [logId, ofLog] of Map.groupBy(claims, ({ outcome }) => outcome.logId)) {
      const log = this.#logs.get(logId ?? "");
      const placed = ofLog.flatMap((claim): PlacedClaim[] => {
        const index = log === undefined ? undefined : claim.outcome.logIndex;
        if (index === undefined) this.#options.onGap(describeUnplaced(claim));
        return index === undefined ? [] : [{ ...claim, index }];
      });
      if (log !== undefined) await this.#check(log, placed);
    }
  }

  /** @returns the claim that a record completes */
  #follow(record: TrailRecord): readonly Claim[] {
    this.#options.extent.note(record);
    switch (record.kind) {
      case "file":
        for (const log of this.#options.logs) log.coverFrom(this.#options.extent.coveredFrom(log.id));
        return [];
      case "start":
        this.#inFlight.clear();
        return [];
      case "intent":
        this.#inFlight.add(record);
        if (this.#isCovered(record)) this.#intents += 1;
        return [];
      case "outcome":
        return this.#end(record);
    }
  }

  #end(outcome: ReadOutcome): readonly Claim[] {
    const intent = this.#inFlight.take(outcome.serialNumber);
    if (outcome.result !== "issued") return [];
    if (intent !== undefined && this.#isCovered(intent)) this.#answered += 1;
    return this.#isCovered(outcome) ? [{ outcome, intent }] : [];
  }

  #isCovered({ timeMs }: ReadIntent | ReadOutcome): boolean {
    return timeMs >= this.#options.sinceMs;
  }

  /** Claims of neighbouring indexes are read together. */
  async #check(log: ComparedLog, claims: readonly PlacedClaim[]): Promise<void> {
    const byTile = Map.groupBy(claims, ({ index }) => Math.floor(index / TILE_WIDTH));
    for (const ofTile of byTile.values()) {
      const indexes = ofTile.map(({ index }) => index);
      const start = Math.min(...indexes);
      const entries = await log.read({ start, end: Math.max(...indexes) + 1 });
      for (const claim of ofTile) this.#compare(log, claim, entries[claim.index - start] ?? { damage: "is missing" });
    }
  }

  #compare(log: ComparedLog, claim: PlacedClaim, entry: ReadEntry): void {
    const { index, intent } = claim;
    const gap = findGap(claim, log, entry) ?? (log.settled.has(index) ? describeRepeated(claim, log) : undefined);
    // The entry of another certificate is that one's to explain.
    if (gap?.kind !== "entry-differs") log.settled.add(index);
    if (gap !== undefined) this.#options.onGap(gap);
    else if (intent !== undefined) log.count(index, "issued");
    else if (this.#isIntentEarlier(log, claim, entry)) log.count(index, "notCovered");
    else this.#options.onGap({ ...describe(claim, log, "was issued, and there is no intent"), kind: "intent-missing" });
  }

  #isIntentEarlier(log: ComparedLog, { index }: PlacedClaim, { certificate }: ReadEntry): boolean {
    const isUnderWay = certificate !== undefined && this.#options.extent.mayBeEarlier(certificate);
    return isUnderWay || index < log.coveredFrom;
  }
}

function describeRepeated(claim: PlacedClaim, log: ComparedLog): ReconcileGap {
  const what = `was issued as entry ${claim.index} of ${log.name}, which a line before has told already`;
  return { ...describe(claim, log, what), kind: "entry-differs" };
}

function findGap(claim: PlacedClaim, log: ComparedLog, entry: ReadEntry): ReconcileGap | undefined {
  const { index, intent, outcome } = claim;
  const { certificate, damage } = entry;
  if (damage !== undefined) {
    return {
      ...describe(claim, log, `was issued as entry ${index} of ${log.name}, which ${damage}`),
      kind: "entry-lost",
    };
  }
  if (certificate.serialNumber !== outcome.serialNumber) {
    const but = `which is of serial number ${certificate.serialNumber}`;
    return { ...describe(claim, log, `was issued as entry ${index} of ${log.name}, ${but}`), kind: "entry-differs" };
  }
  if (intent === undefined || intent.tbsSha256 === certificate.tbsSha256) return undefined;
  const what = `was logged as entry ${index} of ${log.name} with other content than ${describePlace(intent)} intends`;
  return { ...describe(claim, log, what), kind: "intent-differs" };
}

function describe({ outcome, index }: PlacedClaim, log: ComparedLog, what: string): Omit<ReconcileGap, "kind"> {
  const { serialNumber } = outcome;
  return {
    where: describePlace(outcome),
    what: `serial number ${serialNumber} ${what}`,
    serialNumber,
    log: log.name,
    index,
  };
}

function describeUnplaced({ outcome }: Claim): ReconcileGap {
  const { serialNumber, logId, logIndex } = outcome;
  const where = logIndex === undefined ? "without an index" : `as entry ${logIndex}`;
  const what = `serial number ${serialNumber} was issued ${where} in the log ${logId ?? "of no name"}`;
  return {
    kind: "log-unknown",
    where: describePlace(outcome),
    what: `${what}, which is not here`,
    serialNumber,
    ...(logIndex === undefined ? {} : { index: logIndex }),
  };
}
