import { parseLogKey } from "../core/ct/log-key.ts";
import { makeTreeHeadVerifier, signedTreeHeadOfNote } from "../core/ct/signed-tree-head.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import { NoteError } from "../core/note/note-error.ts";
import { parseSignedNote, verifySignedNote, type NoteVerifier } from "../core/note/signed-note.ts";
import { ed25519KeyOfSpki, makeEd25519Verifier, SIGNATURE_TYPE } from "../core/note/verifier-key.ts";
import type { LogManifest, PublishedCheckpoint } from "../ports/log-store.ts";

/**
 * Verifies a checkpoint of this log as it was stored: both keys of the manifest signed it, and what is remembered of it is
 * what they signed.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT, or LOG_WRONG_KEY when the manifest's keys are no keys)
 */
export function verifyCheckpoint(checkpoint: PublishedCheckpoint, manifest: LogManifest): void {
  const { origin } = manifest;
  const key = parseLogKey(manifest.logPublicKey);
  try {
    const note = parseSignedNote(checkpoint.note);
    // One by one: a note that only one of the two keys signed is not enough.
    for (const verifier of [makeTreeHeadVerifier({ origin, key }), checkpointVerifier(manifest)]) {
      verifySignedNote(note, [verifier]);
    }
    const { size, root, timestampMs } = signedTreeHeadOfNote(note, { origin, key });
    const isRemembered = size === checkpoint.size && Buffer.compare(root, checkpoint.root) === 0;
    if (!isRemembered || timestampMs !== checkpoint.timestampMs) throw new NoteError("its note says something else");
  } catch (cause) {
    if (!(cause instanceof NoteError) && !(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", cause.message, { cause });
  }
}

function checkpointVerifier({ origin, checkpointPublicKey }: LogManifest): NoteVerifier {
  const publicKey = ed25519KeyOfSpki(checkpointPublicKey);
  return makeEd25519Verifier({ name: origin, type: SIGNATURE_TYPE.ed25519, publicKey });
}
