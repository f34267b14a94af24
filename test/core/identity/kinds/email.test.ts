import { describe, expect, it } from "@jest/globals";
import type { JsonValue } from "../../../../src/core/encoding/json-reader.ts";
import type { EmailRules } from "../../../../src/core/identity/issuer.ts";
import { derive, ISSUER, jsonObject, refusal } from "../../../support/derive.ts";

const rules = (more: Partial<EmailRules>): EmailRules => ({ kind: "email", emailTrust: "verified", ...more });
const ALICE = { email: "alice@example.com", email_verified: true } as const;

/** Everything that `email_verified` can be. */
const ONE = { kind: "number", text: "1" } as const;
const SAID: readonly (JsonValue | undefined)[] = [
  true,
  "true",
  "True",
  false,
  "false",
  "False",
  undefined,
  null,
  ONE,
  "TRUE",
  "",
  "yes",
  [true],
  jsonObject({}),
];

describe("what an issuer's word about an address is worth", () => {
  it.each<[string, Partial<EmailRules>, readonly (JsonValue | undefined)[]]>([
    ["verified", {}, [true]],
    ["verified, as a text too", { acceptTextVerified: true }, [true, "true", "True"]],
    ["tenant-pinned", { emailTrust: "tenant-pinned", domains: ["example.com"] }, [true, undefined]],
    [
      "tenant-pinned, as a text too",
      { emailTrust: "tenant-pinned", domains: ["example.com"], acceptTextVerified: true },
      [true, "true", "True", undefined],
    ],
    ["unverified", { emailTrust: "unverified" }, [true, "true", "True", false, "false", "False", undefined]],
  ])("%s: takes exactly what it says", (_name, more, taken) => {
    for (const email_verified of SAID) {
      const claims = { email: ALICE.email, email_verified };
      if (taken.includes(email_verified)) expect(derive(rules(more), claims).challenge).toBe(ALICE.email);
      else expect(refusal(rules(more), claims).reason).toBe("TOKEN_EMAIL_UNVERIFIED");
    }
  });

  it("forbidden: takes none, and does not look at the address", () => {
    for (const email_verified of SAID) {
      expect(refusal(rules({ emailTrust: "forbidden" }), { email: "x", email_verified })).toEqual({
        reason: "SAN_NOT_PERMITTED",
        message: "this issuer may not vouch for e-mail addresses",
      });
    }
  });
});

describe("the domains of an issuer", () => {
  const LIST = ["example.com", "*.corp.example.net", "xn--bcher-kva.example"];

  it.each([
    "alice@example.com",
    "alice@EXAMPLE.com",
    "alice@a.corp.example.net",
    "alice@b.a.Corp.Example.Net",
    "alice@xn--bcher-kva.example",
  ])("cover %s, which is named as it stands", (email) => {
    expect(derive(rules({ domains: LIST }), { ...ALICE, email }).subjectAltName).toEqual({
      kind: "email",
      value: email,
    });
  });

  it.each([
    "alice@sub.example.com",
    "alice@notexample.com",
    "alice@example.com.evil.example",
    "alice@corp.example.net",
    "alice@evilcorp.example.net",
    "alice@x-corp.example.net",
    "alice@example.net",
    "alice@com",
    "example.com@evil.example",
    "alice@*.corp.example.net",
  ])("do not cover %s", (email) => {
    const { reason } = refusal(rules({ domains: LIST }), { ...ALICE, email });
    expect(["EMAIL_DOMAIN_NOT_ALLOWED", "TOKEN_EMAIL_INVALID"]).toContain(reason);
    if (!/@(?:com|\*.*)$/u.test(email)) expect(reason).toBe("EMAIL_DOMAIN_NOT_ALLOWED");
  });

  it("do not say which address it was", () => {
    const { message } = refusal(rules({ domains: LIST }), { ...ALICE, email: "canary@evil.example" });
    expect(message).not.toContain("canary");
    expect(message).not.toContain("evil");
  });

  it("are asked only of an address that is verified", () => {
    const claims = { email: "alice@evil.example", email_verified: false };
    expect(refusal(rules({ domains: LIST }), claims).reason).toBe("TOKEN_EMAIL_UNVERIFIED");
  });
});

describe("an issuer from a claim", () => {
  const from = rules({ issuerClaim: ["federated_claims", "connector_id"] });
  const federated = (connector_id: JsonValue): Record<string, JsonValue> => ({
    ...ALICE,
    federated_claims: jsonObject({ connector_id }),
  });

  it("[FC146] [FC157] is named by the certificate instead of the token's own", () => {
    const { extensions, subjectAltName } = derive(from, federated("https://accounts.google.com"));
    expect(extensions).toEqual({ issuer: "https://accounts.google.com", tokenSubject: "the-subject" });
    expect(subjectAltName.value).toBe(ALICE.email);
    const flat = derive(rules({ issuerClaim: ["other_issuer"] }), { ...ALICE, other_issuer: "https://other.example" });
    expect(flat.extensions.issuer).toBe("https://other.example");
  });

  it("[FC157] is the token's own where no claim is configured", () => {
    expect(derive(rules({}), federated("https://accounts.google.com")).extensions.issuer).toBe(ISSUER);
  });

  it.each<[string, Record<string, JsonValue>, string, string]>([
    ["there is no such object", ALICE, "TOKEN_CLAIM_MISSING", "federated_claims"],
    [
      "the object has no such member",
      { ...ALICE, federated_claims: jsonObject({}) },
      "TOKEN_CLAIM_MISSING",
      "federated_claims.connector_id",
    ],
    [
      "a text stands in the object's place",
      { ...ALICE, federated_claims: "x" },
      "TOKEN_CLAIM_INVALID",
      "not an object",
    ],
    [
      "a list stands in the object's place",
      { ...ALICE, federated_claims: ["x"] },
      "TOKEN_CLAIM_INVALID",
      "not an object",
    ],
    ["null stands in the object's place", { ...ALICE, federated_claims: null }, "TOKEN_CLAIM_INVALID", "not an object"],
    [
      "a number stands in the object's place",
      { ...ALICE, federated_claims: ONE },
      "TOKEN_CLAIM_INVALID",
      "not an object",
    ],
    ["it is empty", federated(""), "TOKEN_CLAIM_MISSING", "federated_claims.connector_id"],
    ["it is a number", federated(ONE), "TOKEN_CLAIM_INVALID", "not a string"],
    ["it is true", federated(true), "TOKEN_CLAIM_INVALID", "not a string"],
    ["it is null", federated(null), "TOKEN_CLAIM_INVALID", "not a string"],
    ["it is a list", federated(["x"]), "TOKEN_CLAIM_INVALID", "not a string"],
    ["it is an object", federated(jsonObject({ a: "b" })), "TOKEN_CLAIM_INVALID", "not a string"],
    ["it has a line break", federated("https://a\n"), "TOKEN_CLAIM_INVALID", "control character"],
    ["it is longer than 1,024 bytes", federated("x".repeat(1_025)), "TOKEN_CLAIM_INVALID", "longer than"],
  ])("[FC148] [FC157] is refused when %s", (_name, claims, reason, says) => {
    const refused = refusal(from, claims);
    expect(refused.reason).toBe(reason);
    expect(refused.message).toContain(says);
  });

  it("is not looked for in what an object inherits", () => {
    const inherited = rules({ issuerClaim: ["__proto__", "constructor"] });
    expect(refusal(inherited, ALICE).reason).toBe("TOKEN_CLAIM_MISSING");
    expect(refusal(rules({ issuerClaim: ["constructor"] }), ALICE).reason).toBe("TOKEN_CLAIM_MISSING");
  });
});
