import { MayflyError, type Reason } from "../../../core/errors.ts";

/** The database, or the disk below it, has no room for a page (SQLITE_FULL in sqlite3.h). */
const FULL = 13;

/** Primary result codes of SQLite that say more than "it failed". */
const REASON_OF: ReadonlyMap<number, Reason> = new Map([
  [5, "LOG_BUSY"], // SQLITE_BUSY: another process held the database for longer than the busy timeout
  [11, "LOG_CORRUPT"], // SQLITE_CORRUPT
  [FULL, "LOG_DISK_FULL"],
  [26, "LOG_CORRUPT"], // SQLITE_NOTADB
]);

/**
 * What an error thrown by SQLite means for the log; a MayflyError stays what it was.
 *
 * @param otherwise reason of errors whose result code says nothing about it
 */
export function sqliteFailure(cause: unknown, otherwise: Reason, what: string): MayflyError {
  if (cause instanceof MayflyError) return cause;
  return new MayflyError(isNoNumber(cause) ? "LOG_CORRUPT" : reasonOf(cause, otherwise), what, { cause });
}

function reasonOf(cause: unknown, otherwise: Reason): Reason {
  return REASON_OF.get(primaryResultCode(cause) ?? 0) ?? otherwise;
}

/** A column holds an integer above 2^53, which no row was written with. */
function isNoNumber(error: unknown): boolean {
  return Error.isError(error) && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}

/** Whether waiting helps. */
export function isPassing({ reason }: MayflyError): boolean {
  return reason === "LOG_BUSY" || reason === "LOG_DISK_FULL";
}

/** Whether SQLite found no room for a page. */
export function isDiskFull(error: unknown): boolean {
  return primaryResultCode(error) === FULL;
}

/** The low byte of an extended result code. */
function primaryResultCode(error: unknown): number | undefined {
  if (!Error.isError(error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode % 256;
}
