import { KeyFailure } from "../remote/key-failure.ts";
import type { KeyFailureKind } from "../remote/key-failure.ts";

/** What a status of google.rpc.Code means for a key version (https://cloud.google.com/kms/docs/reference/rpc). */
const KINDS: ReadonlyMap<number, readonly [name: string, kind: KeyFailureKind]> = new Map([
  [1, ["CANCELLED", "unavailable"]],
  [2, ["UNKNOWN", "unavailable"]],
  [3, ["INVALID_ARGUMENT", "refused"]],
  [4, ["DEADLINE_EXCEEDED", "timeout"]],
  [5, ["NOT_FOUND", "key-unusable"]],
  [7, ["PERMISSION_DENIED", "denied"]],
  [8, ["RESOURCE_EXHAUSTED", "quota"]],
  // The version is disabled, destroyed, still generated, or of another purpose.
  [9, ["FAILED_PRECONDITION", "key-unusable"]],
  [10, ["ABORTED", "unavailable"]],
  [11, ["OUT_OF_RANGE", "refused"]],
  [12, ["UNIMPLEMENTED", "refused"]],
  [13, ["INTERNAL", "unavailable"]],
  [14, ["UNAVAILABLE", "unavailable"]],
  [15, ["DATA_LOSS", "wrong-answer"]],
  [16, ["UNAUTHENTICATED", "credentials"]],
] as const);

/** A request that was damaged on its way is refused for its checksum, and may arrive whole the next time. */
const DAMAGED_REQUEST = /crc32c|checksum/iu;

/** The failure that an error of a call is; its text is the service's. */
export function googleFailure(error: unknown): KeyFailure {
  const { code, details, statusDetails } = membersOf(error);
  const known = typeof code === "number" ? KINDS.get(code) : undefined;
  if (known === undefined) return new KeyFailure("refused", `an unexpected ${nameOf(error)}`);
  const [name, kind] = known;
  const told = typeof details === "string" ? details : "";
  return new KeyFailure(
    code === 3 && DAMAGED_REQUEST.test(told) ? "wrong-answer" : kind,
    told === "" ? name : `${name}: ${told}`,
    { retryAfterMs: retryAfterMs(statusDetails) },
  );
}

/** The time that a google.rpc.RetryInfo among the details names. */
function retryAfterMs(statusDetails: unknown): number | undefined {
  if (!Array.isArray(statusDetails)) return undefined;
  for (const detail of statusDetails) {
    const { retryDelay } = membersOf(detail);
    if (retryDelay === undefined || retryDelay === null) continue;
    const { seconds, nanos } = membersOf(retryDelay);
    const delayMs = numberOf(seconds) * 1_000 + numberOf(nanos) / 1_000_000;
    if (Number.isFinite(delayMs) && delayMs > 0) return delayMs;
  }
  return undefined;
}

/** A number of protobuf: int64 has forms of its own. */
const numberOf = (value: unknown): number => (value === undefined || value === null ? 0 : Number(value));

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

const nameOf = (error: unknown): string => (Error.isError(error) ? error.name : typeof error);
