import { describe, expect, it } from "@jest/globals";
import { derive, ISSUER, refusal } from "../../../support/derive.ts";
import { REFUSED_SUBJECT_URIS } from "../../../support/refused-subjects.ts";

const RULES = { kind: "uri", subjectDomain: "https://example.com" } as const;

describe("a uri token", () => {
  it.each([
    "https://example.com",
    "https://example.com/",
    "https://example.com/users/1",
    "https://example.com/users/1/",
    "https://example.com/a:b@c;d=e,f!$&'()*+",
    "https://example.com/%C3%BC",
    "https://example.com/.well-known/...",
    "https://example.com/u?id=1&x=/../y",
    "https://example.com?id=1",
  ])("names %s as it stands, and challenges with it", (sub) => {
    expect(derive(RULES, { sub })).toEqual({
      challenge: sub,
      challengeClaim: "sub",
      subjectAltName: { kind: "uri", value: sub },
      extensions: { issuer: ISSUER, tokenSubject: sub },
    });
  });

  it("may have the port that is configured, and no other", () => {
    const withPort = { kind: "uri", subjectDomain: "https://example.com:8443" } as const;
    expect(derive(withPort, { sub: "https://example.com:8443/u" }).challenge).toBe("https://example.com:8443/u");
    for (const sub of ["https://example.com/u", "https://example.com:84433/u", "https://example.com:8444/u"]) {
      expect(refusal(withPort, { sub }).reason).toBe("SAN_NOT_PERMITTED");
    }
  });

  it.each(REFUSED_SUBJECT_URIS)("%s is refused: %s", (_row, sub) => {
    const { reason, message } = refusal(RULES, { sub });
    expect(reason).toBe("SAN_NOT_PERMITTED");
    expect(message).not.toContain(sub === "" ? "\0" : sub);
  });
});
