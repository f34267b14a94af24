/**
 * What was given of a Fulcio cannot be read: an unknown flag, a file that is no YAML. The message is one line and holds no
 * value that was given, for it may be a password.
 */
export class FulcioInputError extends Error {
  override readonly name = "FulcioInputError";
}
