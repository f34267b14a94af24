import { describe, expect, it } from "@jest/globals";
import { derive, ISSUER, refusal } from "../../../support/derive.ts";
import { REFUSED_SPIFFE_IDS } from "../../../support/refused-subjects.ts";

const RULES = { kind: "spiffe", trustDomain: "example.org" } as const;

describe("a SPIFFE token", () => {
  it.each([
    "spiffe://example.org",
    "spiffe://example.org/w",
    "spiffe://example.org/ns/prod/sa/Web_1.0-x",
    "spiffe://example.org/.../..x",
  ])("names %s and challenges with it", (sub) => {
    expect(derive(RULES, { sub })).toEqual({
      challenge: sub,
      challengeClaim: "sub",
      subjectAltName: { kind: "uri", value: sub },
      extensions: { issuer: ISSUER, tokenSubject: sub },
    });
  });

  it.each(REFUSED_SPIFFE_IDS)("%s is refused: %s", (_row, sub) => {
    expect(refusal(RULES, { sub })).toEqual({
      reason: "SAN_NOT_PERMITTED",
      message: "the sub claim is no SPIFFE ID of the issuer's trust domain",
    });
  });
});
