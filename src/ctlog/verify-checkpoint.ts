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
  verifyStoredTreeHead(checkpoint, manifest);
  refuseAsCorrupt(() => verifySignedNote(parseSignedNote(checkpoint.note), [checkpointVerifier(manifest)]));
}

/**
 * Verifies the tree head of a checkpoint as it was stored, whatever its Ed25519 line: the log's key signed it, and what is
 * remembered of it is what was signed.
 *
 * @throws MayflyError as {@link verifyCheckpoint}
 */
export function verifyStoredTreeHead(checkpoint: PublishedCheckpoint, manifest: LogManifest): void {
  const { origin } = manifest;
  const key = parseLogKey(manifest.logPublicKey);
  refuseAsCorrupt(() => {
    const note = parseSignedNote(checkpoint.note);
    verifySignedNote(note, [makeTreeHeadVerifier({ origin, key })]);
    const { size, root, timestampMs } = signedTreeHeadOfNote(note, { origin, key });
    const isRemembered = size === checkpoint.size && Buffer.compare(root, checkpoint.root) === 0;
    if (!isRemembered || timestampMs !== checkpoint.timestampMs) throw new NoteError("its note says something else");
  });
}

/**
 * Makes what verifies a log's checkpoints before they are shown, each once, however many ask for it.
 *
 * @returns throws as {@link verifyCheckpoint}
 */
export function makeCheckpointCheck(manifest: LogManifest): (checkpoint: PublishedCheckpoint) => void {
  let last: PublishedCheckpoint | undefined;
  return (checkpoint) => {
    if (last?.note === checkpoint.note && last.timestampMs === checkpoint.timestampMs) return;
    verifyCheckpoint(checkpoint, manifest);
    last = checkpoint;
  };
}

function refuseAsCorrupt(verify: () => void): void {
  try {
    verify();
  } catch (cause) {
    if (!(cause instanceof NoteError) && !(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", cause.message, { cause });
  }
}

function checkpointVerifier({ origin, checkpointPublicKey }: LogManifest): NoteVerifier {
  const publicKey = ed25519KeyOfSpki(checkpointPublicKey);
  return makeEd25519Verifier({ name: origin, type: SIGNATURE_TYPE.ed25519, publicKey });
}
