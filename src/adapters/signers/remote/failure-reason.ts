import { MayflyError } from "../../../core/errors.ts";
import type { Reason } from "../../../core/errors.ts";
import type { KeyFailure, KeyFailureKind } from "./key-failure.ts";

const REASONS: Readonly<Record<KeyFailureKind, Reason>> = {
  timeout: "SIGNER_TIMEOUT",
  unavailable: "SIGNER_UNREACHABLE",
  quota: "SIGNER_QUOTA",
  credentials: "SIGNER_DENIED",
  denied: "SIGNER_DENIED",
  "key-unusable": "SIGNER_KEY_UNUSABLE",
  "wrong-answer": "SIGNER_ANSWER_INVALID",
  refused: "SIGNER_REFUSED",
  "invalid-signature": "SIGNATURE_INVALID",
  "wrong-key": "SIGNER_KEY_MISMATCH",
  busy: "SIGNER_BUSY",
  closed: "SIGNER_REFUSED",
};

/** The failure of a remote key as the rest of Mayfly knows it. */
export function toMayflyError(failure: KeyFailure, keyName: string): MayflyError {
  const { kind, message, retryAfterMs } = failure;
  return new MayflyError(
    REASONS[kind],
    `${keyName}: ${message}`,
    // Whatever a service asks for, callers come again within the minute.
    kind === "quota" && retryAfterMs !== undefined ? { retryAfterMs: Math.min(retryAfterMs, 60_000) } : {},
  );
}
