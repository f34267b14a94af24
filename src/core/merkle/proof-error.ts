/**
 * An audit path or consistency proof does not prove what it was given for. Verification throws it instead of returning
 * false, so that a forgotten result cannot become trust; whose fault it is depends on where the proof came from, so it
 * carries no code of its own.
 */
export class ProofError extends Error {
  override readonly name = "ProofError";
}
