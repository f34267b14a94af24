import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { MayflyError } from "../core/errors.ts";
import type { ReconcileGap } from "../ctlog/reconcile/reconcile-gap.ts";
import type { ReconcileReport } from "../ctlog/reconcile/reconcile-logs.ts";
import type { ReconcileDataFolderOptions } from "./reconcile-data-folder.ts";

/** To the reconciling thread. */
export interface ReconcileRequest extends Omit<ReconcileDataFolderOptions, "onGap" | "onProgress" | "pace"> {
  /** How many records of the trail, and entries of the log beside them, may be read in a second. */
  readonly recordsPerSecond: number;
}

/** From it: what it found, or why it could not look. */
export type ReconcileReply =
  | { readonly report: ReconcileReport; readonly firstGap: ReconcileGap | undefined; readonly failure?: never }
  | { readonly failure: string };

/** Room for young objects in MiB: what was compared is gone before the next records. */
const MAX_YOUNG_MIB = 4;

/** A comparison that is under way in a thread of its own. */
export interface ReconcileThread {
  /** @throws MayflyError `internal` when the thread ends without a word */
  readonly reply: Promise<ReconcileReply>;
  /** Ends it, whatever it is doing: it only reads. */
  readonly end: () => Promise<void>;
}

/** Starts a thread that reconciles once. */
export function startReconcileThread(request: ReconcileRequest): ReconcileThread {
  // Beside this module and with its extension: `.ts` when types are stripped, `.js` when it was compiled.
  const url = new URL(`./reconcile-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(url, {
    workerData: request,
    env: {},
    resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_MIB },
  });
  const reply = new Promise<ReconcileReply>((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", (cause) => {
      reject(new MayflyError("UNEXPECTED", "the thread that reconciles failed", { cause }));
    });
    worker.on("exit", (code) => {
      reject(new MayflyError("UNEXPECTED", `the thread that reconciles ended with code ${code}`));
    });
  });
  return {
    reply,
    end: async () => {
      await worker.terminate();
    },
  };
}
