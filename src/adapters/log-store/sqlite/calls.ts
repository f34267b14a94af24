import type { MessagePort } from "node:worker_threads";
import type { Reason } from "../../../core/errors.ts";
import { sqliteFailure } from "./sqlite-failure.ts";

/** What a worker can be asked, by name; the same type on both sides of the thread border. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>;

/** From the request thread to the worker; undefined is the last message and asks it to end. */
export interface CallMessage {
  readonly name: string;
  readonly argument: unknown;
}

/** From the worker to the request thread, in the order of the calls. */
export type ReplyMessage =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: Reason; readonly detail: string };

/** Options of {@link serveCalls}. */
export interface ServeOptions {
  /** Reason of errors that are not MayflyError and of which SQLite says nothing more. */
  readonly otherReason: Reason;
  /** Runs after each answer, when nobody waits for it. */
  readonly afterReply?: () => void;
  /** Runs when there will be no more calls; the thread ends afterwards. */
  readonly onClose: () => void;
}

/** Answers calls on a port, one after the other. Bytes that an answer consists of change their owner. */
export function serveCalls(port: MessagePort, calls: Calls, options: ServeOptions): void {
  port.on("message", (message: CallMessage | undefined) => {
    if (message === undefined) {
      options.onClose();
      port.close();
      return;
    }
    const { name, argument } = message;
    const reply = answer(() => {
      const call = calls[name];
      if (call === undefined) throw new TypeError(`no call ${name}`);
      // Both sides are compiled against one type of calls, so the argument is what this call takes.
      return call(argument as never);
    }, options.otherReason);
    port.postMessage(reply, reply.ok ? buffersOf(reply.value) : []);
    options.afterReply?.();
  });
}

function answer(call: () => unknown, otherReason: Reason): ReplyMessage {
  try {
    return { ok: true, value: call() };
  } catch (error) {
    const { reason } = sqliteFailure(error, otherReason, "a call failed");
    return { ok: false, reason, detail: describe(error) };
  }
}

/** An error with its causes: objects do not cross the border. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

function buffersOf(value: unknown): ArrayBuffer[] {
  if (isWholeBuffer(value)) return [value.buffer];
  // The members of an array are too many to be worth it.
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Array.isArray(value)) return [];
  return Object.values(value)
    .filter(isWholeBuffer)
    .map(({ buffer }) => buffer);
}

function isWholeBuffer(value: unknown): value is ArrayBufferView<ArrayBuffer> {
  return (
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength
  );
}
