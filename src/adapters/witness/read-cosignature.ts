import { decodeCosignature } from "../../core/note/cosignature.ts";
import { NoteError } from "../../core/note/note-error.ts";
import { parseSignedNote, verifySignedNote } from "../../core/note/signed-note.ts";
import type { NoteSignature, NoteVerifier } from "../../core/note/signed-note.ts";

/** A verified cosignature, and when it says it was made. */
export interface ReadCosignature {
  readonly cosignature: NoteSignature;
  /** Seconds since the Unix epoch. */
  readonly timestampSeconds: number;
}

/** A cosignature is made when it is asked for: what is further from our clock was made for somebody else, or by a broken one. */
const MAX_CLOCK_DIFFERENCE_SECONDS = 600;

/**
 * Finds the newest cosignature by one key among the signature lines that a witness answered (C2SP tlog-witness); those by
 * keys that are not known are ignored.
 *
 * @param text of the checkpoint that was shown
 * @param lines the body of the answer
 * @param nowSeconds our clock
 * @throws NoteError when there is none, one is wrong, its time cannot be, or the lines are malformed
 */
export function readCosignature(
  text: string,
  lines: Uint8Array,
  { verifier, nowSeconds }: { readonly verifier: NoteVerifier; readonly nowSeconds: number },
): ReadCosignature {
  const note = parseSignedNote(Buffer.concat([Buffer.from(`${text}\n`), lines]));
  // An empty line among the signatures would have moved what comes before it into the text.
  if (note.text !== text) throw new NoteError("more than signature lines");
  const [newest] = verifySignedNote(note, [verifier])
    .map((cosignature) => ({ cosignature, ...decodeCosignature(cosignature.signature) }))
    .sort((a, b) => b.timestampSeconds - a.timestampSeconds);
  if (newest === undefined) throw new NoteError("no cosignature");
  const { cosignature, timestampSeconds } = newest;
  if (Math.abs(timestampSeconds - nowSeconds) > MAX_CLOCK_DIFFERENCE_SECONDS) {
    throw new NoteError(`a cosignature made ${Math.round(nowSeconds - timestampSeconds)} s ago by its own clock`);
  }
  return { cosignature, timestampSeconds };
}
