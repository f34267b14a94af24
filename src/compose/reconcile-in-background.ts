import type { Reconciliation } from "../adapters/telemetry/reconcile-metrics.ts";
import { describeCauses } from "../core/errors.ts";
import type { ReconcileReport } from "../ctlog/reconcile/reconcile-logs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { LogInFolder } from "./reconcile-data-folder.ts";
import { startReconcileThread, type ReconcileReply, type ReconcileThread } from "./reconcile-thread.ts";

/** What is compared in the background, and who hears of it. */
export interface ReconcileInBackgroundOptions {
  /** The logs that there are now. */
  readonly logs: () => readonly LogInFolder[];
  /** Path of the audit trail's newest file. */
  readonly auditTrail: string;
  readonly clock: Pick<Clock, "now">;
  readonly telemetry: Pick<Telemetry, "notice"> & { readonly reconciled: (reconciliation: Reconciliation) => void };
  /** From the end of one comparison to the next, milliseconds. */
  readonly everyMs: number;
  /** What is older is left out, milliseconds since the Unix epoch. */
  readonly sinceMs?: number | undefined;
}

/** The first comparison waits so long, milliseconds: a start has other things to do. */
const FIRST_AFTER_MS = 300_000;

/** So slowly that issuance does not feel it; still some thousand certificates a second. */
const RECORDS_PER_SECOND = 4_000;

/**
 * Compares logs and audit trail again and again, in a thread that is there only meanwhile. The first time all that is here is
 * read; from then on the trail's files that were not done when the last comparison without a gap began. While there is a gap,
 * it is found each time.
 *
 * @returns closes it
 */
export function reconcileInBackground(options: ReconcileInBackgroundOptions): { close(): Promise<void> } {
  const { logs, auditTrail, clock, telemetry, everyMs, sinceMs } = options;
  let fromFile: number | undefined;
  let thread: ReconcileThread | undefined;
  let isClosed = false;
  const lookOnce = async (): Promise<void> => {
    const nowMs = clock.now();
    thread = startReconcileThread({
      ...{ logs: logs(), auditTrail, nowMs, sinceMs, fromFile },
      recordsPerSecond: RECORDS_PER_SECOND,
    });
    const reply = await thread.reply.catch((error: unknown): ReconcileReply => ({ failure: describeCauses(error) }));
    await thread.end();
    if (isClosed) return;
    tell(reply, clock.now(), telemetry);
    if (reply.failure === undefined && reply.report.gaps === 0) fromFile = reply.report.nextFile;
  };
  let timer: NodeJS.Timeout;
  const schedule = (afterMs: number): void => {
    if (isClosed) return;
    timer = setTimeout(() => {
      looking = lookOnce().finally(() => {
        schedule(everyMs);
      });
    }, afterMs).unref();
  };
  let looking: Promise<void> = Promise.resolve();
  schedule(Math.min(FIRST_AFTER_MS, everyMs));
  return {
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await thread?.end();
      await looking;
    },
  };
}

function tell(reply: ReconcileReply, timeMs: number, telemetry: ReconcileInBackgroundOptions["telemetry"]): void {
  if (reply.failure !== undefined) {
    telemetry.reconciled({ result: "failed" });
    telemetry.notice("warn", "log and audit trail could not be compared", { error: reply.failure });
    return;
  }
  const { report, firstGap } = reply;
  telemetry.reconciled({ result: report.gaps === 0 ? "good" : "gaps", timeMs, gaps: report.gaps, ...coverage(report) });
  if (firstGap === undefined) return;
  const { where, what } = firstGap;
  telemetry.notice("error", "log and audit trail do not fit together", { gaps: report.gaps, where, what });
}

function coverage({ logs }: ReconcileReport): Pick<Extract<Reconciliation, { gaps: number }>, "covered"> {
  return { covered: logs.map(({ name, size }) => ({ shard: name, entries: size })) };
}
