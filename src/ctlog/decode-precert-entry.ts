import type { SignedEntry } from "../core/ct/log-entry.ts";
import { decodeTileLeaf, type TileLeaf } from "../core/ct/static-entry.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";

/** An entry of this log: it never logs anything but precertificates. */
export interface PrecertEntry extends TileLeaf {
  readonly signedEntry: Extract<SignedEntry, { readonly kind: "precert_entry" }>;
  readonly preCertificate: Uint8Array;
}

/**
 * Reads the stored bytes of an entry of this log.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when they are no TileLeaf of a precertificate (C2SP static-ct-api)
 */
export function decodePrecertEntry(stored: Uint8Array): PrecertEntry {
  const leaf = decodeLeaf(stored);
  const { signedEntry } = leaf.timestampedEntry;
  if (signedEntry.kind !== "precert_entry" || leaf.preCertificate === undefined) {
    throw new MayflyError("LOG_CORRUPT", "is no precertificate");
  }
  return { ...leaf, signedEntry, preCertificate: leaf.preCertificate };
}

function decodeLeaf(stored: Uint8Array): TileLeaf {
  try {
    return decodeTileLeaf(stored);
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "is no entry of a certificate log", { cause });
  }
}
