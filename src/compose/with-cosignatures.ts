import { parseSignedNote } from "../core/note/signed-note.ts";
import type { PublishedCheckpoint } from "../ports/log-store.ts";
import type { Witness } from "../ports/witness.ts";
import { CosignedCheckpoints } from "../tlog/witness/cosigned-checkpoints.ts";

/**
 * A published checkpoint with those lines of another one of exactly the same tree which witnesses have made, each verified.
 * The database has them only where witnesses come before publication.
 */
export function withCosignatures(
  published: PublishedCheckpoint,
  cosigned: PublishedCheckpoint,
  witnesses: readonly Witness[],
): PublishedCheckpoint {
  const { text } = parseSignedNote(published.note);
  const { text: cosignedText, signatures } = parseSignedNote(cosigned.note);
  if (text !== cosignedText) return published;
  const collected = new CosignedCheckpoints(1);
  for (const witness of witnesses) {
    const line = signatures.find((signature) => witness.hasCosigned(text, signature));
    if (line !== undefined) collected.add(published, witness.name, line);
  }
  return collected.complete(published);
}
