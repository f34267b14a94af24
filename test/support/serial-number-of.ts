import type { AuditRecord } from "../../src/ports/audit-trail.ts";

/** The serial number that a record of the audit trail is about. */
export const serialNumberOf = (record: AuditRecord): string | undefined =>
  record.kind === "configuration" ? undefined : record.serialNumber;
