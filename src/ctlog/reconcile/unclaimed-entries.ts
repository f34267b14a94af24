import { MayflyError } from "../../core/errors.ts";
import type { AuditTrailReader, ReadIntent, ReadOutcome, TrailPlace } from "../../ports/audit-trail-reader.ts";
import type { ComparedLog } from "./compared-log.ts";
import type { LoggedCertificate } from "./logged-certificate.ts";
import { describePlace, type OnGap } from "./reconcile-gap.ts";
import type { TrailExtent } from "./trail-extent.ts";

/** What entries that nobody was told of are compared with. */
export interface UnclaimedEntriesOptions {
  readonly trail: AuditTrailReader;
  /** What was read of it before. */
  readonly extent: TrailExtent;
  readonly onGap: OnGap;
  /** Told of each entry, and of each record that is read again; waits where reading is to be slow. */
  readonly pace: (records: number) => Promise<void>;
  /** How many are kept in memory, and looked for together; {@link AT_ONCE} when left out. */
  readonly atOnce?: number | undefined;
}

/** The trail is read once for so many: what is kept of each takes some hundred bytes. */
const AT_ONCE = 100_000;

interface Unclaimed {
  readonly log: ComparedLog;
  readonly index: number;
  readonly certificate: LoggedCertificate;
  /** Where the trail has an intent of its serial number, and whether that is of this certificate. */
  intent?: TrailPlace & { readonly isSame: boolean };
  result?: ReadOutcome["result"];
}

/** From log to trail: each entry that no answer told of must have an intent. */
export class UnclaimedEntries {
  readonly #options: UnclaimedEntriesOptions;
  readonly #atOnce: number;
  #bySerialNumber = new Map<string, Unclaimed[]>();
  #kept = 0;
  #intents = 0;

  constructor(options: UnclaimedEntriesOptions) {
    this.#options = options;
    this.#atOnce = options.atOnce ?? AT_ONCE;
  }

  /** Intents that an entry was found to follow from. */
  get intents(): number {
    return this.#intents;
  }

  /** Takes the entries of a log that are not settled. */
  async take(log: ComparedLog): Promise<void> {
    for (const { start, end } of log.unsettled()) {
      const entries = await log.read({ start, end });
      for (const [at, { certificate, damage }] of entries.entries()) {
        const index = start + at;
        if (log.settled.has(index)) continue;
        log.settled.add(index);
        if (damage !== undefined) {
          this.#options.onGap({ kind: "entry-lost", where: log.place(index), what: damage, log: log.name, index });
        } else {
          this.#keep({ log, index, certificate });
        }
      }
      await this.#options.pace(entries.length);
      if (this.#kept >= this.#atOnce) await this.compare();
    }
  }

  /** Compares what was taken with the trail. */
  async compare(): Promise<void> {
    const taken = this.#bySerialNumber;
    if (taken.size === 0) return;
    this.#bySerialNumber = new Map();
    this.#kept = 0;
    let firstFile: number | undefined;
    await this.#options.trail.read({
      fromFile: this.#options.extent.firstFile,
      onRecords: async (records) => {
        for (const record of records) {
          if (record.kind === "file") this.#requireSameFiles((firstFile ??= record.number));
          else if (record.kind !== "start") note(record, taken);
        }
        await this.#options.pace(records.length);
      },
    });
    for (const unclaimed of [...taken.values()].flat()) this.#settle(unclaimed);
  }

  #keep(unclaimed: Unclaimed): void {
    const { serialNumber } = unclaimed.certificate;
    this.#bySerialNumber.set(serialNumber, [...(this.#bySerialNumber.get(serialNumber) ?? []), unclaimed]);
    this.#kept += 1;
  }

  /** Without the files that were read first, entries would seem to have no intent. */
  #requireSameFiles(firstFile: number): void {
    if (firstFile === this.#options.extent.firstFile || this.#options.extent.firstFile === 0) return;
    throw new MayflyError("AUDIT_FAILED", "files of the audit trail were taken away while it was read");
  }

  #settle({ log, index, certificate, intent, result }: Unclaimed): void {
    if (intent?.isSame === true) {
      this.#intents += 1;
      log.count(index, result === undefined ? "unanswered" : result === "issued" ? "issued" : "undelivered");
      return;
    }
    if (intent === undefined && this.#options.extent.mayBeEarlier(certificate)) {
      log.count(index, "notCovered");
      return;
    }
    const { serialNumber } = certificate;
    const what =
      intent === undefined
        ? `serial number ${serialNumber} was logged, and there is no intent`
        : `serial number ${serialNumber} was logged with other content than ${describePlace(intent)} intends`;
    const kind = intent === undefined ? "intent-missing" : "intent-differs";
    this.#options.onGap({ kind, where: log.place(index), what, serialNumber, log: log.name, index });
  }
}

/** Notes what a record says of the entries of its serial number. */
function note(record: ReadIntent | ReadOutcome, taken: ReadonlyMap<string, readonly Unclaimed[]>): void {
  for (const unclaimed of taken.get(record.serialNumber) ?? []) {
    if (record.kind === "outcome") {
      unclaimed.result = record.result;
    } else if (unclaimed.intent?.isSame !== true) {
      const { file, lineNumber, tbsSha256 } = record;
      unclaimed.intent = { file, lineNumber, isSame: tbsSha256 === unclaimed.certificate.tbsSha256 };
    }
  }
}
