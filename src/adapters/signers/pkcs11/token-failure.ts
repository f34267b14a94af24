import { KeyFailure } from "../remote/key-failure.ts";
import type { KeyFailureKind } from "../remote/key-failure.ts";
import type { TokenFault } from "./token-calls.ts";

/** What our own faults mean. */
const FAULTS: Readonly<Record<TokenFault, readonly [KeyFailureKind, string]>> = {
  MODULE_NOT_LOADED: ["unavailable", "the module cannot be loaded"],
  NO_TOKEN: ["unavailable", "no token fits"],
  SEVERAL_TOKENS: ["key-unusable", "several tokens fit"],
  NO_KEY: ["key-unusable", "no private key fits"],
  SEVERAL_KEYS: ["key-unusable", "several keys fit"],
  NO_PUBLIC_KEY: ["key-unusable", "the private key has no public key object with its CKA_ID beside it"],
  LOGIN_NEEDED: ["unavailable", "the login was lost again"],
  PIN_AT_RISK: [
    "denied",
    "a wrong PIN was given to the token since its last login, or it is locked; log in once with another tool, which resets that",
  ],
};

/** What the module's own names mean (PKCS #11 v2.40, §5.1); the others may be mended by beginning anew. */
const KINDS: ReadonlyMap<string, KeyFailureKind> = new Map<string, KeyFailureKind>([
  ["CKR_PIN_INCORRECT", "denied"],
  ["CKR_PIN_INVALID", "denied"],
  ["CKR_PIN_LEN_RANGE", "denied"],
  ["CKR_PIN_EXPIRED", "denied"],
  ["CKR_PIN_LOCKED", "denied"],
  ["CKR_USER_PIN_NOT_INITIALIZED", "denied"],
  ["CKR_USER_ANOTHER_ALREADY_LOGGED_IN", "denied"],
  ["CKR_SESSION_COUNT", "quota"],
  ["CKR_KEY_FUNCTION_NOT_PERMITTED", "key-unusable"],
  ["CKR_KEY_TYPE_INCONSISTENT", "key-unusable"],
  ["CKR_KEY_SIZE_RANGE", "key-unusable"],
  ["CKR_MECHANISM_INVALID", "key-unusable"],
  ["CKR_MECHANISM_PARAM_INVALID", "refused"],
  ["CKR_ARGUMENTS_BAD", "refused"],
  ["CKR_DATA_INVALID", "refused"],
  ["CKR_DATA_LEN_RANGE", "refused"],
  ["CKR_FUNCTION_NOT_SUPPORTED", "refused"],
]);

/**
 * Whether the module is better begun anew. Sessions, logins, slots and objects hang together in ways that differ from module to
 * module; from nothing, every one of them finds what is there.
 */
export const isMendedAnew = (fault: string): boolean =>
  fault !== "LOGIN_NEEDED" && tokenFailure(fault).kind === "unavailable";

/** The failure that a fault is; what is not known may pass. */
export function tokenFailure(fault: string): KeyFailure {
  const own = Object.hasOwn(FAULTS, fault) ? FAULTS[fault as TokenFault] : undefined;
  if (own !== undefined) return new KeyFailure(...own);
  return new KeyFailure(KINDS.get(fault) ?? "unavailable", fault);
}
