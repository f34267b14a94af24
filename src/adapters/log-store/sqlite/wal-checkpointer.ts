import type { DatabaseSync, StatementSync } from "node:sqlite";
import { MayflyError } from "../../../core/errors.ts";
import { requireRow } from "./row.ts";
import { isDiskFull } from "./sqlite-failure.ts";

/**
 * Above this much the WAL is copied back at once, so that it cannot grow without bound. A page that changed many times is
 * copied once: with 16 MiB the writer needs 3.5 µs more for each entry. A start after a crash reads all of it, in 0.1 s.
 */
const WAL_LIMIT_BYTES = 64 * 1_048_576;

/** What a frame has beside its page (SQLite file format §4.1). */
const FRAME_HEADER_BYTES = 24;

/** Copies the WAL back into the database when nobody waits for it, instead of inside some caller's COMMIT. */
export class WalCheckpointer {
  readonly #count: StatementSync;
  readonly #copy: StatementSync;
  readonly #limitFrames: number;

  constructor(database: DatabaseSync) {
    this.#count = database.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#copy = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    const pageBytes = requireRow(database.prepare("PRAGMA page_size")).integer("page_size");
    this.#limitFrames = WAL_LIMIT_BYTES / (pageBytes + FRAME_HEADER_BYTES);
  }

  /** Pages that are in the WAL only. */
  pendingFrames(): number {
    const row = requireRow(this.#count);
    return Math.max(0, row.integer("log") - row.integer("checkpointed"));
  }

  isOverdue(): boolean {
    return this.pendingFrames() > this.#limitFrames;
  }

  /**
   * Copies what no reader needs in the WAL any more. Waits for nobody; with no room on the disk, the WAL keeps it all
   * until a later run.
   *
   * @throws MayflyError `log_failed` (LOG_OUTCOME_UNKNOWN) when the disk refuses: its pages cannot be trusted any more
   */
  run(): void {
    if (this.pendingFrames() === 0) return;
    try {
      this.#copy.get();
    } catch (cause) {
      if (isDiskFull(cause)) return;
      throw new MayflyError("LOG_OUTCOME_UNKNOWN", "the WAL could not be copied into the database", { cause });
    }
  }
}
