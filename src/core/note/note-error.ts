/**
 * A note, key or checkpoint is malformed, or a signature on it is wrong. Whose fault it is depends on where the note came
 * from, so it carries no code of its own.
 */
export class NoteError extends Error {
  override readonly name = "NoteError";
}
