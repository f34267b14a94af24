import { openSync } from "node:fs";

import { destination as openDestination, pino, stdTimeFunctions } from "pino";

import { maskSecrets } from "../../core/mask-secrets.ts";
import type { RequestEvent, Telemetry } from "../../ports/telemetry.ts";
import { isKnownMethod } from "./http-methods.ts";

/** From which level on lines are written; `silent` writes none and opens nothing. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Where lines go: a file descriptor (1 is standard output) or a file's path. */
export type LogDestination = number | string;

/** One JSON line per event: `level` as a word, `time` in ISO 8601 (UTC, milliseconds), then the event. */
export interface LogLines extends Pick<Telemetry, "request" | "notice"> {
  /** Writes at once what is buffered, for a process that is about to die; a reader that has stopped holds it up. Never throws. */
  flush(): void;
  /**
   * Writes what is buffered; lines that come later are dropped. Gives up after 2 s on a reader that has stopped: then a
   * thread of the pool may still wait in a write to a full pipe, and as Node waits for that thread at exit, the process
   * ends by a signal only.
   */
  close(): Promise<void>;
}

/** How {@link openLogLines} writes. */
export interface LogLinesOptions {
  readonly level: LogLevel;
  readonly destination: LogDestination;
  /** Called for each line that was lost because the destination is slow or broken. */
  readonly onLost: () => void;
}

/** Characters that wait for a slow reader before lines are dropped; 20,000 requests or so. */
const MAX_BUFFERED_CHARACTERS = 4 * 2 ** 20;
const MIN_WRITE_CHARACTERS = 8 * 1024;
const FLUSH_MS = 250;
const GIVE_UP_MS = 2_000;
/** The pause that the buffer makes before it asks a full pipe again. */
const RETRY_MS = 100;

const SILENT: LogLines = {
  request: () => undefined,
  notice: () => undefined,
  flush: () => undefined,
  close: () => Promise.resolve(),
};

/**
 * Opens the log: lines are buffered, written in the background, and flushed when the process ends in any way that runs
 * its exit handlers. Memory is bounded: lines that a stopped reader leaves no room for are dropped and counted.
 *
 * @throws Error of `node:fs` when a file cannot be opened for appending
 */
export function openLogLines({ level, destination, onLost }: LogLinesOptions): LogLines {
  if (level === "silent") return SILENT;
  let retriesLeft = Infinity;
  const buffer = openDestination({
    dest: typeof destination === "string" ? openSync(destination, "a", 0o640) : destination,
    sync: false,
    // Some twenty-five requests share one write under load; alone, a line waits a quarter of a second.
    minLength: MIN_WRITE_CHARACTERS,
    periodicFlush: FLUSH_MS,
    maxLength: MAX_BUFFERED_CHARACTERS,
    retryEAGAIN: () => (retriesLeft -= 1) >= 0,
  });
  buffer.on("drop", onLost);
  // Without a listener a full disk would end the process: lines are worth less than the service.
  buffer.on("error", onLost);
  const logger = pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    buffer,
  );
  let closing: Promise<void> | undefined;
  return {
    request: (event) => {
      if (closing !== undefined) return;
      if (isServerFault(event)) logger.error(requestFields(event), "request");
      else logger.info(requestFields(event), "request");
    },
    notice: (noticeLevel, message, fields) => {
      if (closing !== undefined) return;
      if (fields === undefined) logger[noticeLevel](maskSecrets(message));
      else logger[noticeLevel]({ fields: maskFields(fields) }, maskSecrets(message));
    },
    flush: () => {
      retriesLeft = GIVE_UP_MS / RETRY_MS;
      try {
        if (closing === undefined) buffer.flushSync();
      } catch {
        onLost();
      }
      retriesLeft = Infinity;
    },
    close: () => (closing ??= endBuffer(buffer)),
  };
}

function endBuffer(buffer: ReturnType<typeof openDestination>): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => {
      // Destroyed, the buffer has nothing left that its exit handler would wait for.
      buffer.destroy();
      resolve();
    }, GIVE_UP_MS);
    buffer.once("close", () => {
      clearTimeout(giveUp);
      resolve();
    });
    buffer.end();
  });
}

/** 501 answers a method that the path does not have: the caller's doing. */
function isServerFault({ status }: RequestEvent): boolean {
  return status >= 500 && status !== 501;
}

/** The line's members, named one by one: nothing that hangs on an event by accident reaches the log. */
function requestFields(event: RequestEvent): Record<string, unknown> {
  const { requestId, method, route, status, grpc, durationMs, code, reason, detail, serialNumber, logIndex } = event;
  return {
    requestId: maskSecrets(requestId, 128),
    method: isKnownMethod(method) ? method : "unknown",
    route,
    status,
    grpcCode: grpc?.code,
    durationMs: Math.round(durationMs * 1_000) / 1_000,
    code,
    reason,
    serialNumber,
    logIndex,
    detail: detail === undefined ? undefined : maskSecrets(detail),
  };
}

type Fields = Readonly<Record<string, string | number | boolean>>;

function maskFields(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? maskSecrets(value) : value]),
  );
}
