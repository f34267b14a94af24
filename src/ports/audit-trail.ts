import type { ErrorCode, Reason } from "../core/errors.ts";

/** Written before the CA's first signature for a serial number: whatever happens next, a trace exists. */
export interface AuditIntent {
  readonly kind: "intent";
  readonly timeMs: number;
  /** Lower-case hex, 40 digits. */
  readonly serialNumber: string;
  /** Lower-case hex SHA-256 of the precertificate's TBS. */
  readonly tbsSha256: string;
  readonly generation: number;
}

/** How one request ended, acknowledged before the caller hears of it. Never holds token, proof or key. */
export interface AuditOutcome {
  readonly kind: "outcome";
  readonly timeMs: number;
  readonly result: "issued" | "refused" | "failed";
  readonly generation: number;
  /** The issuer's URL, once the token was verified. */
  readonly issuer?: string;
  /** The pattern that trusts the issuer, where the configuration does not name it by its own URL. */
  readonly pattern?: string;
  /** The audience that the token was taken for: with `pattern` or `issuer` it tells the entry of the configuration. */
  readonly audience?: string;
  /** Name of the claim rule that allowed or denied the token; absent where none did. */
  readonly rule?: string;
  /** Lower-case hex SHA-256 of the configuration in force. */
  readonly configuration?: string;
  /** Set from the moment a serial number was drawn, unless its intent was refused: then nothing was signed under it. */
  readonly serialNumber?: string;
  /** Id of the log whose SCT an issued certificate carries, lower-case hex; set for each that is issued. */
  readonly logId?: string;
  readonly logIndex?: number;
  readonly code?: ErrorCode;
  readonly reason?: Reason;
  /** Internal message and causes of a refusal or failure. */
  readonly detail?: string;
}

/** Written when a configuration has come into force: at the start before any request, later right behind the change. */
export interface AuditConfiguration {
  readonly kind: "configuration";
  readonly timeMs: number;
  /** What intents and outcomes that were judged by it name. */
  readonly generation: number;
  /** Lower-case hex SHA-256 of it. */
  readonly configuration: string;
  /** Why it was read: the service starts, a file has changed, an operator said so by a signal. */
  readonly cause: "start" | "change" | "signal";
}

/** One line of the trail. */
export type AuditRecord = AuditIntent | AuditOutcome | AuditConfiguration;

/** Append-only, hash-chained record of what the CA did, and by what rules. Each process has a chain of its own. */
export interface AuditTrail {
  /**
   * Appends a record; resolves when the operating system has it. The outcome of a serial number and a configuration are
   * taken however many records wait.
   *
   * @throws MayflyError `internal` (AUDIT_FAILED): nothing may be delivered then; `overloaded` (AUDIT_QUEUE_FULL): too many
   *   records wait for this one to be taken, and it never will be
   */
  append(record: AuditRecord): Promise<void>;
  close(): Promise<void>;
}
