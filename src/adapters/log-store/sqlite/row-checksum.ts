import { crc32 } from "node:zlib";

/** What a column of a STRICT table holds; undefined where a column holds something else, which no row is written with. */
export type ColumnValue = number | string | Uint8Array | null | undefined;

/**
 * CRC-32 over a record's name and columns, which its row carries: an accident to the row, its columns in another row's
 * place included, shows when it is read. Whoever changes a row on purpose can compute it as well; that shows against tree
 * and signatures.
 *
 * @param place the record's name, as operators read it: `entry 17`, `tile 0/3`, `head`
 * @param columns all but key and checksum, in the table's order
 * @returns 0 to 2^32 - 1
 */
export function rowChecksum(place: string, columns: readonly ColumnValue[]): number {
  // What is short goes into one text, which costs one call; a byte string is told apart from its neighbours by its length.
  let sum = crc32(columns.reduce<string>((text, value) => `${text},${isLong(value) ? value.length : value}`, place));
  for (const value of columns) if (isLong(value)) sum = crc32(value, sum);
  return sum;
}

function isLong(value: ColumnValue): value is string | Uint8Array {
  return typeof value === "string" || ArrayBuffer.isView(value);
}

/** The columns, with the checksum behind them: as a row of a table whose key stands before. */
export function withChecksum<T extends ColumnValue>(place: string, columns: readonly T[]): (T | number)[] {
  return [...columns, rowChecksum(place, columns)];
}
