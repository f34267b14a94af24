import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { openProviderPack, providerFile, providerNames } from "../../../src/config/provider-pack.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import type { JsonValue } from "../../../src/core/encoding/json-reader.ts";
import { parseJson } from "../../../src/core/encoding/json-reader.ts";
import type { ErrorCode } from "../../../src/core/errors.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import type { IdentityRules } from "../../../src/core/identity/issuer.ts";
import type { Principal } from "../../../src/core/identity/principal.ts";
import { makeCa, makeTemplate } from "../../support/certificate-fixtures.ts";
import { derive } from "../../support/derive.ts";
import { rulesOf, samplesOf } from "../../support/provider-samples.ts";

const SEED = { seed: 20261123, numRuns: 1_000 };
const GOOD = makeTemplate(makeCa());

/** Codes of refusals that are the token's fault. */
const REFUSED: readonly ErrorCode[] = ["invalid_token", "policy_denied"];

/** Texts that grammars are sensitive to, alone and put together. */
const PIECES = [
  ...Array.from("ab0/.:@!#?%\\[]&=+~-_*'\"<>{}|^` ü€\u{1f680}\u00a0\u200b\u202e\u0301\u3000"),
  ...[
    "..",
    "//",
    "%2e",
    "%2F",
    "%5c",
    "%",
    "https://",
    "http:",
    "HTTPS:\\\\",
    "github.com",
    "gitlab.com",
    "evil.example",
  ],
  ...[
    "issuer.example",
    "@evil.example",
    ":8443",
    "[::1]",
    "true",
    "branch",
    "system:serviceaccount:a:b",
    "a@b.example",
  ],
  ...["xn--", "!", "spiffe://", "null", "{{ .a }}", "x".repeat(300), "é".repeat(200)],
];
const texts = fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }).map((pieces) => pieces.join(""));
const values: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: texts },
  { weight: 1, arbitrary: fc.constantFrom(true, false, null, 0, -1, 1e300, 1.5, [], ["a"], {}, { a: "b" }) },
);

const read = (value: unknown): JsonValue =>
  parseJson(Buffer.from(JSON.stringify(value)), { maxDepth: 8, maxMembers: 1_000 });

/** What becomes of a token: a template that can be signed, or a refusal that is the token's fault. */
function outcome(rules: IdentityRules, claims: Readonly<Record<string, unknown>>, url: string): Principal | undefined {
  try {
    const exact = Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, read(value)]));
    const principal = derive(rules, exact, url);
    lintTemplate({ ...GOOD, subjectAltName: principal.subjectAltName, extensions: principal.extensions });
    return principal;
  } catch (error) {
    if (error instanceof MayflyError && REFUSED.includes(error.code)) return undefined;
    throw error;
  }
}

describe("whatever the claims of a token say", () => {
  const packs = providerNames().map((name) => [name, openProviderPack(providerFile(name))] as const);

  it.each(packs)("%s makes a certificate of them that can be signed, or refuses the token", (_name, pack) => {
    const [sample] = samplesOf(pack);
    if (sample === undefined) throw new Error("a pack without samples");
    const rules = rulesOf(pack, sample.settings);
    const names = Object.keys(sample.claims);
    const changes = fc.dictionary(fc.constantFrom(...names), values, { minKeys: 1, maxKeys: 3 });
    let issued = 0;
    fc.assert(
      fc.property(changes, (change) => {
        const claims = { ...sample.claims, ...change };
        const principal = outcome(rules, claims, sample.issuer);
        if (principal?.subjectAltName.kind !== "uri") return;
        issued++;
        const { value } = principal.subjectAltName;
        const url = new URL(value);
        const usual = new URL(sample.certificate?.subjectAlternativeName ?? "");
        expect(url.origin).toBe(usual.origin);
        // A reader that resolves and escapes changes nothing.
        expect(url.href).toBe(value);
        expect(`${url.search}${url.hash}`).toBe("");
      }),
      SEED,
    );
    if (pack.kind === "templates") expect(issued).toBeGreaterThan(50);
  });

  const KINDS: readonly IdentityRules[] = [
    { kind: "email", emailTrust: "verified", acceptTextVerified: true, issuerClaim: ["federated", "connector"] },
    { kind: "email", emailTrust: "unverified" },
    { kind: "uri", subjectDomain: "https://issuer.example" },
    { kind: "username", subjectDomain: "issuer.example" },
    { kind: "spiffe", trustDomain: "issuer.example" },
    { kind: "kubernetes" },
    { kind: "chainguard" },
  ];
  const subjects = fc.oneof(
    texts,
    texts.map((text) => `https://issuer.example${text}`),
    texts.map((text) => `spiffe://issuer.example${text}`),
  );
  const claims = fc.record(
    {
      sub: subjects,
      email: fc.oneof(values, fc.constant("jane@b.example")),
      email_verified: values,
      federated: fc.oneof(values, fc.record({ connector: values })),
      "kubernetes.io": fc.record({ namespace: values, serviceaccount: fc.record({ name: values }) }),
      act: fc.oneof(values, fc.dictionary(texts, values, { maxKeys: 2 })),
    },
    { requiredKeys: [] },
  );

  it.each(KINDS.map((rules) => [rules.kind, rules] as const))("so does the kind %s", (_kind, rules) => {
    fc.assert(
      fc.property(claims, (one) => {
        const principal = outcome(rules, one, "https://issuer.example");
        if (principal?.subjectAltName.kind !== "uri" || rules.kind === "spiffe") return;
        const { host } = new URL(principal.subjectAltName.value);
        expect(host).toBe(rules.kind === "kubernetes" ? "kubernetes.io" : "issuer.example");
      }),
      SEED,
    );
  });
});
