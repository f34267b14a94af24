import { describe, expect, it } from "@jest/globals";
import { buildCiProviderRules } from "../../../../src/core/identity/ci-provider.ts";
import type { CiProviderRules, ClaimPolicy } from "../../../../src/core/identity/ci-provider.ts";
import { derive, ISSUER, refusal } from "../../../support/derive.ts";

/** Rules whose names are fine, with one extension of this template; `a` and `b` may be missing. */
function withExtension(template: string): CiProviderRules {
  const claims = new Map<string, ClaimPolicy>([["job", { required: true }]]);
  for (const name of ["a", "b"]) if (template.includes(`.${name} `)) claims.set(name, { required: false, absent: "" });
  return buildCiProviderRules({
    provider: "ci",
    settings: new Map([["url", { kind: "text", text: "https://ci.example.com" }]]),
    claims,
    subjectAltName: "{{ .url }}/{{ .job }}",
    extensions: new Map([["build-signer-uri", template]]),
  });
}

const valueFor = (template: string, claims: Parameters<typeof derive>[1]): string | undefined =>
  derive(withExtension(template), { job: "j", ...claims }).extensions.buildSignerUri;
const reasonFor = (template: string, claims: Parameters<typeof derive>[1]): string =>
  refusal(withExtension(template), { job: "j", ...claims }).reason;

describe("a URL in an extension", () => {
  it.each([
    "https://evil.example",
    "HTTPS://evil.example",
    "Http://evil.example",
    " https://evil.example",
    "https:evil.example",
    "https:\\\\evil.example",
    "http:/evil.example",
    "https:////evil.example",
    `${ISSUER}@evil.example`,
    `${ISSUER}:8443`,
    ISSUER.toUpperCase(),
  ])("[G19] leads to no host that a claim chooses: %j", (a) => {
    for (const template of ["{{ .a }}/tree", "{{ .b }}{{ .a }}/tree"]) {
      expect(reasonFor(template, { a })).toBe("SAN_NOT_PERMITTED");
    }
  });

  it.each([ISSUER, "https://ci.example.com"])("may lead to %s, which is the issuer's or configured", (a) => {
    expect(valueFor("{{ .a }}/tree", { a })).toBe(`${a}/tree`);
  });

  it.each(["github.com/octo/repo", "git@github.com:octo/repo", "httpsx://a", "a https://evil.example"])(
    "is not what a reader would not take for one: %j",
    (a) => {
      expect(valueFor("{{ .a }}/tree", { a })).toBe(`${a}/tree`);
    },
  );

  it.each(["{{ .url }}/x/{{ .a }}#{{ .job }}", "{{ .url }}/x/{{ .a }}?job={{ .job }}", "{{ .url }}/x/{{ .a }}/y"])(
    "[G19] has no dot segments in %s",
    (template) => {
      for (const a of [".", ".."]) expect(reasonFor(template, { a })).toBe("SAN_NOT_PERMITTED");
      expect(valueFor(template, { a: "..." })).toContain("/x/...");
    },
  );

  it.each([
    ["{{ .url }}/{{ .a }}{{ .b }}", { a: "x" }, "https://ci.example.com/x"],
    ["{{ .url }}/{{ .a }}{{ .b }}/y", { b: "x" }, "https://ci.example.com/x/y"],
    ["{{ .url }}/x-{{ .a }}", {}, "https://ci.example.com/x-"],
    ["{{ .url }}/{{ .a }}-x", {}, "https://ci.example.com/-x"],
    ["{{ .url }}/x{{ .a }}#y", {}, "https://ci.example.com/x#y"],
  ])("may have an empty claim inside a segment: %s", (template, claims, text) => {
    expect(valueFor(template, claims)).toBe(text);
  });

  it.each([
    "{{ .url }}/{{ .a }}",
    "{{ .url }}/{{ .a }}/x",
    "{{ .url }}/{{ .a }}{{ .b }}",
    "{{ .url }}/x/{{ .a }}{{ .b }}/y",
    "{{ .url }}/{{ .a }}#x",
    "{{ .url }}/{{ .a }}?x",
  ])("[G19] has no segment that an empty claim leaves empty: %s", (template) => {
    expect(reasonFor(template, {})).toBe("SAN_NOT_PERMITTED");
  });
});
