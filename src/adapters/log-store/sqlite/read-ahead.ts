import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

const PIECE_BYTES = 1024 * 1024;

/** A file that was read ahead. */
export interface ReadAhead {
  /** Bytes that were read. */
  readonly bytes: number;
  /** Closes the file, which was kept open. */
  readonly close: () => Promise<void>;
}

/**
 * Reads a file once from beginning to end, so that the operating system has it in memory when its pages are asked for. Where
 * two threads ask for one page after the other, as a verification does, and the disk has them, that costs a fifth of the
 * verification's CPU; read like this it costs next to nothing. Of a file that would take more than half of the memory that
 * is free only the beginning is. What cannot be read is left to whoever needs it.
 *
 * The file stays open: when a process closes a file, it loses every lock that SQLite holds on it in this process (fcntl(2)).
 * So it may be closed only behind each connection of the process to this database.
 *
 * @param freeBytes memory that the process may still take, by default what Node says
 */
export async function readAhead(path: string, freeBytes = process.availableMemory()): Promise<ReadAhead> {
  let file: FileHandle | undefined;
  let bytes = 0;
  try {
    file = await open(path, "r");
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let length = PIECE_BYTES; length > 0 && bytes < freeBytes / 2; bytes += length) {
      length = (await file.read(piece, 0, PIECE_BYTES, bytes)).bytesRead;
    }
  } catch {
    // A disk that cannot give a page is found by what reads that page, which names the record that is on it.
  }
  return { bytes, close: async () => file?.close() };
}
