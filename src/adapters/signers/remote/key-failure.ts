import { maskSecrets } from "../../../core/mask-secrets.ts";

/**
 * Why a key service gave nothing that can be used:
 *
 * - `timeout`, `unavailable`: no answer in time, or none at all; another attempt may succeed
 * - `quota`: it asks to be called less often
 * - `credentials`: it does not take them (any more); once renewed they may do
 * - `denied`: it knows who asks, and does not allow it
 * - `key-unusable`: the pinned version is disabled, destroyed, not there, or no key that Mayfly signs with
 * - `wrong-answer`: damaged, not by protocol, or about another key
 * - `refused`: it does not take the request; asked again it would say the same
 * - `invalid-signature`, `wrong-key`: found by comparison with the public key that was pinned when the key was opened
 * - `busy`: so many calls were under way that it was not asked; not its fault
 * - `closed`: nobody may ask any more
 */
export type KeyFailureKind =
  | "timeout"
  | "unavailable"
  | "quota"
  | "credentials"
  | "denied"
  | "key-unusable"
  | "wrong-answer"
  | "refused"
  | "invalid-signature"
  | "wrong-key"
  | "busy"
  | "closed";

/** What a {@link KeyFailure} may carry. */
export interface KeyFailureOptions {
  /** How long the service asks to be left alone, milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

const MAX_TEXT = 300;

/**
 * One attempt at a remote key that failed. The message is for operators and must hold no secret: it is written by the
 * adapter from a status, the service's name for the error and the names in the configuration. Other people's errors are
 * not kept as causes, because nobody knows what is in them.
 */
export class KeyFailure extends Error {
  override readonly name = "KeyFailure";
  readonly kind: KeyFailureKind;
  readonly retryAfterMs: number | undefined;

  constructor(kind: KeyFailureKind, message: string, { retryAfterMs }: KeyFailureOptions = {}) {
    super(serviceText(message));
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The failure that an error of an adapter is; one that is none of its own is a defect of ours, told by its name only. */
export function asKeyFailure(error: unknown): KeyFailure {
  if (error instanceof KeyFailure) return error;
  const name = Error.isError(error) ? error.name : typeof error;
  return new KeyFailure("refused", `an unexpected ${name}`);
}

/** Text of a service as it may stand in a log line: one line, printable, bounded, without tokens and private keys. */
export function serviceText(text: string): string {
  return maskSecrets(text.replaceAll(/[^\x21-\x7e]+/gu, " ").trim(), MAX_TEXT);
}
