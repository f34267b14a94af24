import { describe, expect, it } from "@jest/globals";
import type { JsonValue } from "../../../../src/core/encoding/json-reader.ts";
import { derive, ISSUER, jsonObject, refusal } from "../../../support/derive.ts";

const RULES = { kind: "kubernetes" } as const;
const ONE = { kind: "number", text: "1" } as const;

const claimsOf = (namespace: string, name: string, sub = `system:serviceaccount:${namespace}:${name}`) => ({
  sub,
  "kubernetes.io": jsonObject({
    namespace,
    serviceaccount: jsonObject({ name, uid: "b59d6d72-1c1a-4d47-b5d2-a2b0f3a2ff6a" }),
    pod: jsonObject({ name: "web-0", uid: "8d7b1a4f" }),
  }),
});

describe("a Kubernetes token", () => {
  it.each([
    ["default", "builder"],
    ["n", "s"],
    ["kube-system", "build.er-1.x"],
    ["n".repeat(63), "s".repeat(253)],
    ["0", "1"],
  ])("[FC179] names the service account of namespace %s, and challenges with the subject", (namespace, name) => {
    const sub = `system:serviceaccount:${namespace}:${name}`;
    expect(derive(RULES, claimsOf(namespace, name))).toEqual({
      challenge: sub,
      challengeClaim: "sub",
      subjectAltName: { kind: "uri", value: `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${name}` },
      extensions: { issuer: ISSUER, tokenSubject: sub },
    });
  });

  it.each<[string, Record<string, JsonValue>, string]>([
    ["no claim of Kubernetes's", {}, "kubernetes.io"],
    [
      "no namespace",
      { "kubernetes.io": jsonObject({ serviceaccount: jsonObject({ name: "s" }) }) },
      "kubernetes.io.namespace",
    ],
    [
      "an empty namespace",
      { "kubernetes.io": jsonObject({ namespace: "", serviceaccount: jsonObject({ name: "s" }) }) },
      "kubernetes.io.namespace",
    ],
    ["no service account", { "kubernetes.io": jsonObject({ namespace: "n" }) }, "kubernetes.io.serviceaccount"],
    [
      "no name of it",
      { "kubernetes.io": jsonObject({ namespace: "n", serviceaccount: jsonObject({}) }) },
      "kubernetes.io.serviceaccount.name",
    ],
  ])("[G14] is refused with %s", (_name, claims, which) => {
    expect(refusal(RULES, { sub: "system:serviceaccount:n:s", ...claims })).toEqual({
      reason: "TOKEN_CLAIM_MISSING",
      message: `the token has no ${which} claim`,
    });
  });

  it.each<[string, JsonValue]>([
    ["a text", "x"],
    ["null", null],
    ["a list", [jsonObject({ namespace: "n" })]],
    ["a number", ONE],
    ["a text for the service account", jsonObject({ namespace: "n", serviceaccount: "s" })],
    ["a number for the namespace", jsonObject({ namespace: ONE, serviceaccount: jsonObject({ name: "s" }) })],
    ["a list for the name", jsonObject({ namespace: "n", serviceaccount: jsonObject({ name: ["s"] }) })],
  ])("[G14] is refused when its claim holds %s", (_name, value) => {
    const { reason } = refusal(RULES, { sub: "system:serviceaccount:n:s", "kubernetes.io": value });
    expect(reason).toBe("TOKEN_CLAIM_INVALID");
  });

  it.each([
    ["n/../x", "s"],
    ["n", "s/x"],
    ["n?x", "s"],
    ["n", "s#x"],
    ["..", "s"],
    ["n", ".."],
    ["n", "."],
    ["N", "s"],
    ["n", "S"],
    ["n_x", "s"],
    ["n.x", "s"],
    ["n", "s_x"],
    ["-n", "s"],
    ["n-", "s"],
    ["n", "-s"],
    ["n", "s-"],
    ["n", "s..t"],
    ["n", ".s"],
    ["n", "s."],
    ["n", "s.-t"],
    ["n".repeat(64), "s"],
    ["n", "s".repeat(254)],
    ["n x", "s"],
    ["n", "s%2f"],
    ["n:x", "s"],
    ["n\u00e9", "s"],
  ])("[G14] is refused for namespace %s and name %s, which Kubernetes does not give", (namespace, name) => {
    expect(refusal(RULES, claimsOf(namespace, name))).toMatchObject({ reason: "SAN_NOT_PERMITTED" });
  });

  it.each([
    "system:serviceaccount:other:s",
    "system:serviceaccount:n:other",
    "system:serviceaccount:n:s:x",
    "system:serviceaccount:n:S",
    "system:serviceaccount:n",
    "system:node:n",
    "n:s",
    "SYSTEM:serviceaccount:n:s",
    "xsystem:serviceaccount:n:s",
  ])("[G15] is refused with the subject %s, which is another account", (sub) => {
    expect(refusal(RULES, claimsOf("n", "s", sub))).toEqual({
      reason: "SAN_NOT_PERMITTED",
      message: "the sub claim is not the service account of the kubernetes.io claim",
    });
  });
});
