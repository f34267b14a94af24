import { MayflyError } from "../../core/errors.ts";
import type { AuditRecord, AuditTrail } from "../../ports/audit-trail.ts";

/** How many records are kept; older ones are forgotten. */
const MAX_RECORDS = 10_000;

/** An audit trail that is gone with its process. */
export interface MemoryAuditTrail extends AuditTrail {
  /** The newest records, oldest first. */
  readonly records: readonly AuditRecord[];
}

/** Audit trail for tests and throw-away instances: it proves nothing to anyone. */
export function createMemoryAuditTrail(): MemoryAuditTrail {
  const records: AuditRecord[] = [];
  let closed = false;
  return {
    records,
    append: (record) => {
      if (closed) return Promise.reject(new MayflyError("AUDIT_FAILED", "the audit trail is closed"));
      if (records.length === MAX_RECORDS) records.shift();
      records.push({ ...record });
      return Promise.resolve();
    },
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  };
}
