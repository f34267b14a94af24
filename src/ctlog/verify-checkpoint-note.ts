import { parseLogKey } from "../core/ct/log-key.ts";
import { signedTreeHeadOfNote } from "../core/ct/signed-tree-head.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import { NoteError } from "../core/note/note-error.ts";
import { parseSignedNote } from "../core/note/signed-note.ts";
import type { LogManifest, PublishedCheckpoint } from "../ports/log-store.ts";
import { verifyCheckpoint } from "./verify-checkpoint.ts";

/**
 * Reads a checkpoint of this log from outside its store, a signed note (C2SP static-ct-api), which both keys of the
 * manifest must have signed.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when it is none of this log
 */
export function verifyCheckpointNote(bytes: Uint8Array, manifest: LogManifest): PublishedCheckpoint {
  const checkpoint = checkpointOfNote(bytes, manifest);
  verifyCheckpoint(checkpoint, manifest);
  return checkpoint;
}

function checkpointOfNote(bytes: Uint8Array, { origin, logPublicKey }: LogManifest): PublishedCheckpoint {
  const key = parseLogKey(logPublicKey);
  try {
    const { size, root, timestampMs } = signedTreeHeadOfNote(parseSignedNote(bytes), { origin, key });
    return { size, root, timestampMs, note: Buffer.from(bytes).toString() };
  } catch (cause) {
    if (!(cause instanceof NoteError) && !(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", cause.message, { cause });
  }
}
