import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { MayflyError } from "../core/errors.ts";
import { makeEntryJudge } from "../ctlog/entry-judge.ts";
import type { LogKind } from "../ctlog/judge-entries.ts";
import { referencedIssuers } from "../ctlog/referenced-issuers.ts";
import type { EntryJudge, EntryPart, PartVerdict } from "../tlog/entry-part.ts";

/** To a judging thread. */
export interface JudgeRequest {
  readonly id: number;
  readonly part: EntryPart;
  readonly certificates: readonly Uint8Array[];
}

/** From a judging thread. */
export interface JudgeReply {
  readonly id: number;
  readonly verdict: PartVerdict;
}

/** A judge that has threads, which it ends when it is closed. */
export interface OpenedJudge extends EntryJudge {
  close(): Promise<void>;
}

/** Entries that one thread judges sooner than others can be started. */
const FEW_ENTRIES = 4_096;

/** Room for young objects in MiB: what is judged is gone before the next part. */
const MAX_YOUNG_MIB = 8;

/**
 * Opens a judge for a log of so many entries: in this thread for a small one, otherwise in as many threads as there are
 * cores. A part changes threads as one buffer; who calls bounds how many are under way.
 *
 * @param threads how many; chosen by the number of entries by default
 */
export function openJudge(
  kind: LogKind,
  entries: number,
  threads = entries <= FEW_ENTRIES ? 0 : availableParallelism(),
): OpenedJudge {
  return threads === 0
    ? { ...makeEntryJudge(kind), close: () => Promise.resolve() }
    : openPool(Array.from({ length: threads }, () => new JudgeThread(kind)));
}

function openPool(pool: readonly JudgeThread[]): OpenedJudge {
  return {
    referencesOf: referencedIssuers,
    judge: (part, certificates) => {
      const idlest = pool.reduce((one, other) => (other.waiting < one.waiting ? other : one));
      return idlest.judge(part, certificates);
    },
    close: async () => {
      await Promise.all(pool.map((thread) => thread.close()));
    },
  };
}

interface Waiter {
  readonly resolve: (verdict: PartVerdict) => void;
  readonly reject: (error: MayflyError) => void;
}

/** One thread that judges. When it ends, everything that it was asked fails. */
class JudgeThread {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  #ended: MayflyError | undefined;
  #nextId = 0;

  constructor(kind: LogKind) {
    // Beside this module and with its extension: `.ts` when types are stripped, `.js` when it was compiled.
    const url = new URL(`./judge-worker${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(url, {
      workerData: kind,
      env: {},
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_MIB },
    });
    this.#worker.on("message", ({ id, verdict }: JudgeReply) => {
      const waiter = this.#waiters.get(id);
      this.#waiters.delete(id);
      waiter?.resolve(verdict);
    });
    this.#worker.on("error", (cause) => {
      this.#end(new MayflyError("UNEXPECTED", "a thread that judges entries failed", { cause }));
    });
    this.#worker.on("exit", (code) => {
      this.#end(new MayflyError("UNEXPECTED", `a thread that judges entries ended with code ${code}`));
    });
  }

  /** How many parts it has not answered yet. */
  get waiting(): number {
    return this.#waiters.size;
  }

  judge(part: EntryPart, certificates: readonly Uint8Array[]): Promise<PartVerdict> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiters.set(id, { resolve, reject });
      const request: JudgeRequest = { id, part, certificates };
      this.#worker.postMessage(request, [part.bytes.buffer, part.ends.buffer]);
    });
  }

  async close(): Promise<void> {
    this.#end(new MayflyError("LOG_CLOSED", "the verification has ended"));
    await this.#worker.terminate();
  }

  #end(error: MayflyError): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiters.values()) reject(error);
    this.#waiters.clear();
  }
}
