import type { ReadIntent } from "../../ports/audit-trail-reader.ts";
import { MayflyError } from "../../core/errors.ts";

/** More than a process ever has requests under way. */
const MAX_IN_FLIGHT = 1_000_000;

/** The intents of the process whose records are being read, until their outcomes come. */
export class IntentsInFlight {
  readonly #bySerialNumber = new Map<string, ReadIntent>();

  /** Another process begins: what is under way in the one before gets no outcome any more. */
  clear(): void {
    this.#bySerialNumber.clear();
  }

  /** @throws MayflyError `internal` (AUDIT_FAILED) when there are more than there can be */
  add(intent: ReadIntent): void {
    this.#bySerialNumber.set(intent.serialNumber, intent);
    if (this.#bySerialNumber.size <= MAX_IN_FLIGHT) return;
    const { file, lineNumber } = intent;
    const detail = `line ${lineNumber} of the audit trail in ${file} is one of ${MAX_IN_FLIGHT} intents without an outcome`;
    throw new MayflyError("AUDIT_FAILED", detail);
  }

  /** The intent of a serial number, which is under way no more. */
  take(serialNumber: string): ReadIntent | undefined {
    const intent = this.#bySerialNumber.get(serialNumber);
    this.#bySerialNumber.delete(serialNumber);
    return intent;
  }
}
