import { describe, expect, it } from "@jest/globals";
import type { JsonValue } from "../../../../src/core/encoding/json-reader.ts";
import { derive, jsonObject, refusal } from "../../../support/derive.ts";

const RULES = { kind: "chainguard" } as const;
const ENFORCE = "https://issuer.enforce.dev";
const IDENTITY = "720909c9f5279097d847ad02a2f24ba8f59de36a/b6461e99e132298f";
const ONE = { kind: "number", text: "1" } as const;

describe("a token of Chainguard's", () => {
  it.each<[string, Record<string, JsonValue>, string, string]>([
    ["[FC212] a service principal", { internal: jsonObject({ "service-principal": "COSIGNED" }) }, IDENTITY, "sub"],
    [
      "[FC213] a person",
      { act: jsonObject({ iss: "https://auth.chainguard.dev/", sub: "google-oauth2|1" }) },
      IDENTITY,
      "sub",
    ],
    ["null where an actor may be", { act: null }, IDENTITY, "sub"],
    [
      "null in the actor and where a service may be",
      { act: jsonObject({ sub: null }), internal: null },
      IDENTITY,
      "sub",
    ],
    ["something else that is internal", { internal: jsonObject({ other: ONE }) }, IDENTITY, "sub"],
    ["[FC213] a person with an empty address", { email: "", email_verified: false }, IDENTITY, "sub"],
    [
      "[FC214] a person with a verified address",
      { act: jsonObject({ sub: "google-oauth2|1" }), email: "jane@example.com", email_verified: true },
      "jane@example.com",
      "email",
    ],
    [
      "[FC214] a person with an address that a text says is verified",
      { email: "jane@example.com", email_verified: "true" },
      "jane@example.com",
      "email",
    ],
  ])("%s: the name is the subject below the issuer", (_name, claims, challenge, challengeClaim) => {
    expect(derive(RULES, { sub: IDENTITY, ...claims }, ENFORCE)).toEqual({
      challenge,
      challengeClaim,
      subjectAltName: { kind: "uri", value: `${ENFORCE}/${IDENTITY}` },
      extensions: { issuer: ENFORCE, tokenSubject: IDENTITY },
    });
  });

  it("does not double the slash at the end of an issuer", () => {
    const { subjectAltName } = derive(RULES, { sub: IDENTITY }, `${ENFORCE}/`);
    expect(subjectAltName.value).toBe(`${ENFORCE}/${IDENTITY}`);
  });

  it.each<[string, Record<string, JsonValue>, string]>([
    ["an address that is not verified", { email: "jane@example.com", email_verified: false }, "TOKEN_EMAIL_UNVERIFIED"],
    ["an address of which nothing is said", { email: "jane@example.com" }, "TOKEN_EMAIL_UNVERIFIED"],
    [
      "an address that is verified by a 1",
      { email: "jane@example.com", email_verified: ONE },
      "TOKEN_EMAIL_UNVERIFIED",
    ],
    ["an address that is none", { email: "jane", email_verified: true }, "TOKEN_EMAIL_INVALID"],
    ["a list for an address", { email: ["jane@example.com"], email_verified: true }, "TOKEN_EMAIL_INVALID"],
    ["a text for the actor", { act: "jane" }, "TOKEN_CLAIM_INVALID"],
    ["a list for the actor", { act: ["jane"] }, "TOKEN_CLAIM_INVALID"],
    ["a text for what is internal", { internal: "COSIGNED" }, "TOKEN_CLAIM_INVALID"],
    ["a number for the service", { internal: jsonObject({ "service-principal": ONE }) }, "TOKEN_CLAIM_INVALID"],
    ["an actor with an actor", { act: jsonObject({ act: jsonObject({ sub: "x" }) }) }, "TOKEN_CLAIM_INVALID"],
    ["an actor with a number", { act: jsonObject({ sub: ONE }) }, "TOKEN_CLAIM_INVALID"],
    ["a subject that leaves its place", { sub: "../x" }, "SAN_NOT_PERMITTED"],
    ["a subject that is a path from the root", { sub: "/x" }, "SAN_NOT_PERMITTED"],
    ["a subject with an empty segment", { sub: "a//b" }, "SAN_NOT_PERMITTED"],
    ["a subject with a query", { sub: "a?b" }, "SAN_NOT_PERMITTED"],
    ["a subject with a hidden slash", { sub: "a%2fb" }, "SAN_NOT_PERMITTED"],
  ])("is refused with %s", (_name, claims, reason) => {
    expect(refusal(RULES, { sub: IDENTITY, ...claims }).reason).toBe(reason);
  });
});
