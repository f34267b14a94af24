import type { StatementSync } from "node:sqlite";
import { MayflyError } from "../../../core/errors.ts";
import { rowChecksum, type ColumnValue } from "./row-checksum.ts";
import { CHECKED_COLUMNS } from "./schema.ts";

/** The only row that a statement finds; undefined when it finds none. */
export function findRow(statement: StatementSync, ...parameters: (number | Uint8Array)[]): Row | undefined {
  const columns = statement.get(...parameters);
  return columns === undefined ? undefined : new Row(columns);
}

/**
 * The row that a statement must find.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT)
 */
export function requireRow(statement: StatementSync, ...parameters: (number | Uint8Array)[]): Row {
  const row = findRow(statement, ...parameters);
  if (row === undefined) throw new MayflyError("LOG_CORRUPT", "the log's database lacks a row that it must have");
  return row;
}

/** A row of a STRICT table, read with the types that its columns are declared with. */
export class Row {
  readonly #columns: Readonly<Record<string, unknown>>;

  constructor(columns: Readonly<Record<string, unknown>>) {
    this.#columns = columns;
  }

  /**
   * Compares a row's columns with the checksum that was written with them.
   *
   * @param place the record that the row is to be
   * @returns the row itself
   * @throws MayflyError `log_failed` (LOG_CORRUPT) naming the place
   */
  requireIntact(table: keyof typeof CHECKED_COLUMNS, place: string): this {
    const columns = CHECKED_COLUMNS[table].map((column) => columnValue(this.#columns[column]));
    if (rowChecksum(place, columns) !== this.#columns["checksum"]) {
      throw new MayflyError("LOG_CORRUPT", `${place} is not as it was written: its row has another checksum`);
    }
    return this;
  }

  integer(column: string): number {
    const value = this.#columns[column];
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrongType(column);
    return value;
  }

  /** Undefined for NULL. */
  optionalInteger(column: string): number | undefined {
    return this.#columns[column] === null ? undefined : this.integer(column);
  }

  text(column: string): string {
    const value = this.#columns[column];
    if (typeof value !== "string") throw wrongType(column);
    return value;
  }

  /** Undefined for NULL. */
  optionalBlob(column: string): Uint8Array | undefined {
    return this.#columns[column] === null ? undefined : this.blob(column);
  }

  blob(column: string): Uint8Array {
    const value = this.#columns[column];
    if (!ArrayBuffer.isView(value)) throw wrongType(column);
    return bytesOf(value);
  }
}

function columnValue(value: unknown): ColumnValue {
  if (typeof value === "number" || typeof value === "string" || value === null) return value;
  return ArrayBuffer.isView(value) ? bytesOf(value) : undefined;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function wrongType(column: string): MayflyError {
  return new MayflyError("LOG_CORRUPT", `column ${column} of the log's database has another type than declared`);
}
