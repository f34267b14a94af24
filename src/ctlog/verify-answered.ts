import { serialNumberOfTbs } from "../core/certificate/logged-tbs.ts";
import { decodeCtExtensions } from "../core/ct/ct-extensions.ts";
import { DerError } from "../core/encoding/der-reader.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import { TILE_WIDTH } from "../core/merkle/tile.ts";
import type { LogRecords } from "../ports/log-store.ts";
import { noteProblem, type OnProblem } from "../tlog/log-problem.ts";
import { decodePrecertEntry } from "./decode-precert-entry.ts";

/** A certificate that somebody was given, as far as it was written down. */
export interface AnsweredCertificate {
  /** Where it was written down, for problems. */
  readonly where: string;
  readonly logIndex: number;
  /** Lower-case hex, 40 digits. */
  readonly serialNumber: string;
}

/**
 * Checks that each certificate that was answered is in the log at its index, by its serial number. Certificates of
 * neighbouring indexes are read together.
 */
export async function verifyAnswered(
  records: LogRecords,
  answered: readonly AnsweredCertificate[],
  onProblem: OnProblem,
): Promise<void> {
  const byTile = Map.groupBy(answered, ({ logIndex }) => Math.floor(logIndex / TILE_WIDTH));
  for (const [tile, certificates] of byTile) {
    const first = tile * TILE_WIDTH;
    const entries = await noteProblem(`entries from ${first}`, onProblem, () =>
      records.entries(first, first + TILE_WIDTH),
    );
    if (entries === undefined) continue;
    const serialNumbers = new Map(entries.map(placeAndSerialNumber));
    for (const { where, logIndex, serialNumber } of certificates) {
      const logged = serialNumbers.get(logIndex);
      if (logged === serialNumber) continue;
      const but = logged === undefined ? "which the log does not have" : "which is of another certificate";
      onProblem({ where, what: `a caller was told of entry ${logIndex}, ${but}` });
    }
  }
}

/** Hex digits of a serial number as the trail writes it: 20 octets. */
const SERIAL_NUMBER_DIGITS = 40;

/** By the index that the entry itself names: where one is missing, the others stay in their places. */
function placeAndSerialNumber(stored: Uint8Array): [number | undefined, string] {
  try {
    const { timestampedEntry, signedEntry } = decodePrecertEntry(stored);
    const serialNumber = Buffer.from(serialNumberOfTbs(signedEntry.tbsCertificate)).toString("hex");
    return [decodeCtExtensions(timestampedEntry.extensions), serialNumber.padStart(SERIAL_NUMBER_DIGITS, "0")];
  } catch (error) {
    // What cannot be read is reported when the log itself is verified.
    if (error instanceof DerError || error instanceof MayflyError || error instanceof PresentationError) {
      return [undefined, ""];
    }
    throw error;
  }
}
