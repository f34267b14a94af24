import { describe, expect, it } from "@jest/globals";
import { derive, ISSUER, refusal } from "../../../support/derive.ts";
import { REFUSED_USERNAMES } from "../../../support/refused-subjects.ts";

const RULES = { kind: "username", subjectDomain: "example.com" } as const;

describe("a username token", () => {
  it.each([
    "alice",
    "Alice",
    "a.b-c_d",
    "CORP\\alice",
    "alice smith",
    "am\u00e9lie",
    "\u6771\u4eac",
    "O'Neil",
    "\u{1f680}",
    "x".repeat(1_000),
  ])("names %s and the domain, and challenges with the name alone", (sub) => {
    expect(derive(RULES, { sub })).toEqual({
      challenge: sub,
      challengeClaim: "sub",
      subjectAltName: { kind: "username", value: `${sub}!example.com` },
      extensions: { issuer: ISSUER, tokenSubject: sub },
    });
  });

  it.each(REFUSED_USERNAMES)("%s is refused with %s", (_row, _what, sub) => {
    const { reason, message } = refusal(RULES, { sub });
    expect(reason).toBe("SAN_NOT_PERMITTED");
    expect(message).toBe("the sub claim is not a plain user name");
  });
});
