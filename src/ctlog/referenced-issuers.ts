import { viewTileLeaf } from "../core/ct/tile-leaf-view.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { entryAt, type EntryPart } from "../tlog/entry-part.ts";

const FINGERPRINT_LENGTH = 32;
const NO_FINGERPRINTS = new Uint8Array(0);

/** Fingerprints in the chains of a part's entries (C2SP static-ct-api), each of them once, as copies. */
export function referencedIssuers(part: EntryPart): readonly Uint8Array[] {
  const byName = new Map<string, Uint8Array>();
  let last: Uint8Array = NO_FINGERPRINTS;
  for (let at = 0; at < part.ends.length; at++) {
    const fingerprints = fingerprintsOf(entryAt(part, at));
    // Most entries have the chain of the one before.
    if (Buffer.compare(fingerprints, last) === 0) continue;
    last = fingerprints;
    for (let start = 0; start < fingerprints.length; start += FINGERPRINT_LENGTH) {
      const fingerprint = fingerprints.slice(start, start + FINGERPRINT_LENGTH);
      byName.set(Buffer.from(fingerprint).toString("hex"), fingerprint);
    }
  }
  return [...byName.values()];
}

/** Of an entry that cannot be read nothing is needed: it is reported when it is judged. */
function fingerprintsOf(stored: Uint8Array | undefined): Uint8Array {
  if (stored === undefined) return NO_FINGERPRINTS;
  try {
    return viewTileLeaf(stored).fingerprints;
  } catch (error) {
    if (error instanceof PresentationError) return NO_FINGERPRINTS;
    throw error;
  }
}
