import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker, type Transferable } from "node:worker_threads";
import { MayflyError } from "../../../core/errors.ts";
import type { CallMessage, Calls, ReplyMessage } from "./calls.ts";

/** Little room for young objects: a worker makes few, and what it takes stays taken (some 20 MiB for both workers). */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 2 };

/** A call on its way. */
interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: MayflyError) => void;
}

/** The request thread's end of a worker. Calls are answered in the order they were made. */
export class WorkerClient<C extends Calls> {
  readonly #worker: Worker;
  /** In the order of their calls, which is the order of the answers. */
  readonly #waiting: Waiter[] = [];
  readonly #exited: Promise<void>;
  #ended: MayflyError | undefined;

  /**
   * @param url of the worker's module
   * @param onEnd called once when the worker ends without having been closed
   */
  constructor(url: URL, onEnd: (error: MayflyError) => void) {
    this.#worker = new Worker(url, { env: workerEnvironment(), resourceLimits: RESOURCE_LIMITS });
    this.#worker.on("message", (reply: ReplyMessage) => {
      this.#settle(reply);
    });
    this.#worker.on("error", (cause) => {
      this.#end(new MayflyError("LOG_OUTCOME_UNKNOWN", "a thread of the log failed", { cause }), onEnd);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#end(new MayflyError("LOG_OUTCOME_UNKNOWN", `a thread of the log ended with code ${code}`), onEnd);
        resolve();
      });
    });
  }

  /**
   * Asks the worker.
   *
   * @param transfer buffers that the argument consists of and that the caller gives away
   * @throws MayflyError as the worker threw it; LOG_OUTCOME_UNKNOWN when it ended before it answered
   */
  call<K extends keyof C & string>(
    name: K,
    argument: Parameters<C[K]>[0],
    transfer: readonly Transferable[] = [],
  ): Promise<ReturnType<C[K]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      // The worker serves the same calls that this client was given as type argument.
      this.#waiting.push({
        resolve: (value) => {
          resolve(value as ReturnType<C[K]>);
        },
        reject,
      });
      const message: CallMessage = { name, argument };
      this.#worker.postMessage(message, transfer);
    });
  }

  /** Lets the worker finish what it was asked, then ends it. */
  async close(): Promise<void> {
    this.#ended ??= new MayflyError("LOG_CLOSED", "the log is closed");
    this.#worker.postMessage(undefined);
    await this.#exited;
  }

  #settle(reply: ReplyMessage): void {
    const waiter = this.#waiting.shift();
    if (reply.ok) waiter?.resolve(reply.value);
    else waiter?.reject(new MayflyError(reply.reason, reply.detail));
  }

  #end(error: MayflyError, onEnd: (error: MayflyError) => void): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    if (this.#ended !== undefined) return;
    this.#ended = error;
    onEnd(error);
  }
}

/** Nothing of the process's own, which may hold secrets; compiled code is kept where the process itself keeps it, if it does. */
function workerEnvironment(): Readonly<Record<string, string>> {
  const directory = getCompileCacheDir();
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) };
}
