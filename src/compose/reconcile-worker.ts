import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { describeCauses, MayflyError } from "../core/errors.ts";
import type { ReconcileGap } from "../ctlog/reconcile/reconcile-gap.ts";
import { reconcileDataFolder } from "./reconcile-data-folder.ts";
import type { ReconcileReply, ReconcileRequest } from "./reconcile-thread.ts";

/* Entry of the thread that reconciles while a service runs: slowly, and beside the thread that answers requests. */

if (parentPort === null) throw new TypeError("this module runs in a worker thread");
// The thread that starts this one compiled against the same type of what it hands over.
const { recordsPerSecond, ...request } = workerData as ReconcileRequest;
parentPort.postMessage(await reconcile());

async function reconcile(): Promise<ReconcileReply> {
  let firstGap: ReconcileGap | undefined;
  try {
    const report = await reconcileDataFolder({
      ...request,
      onGap: (gap) => {
        firstGap ??= gap;
      },
      pace: makePace(recordsPerSecond),
    });
    return { report, firstGap };
  } catch (error) {
    if (error instanceof MayflyError) return { failure: describeCauses(error) };
    throw error;
  }
}

/** Waits as long as it takes for what was read to be no more than so many records a second. */
function makePace(perSecond: number): (records: number) => Promise<void> {
  let dueMs = performance.now();
  return async (records) => {
    dueMs = Math.max(dueMs, performance.now()) + (records / perSecond) * 1_000;
    await setTimeout(dueMs - performance.now());
  };
}
