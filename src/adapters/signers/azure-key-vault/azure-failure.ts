import { KeyFailure } from "../remote/key-failure.ts";
import type { KeyFailureKind } from "../remote/key-failure.ts";

/** An answer other than 200. */
export interface RefusedCall {
  readonly status: number;
  /** Parsed; undefined when it is no JSON. */
  readonly body: unknown;
  readonly header: (name: string) => string | undefined;
}

/** What a status means for a key version (https://learn.microsoft.com/azure/key-vault/general/rest-error-codes). */
const KINDS: ReadonlyMap<number, KeyFailureKind> = new Map<number, KeyFailureKind>([
  [401, "credentials"],
  [403, "denied"],
  [404, "key-unusable"],
  [408, "unavailable"],
  // The key, or its vault, is being changed or recovered.
  [409, "unavailable"],
  [429, "quota"],
]);

/** 403 is also the answer about a key that is not for use now, whoever asks. */
const UNUSABLE = /disabled|expired|not yet valid|not allowed|not permitted|deleted/iu;
const DENIED = /does not have|not authorized|Forbidden(?:By|Operation)|AccessDenied/iu;

/** The failure that the service's refusal is; its text is the service's. */
export function refusedCall({ status, body, header }: RefusedCall): KeyFailure {
  const { code, message, innererror } = membersOf(membersOf(body)["error"]);
  const words = [code, membersOf(innererror)["code"], message].filter((word) => typeof word === "string").join(": ");
  const text = words === "" ? `status ${status}` : `status ${status}: ${words}`;
  return new KeyFailure(kindOf(status, words), text, { retryAfterMs: retryAfterMs(header) });
}

function kindOf(status: number, words: string): KeyFailureKind {
  if (status === 403 && UNUSABLE.test(words) && !DENIED.test(words)) return "key-unusable";
  const kind = KINDS.get(status);
  if (kind !== undefined) return kind;
  if (status >= 500) return "unavailable";
  if (status >= 400) return "refused";
  return status < 300 ? "wrong-answer" : "unavailable";
}

/** The fields that Azure names a wait with, in milliseconds or in seconds (RFC 9110 §10.2.3). */
function retryAfterMs(header: RefusedCall["header"]): number | undefined {
  const [milliseconds, seconds] = [header("retry-after-ms") ?? "", header("retry-after") ?? ""];
  if (/^[0-9]{1,9}$/u.test(milliseconds)) return Number(milliseconds);
  return /^[0-9]{1,6}$/u.test(seconds) ? Number(seconds) * 1_000 : undefined;
}

/** The failure that an error of the library is, which has not come to an answer. */
export function azureFailure(error: unknown): KeyFailure {
  if (error instanceof KeyFailure) return error;
  const { name, code, message } = membersOf(error);
  const text = typeof message === "string" ? message : "";
  if (name === "RestError") {
    return code === "PARSE_ERROR"
      ? new KeyFailure("wrong-answer", "an answer that is not JSON")
      : new KeyFailure("unavailable", text === "" ? "the connection failed" : text);
  }
  // What the library refuses before it asks: a key whose attributes forbid it, and somebody else's challenge.
  if (/^Key .* (?:expired at|can't be used before)|^Operation .* is not supported on key/u.test(text)) {
    return new KeyFailure("key-unusable", text);
  }
  if (/challenge/iu.test(text)) {
    return new KeyFailure("wrong-answer", "the service asks for a token that is not for this vault");
  }
  return new KeyFailure("refused", `an unexpected ${typeof name === "string" ? name : typeof error}`);
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
