import { describe, expect, it } from "@jest/globals";
import { isMendedAnew, tokenFailure } from "../../../../src/adapters/signers/pkcs11/token-failure.ts";

describe("what a module says", () => {
  it.each([
    ["CKR_PIN_INCORRECT", "denied", false],
    ["CKR_PIN_LOCKED", "denied", false],
    ["PIN_AT_RISK", "denied", false],
    ["CKR_SESSION_COUNT", "quota", false],
    ["CKR_MECHANISM_INVALID", "key-unusable", false],
    ["CKR_KEY_FUNCTION_NOT_PERMITTED", "key-unusable", false],
    ["NO_KEY", "key-unusable", false],
    ["SEVERAL_TOKENS", "key-unusable", false],
    ["CKR_DATA_LEN_RANGE", "refused", false],
    ["LOGIN_NEEDED", "unavailable", false],
    ["NO_TOKEN", "unavailable", true],
    ["CKR_DEVICE_REMOVED", "unavailable", true],
    ["CKR_TOKEN_NOT_PRESENT", "unavailable", true],
    ["CKR_SESSION_HANDLE_INVALID", "unavailable", true],
    ["CKR_KEY_HANDLE_INVALID", "unavailable", true],
    ["CKR_USER_NOT_LOGGED_IN", "unavailable", true],
    ["CKR_CRYPTOKI_NOT_INITIALIZED", "unavailable", true],
    ["toString", "unavailable", true],
  ])("as %s is %s, and a reason to begin anew: %s", (fault, kind, anew) => {
    expect(tokenFailure(fault).kind).toBe(kind);
    expect(isMendedAnew(fault)).toBe(anew);
  });
});
