import { MayflyError } from "../core/errors.ts";
import type { AuditTrail } from "../ports/audit-trail.ts";

/**
 * The trail, under watch: a file that failed once takes no line any more, so nothing can be issued until a new start
 * opens it again. A process that stayed would refuse every request and call itself ready. A queue that is full is no
 * failure: it empties.
 *
 * @param onFatal told of the first line that could not be written before the trail was closed
 */
export function endOnAuditFailure(audit: AuditTrail, onFatal: (error: MayflyError) => void): AuditTrail {
  let isWatched = true;
  const onFailure = (error: unknown): never => {
    if (isWatched && !isQueueFull(error)) {
      isWatched = false;
      const known = error instanceof MayflyError;
      onFatal(known ? error : new MayflyError("AUDIT_FAILED", "the audit trail failed", { cause: error }));
    }
    throw error;
  };
  return {
    append: (record) => audit.append(record).catch(onFailure),
    close: () => {
      // Work that goes on after the drain finds the trail closed; that is no failure.
      isWatched = false;
      return audit.close();
    },
  };
}

const isQueueFull = (error: unknown): boolean => error instanceof MayflyError && error.reason === "AUDIT_QUEUE_FULL";
