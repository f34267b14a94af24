import { MayflyError } from "../core/errors.ts";
import { formatCheckpoint } from "../core/note/checkpoint.ts";
import { NoteError } from "../core/note/note-error.ts";
import { formatSignedNote, parseSignedNote, verifySignedNote } from "../core/note/signed-note.ts";
import type { NoteSignature, NoteVerifier } from "../core/note/signed-note.ts";
import type { PublishedCheckpoint } from "../ports/log-store.ts";
import type { CheckpointSigner, CheckpointToSign } from "./checkpoint-signer.ts";

/** A committed tree and the time to sign it with. */
export type CheckpointTree = Omit<CheckpointToSign, "text"> & { readonly origin: string };

/**
 * Signs a tree with every key, and verifies the signatures of those that are verified at once.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when a signature is wrong: memory or key cannot be trusted any more
 */
export async function signCheckpoint(
  { origin, size, root, timestampMs }: CheckpointTree,
  signers: readonly CheckpointSigner[],
): Promise<PublishedCheckpoint> {
  const text = formatCheckpoint({ origin, size, root, extensions: [] });
  const signatures = await Promise.all(
    signers.map(async (signer): Promise<NoteSignature> => {
      const signature = await signer.sign({ size, root, timestampMs, text });
      if (signer.isVerifiedAtOnce && !signer.verify(text, signature)) {
        throw new MayflyError("LOG_CORRUPT", `wrong signature by checkpoint key ${signer.name}`);
      }
      return { name: signer.name, keyId: signer.keyId, signature };
    }),
  );
  return { size, root, timestampMs, note: formatSignedNote({ text, signatures }) };
}

/**
 * Verifies the lines of every key, before a checkpoint is shown to somebody or becomes the last one.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when one is missing or wrong
 */
export function requireSigned({ note }: PublishedCheckpoint, keys: readonly NoteVerifier[]): void {
  const signed = parseSignedNote(note);
  for (const key of keys) {
    try {
      verifySignedNote(signed, [key]);
    } catch (cause) {
      if (!(cause instanceof NoteError)) throw cause;
      throw new MayflyError("LOG_CORRUPT", `wrong signature by checkpoint key ${key.name}`, { cause });
    }
  }
}
