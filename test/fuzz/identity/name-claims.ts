import fc from "fast-check";
import { openProviderPack, providerFile, providerNames } from "../../../src/config/provider-pack.ts";
import type { IdentityRules } from "../../../src/core/identity/issuer.ts";
import { rulesOf, samplesOf } from "../../support/provider-samples.ts";

/** A token's claims, with the rules of its issuer. */
export interface NamedToken {
  readonly rules: IdentityRules;
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

const ISSUER = "https://issuer.example";

const textOf = (characters: string, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from(characters)), maxLength });

const odd = fc.constantFrom(
  "",
  ".",
  "..",
  "-",
  "@",
  "!",
  "\u00a0",
  "\u200b",
  "é",
  "e\u0301",
  "😀",
  "\u202e",
  "\u0000",
  "%2e",
  '"',
  " ",
  "ﬁ",
  "İ",
  "xn--",
  "x".repeat(63),
  "x".repeat(64),
  "y".repeat(250),
);

const joined = (part: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.oneof({ weight: 8, arbitrary: part }, odd), { maxLength }).map((parts) => parts.join(""));

const emails = (): fc.Arbitrary<NamedToken> => {
  const local = joined(textOf("ab.+!#$%&'*/=?^_`{|}~-", 4), 3);
  const domain = fc
    .array(joined(textOf("ab9-", 4), 1), { minLength: 1, maxLength: 4 })
    .map((labels) => labels.join("."));
  return fc
    .tuple(
      fc.oneof(local, fc.constant("signer")),
      fc.constantFrom("@", "@", "@", "@", "", "@@", "\u0040", "＠"),
      fc.oneof(domain, fc.constant("example.com")),
    )
    .map((parts) => ({
      rules: { kind: "email", emailTrust: "verified" },
      issuer: ISSUER,
      claims: { sub: "s", email: parts.join(""), email_verified: true },
    }));
};

const subjects = (rules: IdentityRules, sub: fc.Arbitrary<string>): fc.Arbitrary<NamedToken> =>
  sub.map((text) => ({ rules, issuer: ISSUER, claims: { sub: text } }));

const users = (): fc.Arbitrary<NamedToken> =>
  subjects(
    { kind: "username", subjectDomain: "users.example.com" },
    fc.oneof(joined(textOf("ab é東😀.-_'\\<", 5), 4), fc.string({ unit: "binary", maxLength: 4 })),
  );

const paths = (): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: textOf("abAZ09._~-!$&'()*+,;=:@", 4) },
        {
          weight: 2,
          arbitrary: fc.constantFrom(
            "/",
            "//",
            "/../",
            "/./",
            "%2e%2e",
            "%2F",
            "%5c",
            "%41",
            "%",
            "%zz",
            "?",
            "#",
            "\\",
            "[",
            "]",
            " ",
            "\t",
            "^",
            "|",
          ),
        },
        odd,
      ),
      { maxLength: 6 },
    )
    .map((parts) => parts.join(""));

const uris = (): fc.Arbitrary<NamedToken> => {
  const domain = "https://subjects.example.com:8443";
  const beginning = fc.constantFrom(
    domain,
    domain,
    domain,
    "https://subjects.example.com",
    `${domain}0`,
    domain.toUpperCase(),
    `https://x@subjects.example.com:8443`,
  );
  return subjects(
    { kind: "uri", subjectDomain: domain },
    fc.tuple(beginning, fc.constantFrom("/", "/", "/", "", "?", "#", "@"), paths()).map((parts) => parts.join("")),
  );
};

const workloads = (): fc.Arbitrary<NamedToken> =>
  subjects(
    { kind: "spiffe", trustDomain: "prod.example.org" },
    fc
      .tuple(
        fc.constantFrom(
          "spiffe://prod.example.org",
          "spiffe://prod.example.org",
          "spiffe://prod.example.org.",
          "SPIFFE://prod.example.org",
          "spiffe://x.prod.example.org",
          "spiffe://prod.example.org:1",
        ),
        fc.constantFrom("/", "/", ""),
        paths(),
      )
      .map((parts) => parts.join("")),
  );

const accounts = (): fc.Arbitrary<NamedToken> => {
  const name = fc.oneof(joined(textOf("ab9-.", 5), 2), fc.constantFrom("default", "a.b", "a..b", "a".repeat(254)));
  return fc.tuple(name, name, fc.constantFrom("", "", "", "x")).map(([namespace, account, more]) => ({
    rules: { kind: "kubernetes" },
    issuer: "https://kubernetes.default.svc",
    claims: {
      sub: `system:serviceaccount:${namespace}:${account}${more}`,
      "kubernetes.io": { namespace, serviceaccount: { name: account } },
    },
  }));
};

const customers = (): fc.Arbitrary<NamedToken> =>
  paths().map((sub) => ({ rules: { kind: "chainguard" }, issuer: "https://issuer.enforce.dev", claims: { sub } }));

/** Good tokens of the packs that have templates. */
const SAMPLES: readonly NamedToken[] = providerNames().flatMap((name) => {
  const opened = openProviderPack(providerFile(name));
  if (opened.kind !== "templates") return [];
  return samplesOf(opened).flatMap(({ certificate, settings, issuer, claims }) =>
    certificate === undefined ? [] : [{ rules: rulesOf(opened, settings), issuer, claims }],
  );
});

const jobs = (): fc.Arbitrary<NamedToken> => {
  const path = fc
    .tuple(fc.constantFrom("", "octo/repo/", "https://gitlab.com/a/b//", "gitlab.com/"), paths())
    .map((parts) => parts.join(""));
  const value = fc.oneof(
    { weight: 6, arbitrary: path },
    {
      weight: 2,
      arbitrary: fc.constantFrom<unknown>(
        0,
        -0,
        1e21,
        1.5,
        true,
        false,
        null,
        "",
        [],
        {},
        undefined,
        "a".repeat(1024),
        "ä".repeat(512),
        "/".repeat(40),
      ),
    },
  );
  return fc.constantFrom(...SAMPLES).chain((sample) => {
    const used =
      sample.rules.kind === "ci-provider" ? [...sample.rules.claims.keys(), ...sample.rules.settings.keys()] : [];
    return fc
      .array(fc.tuple(fc.constantFrom(...used, "sub"), value), { maxLength: 3 })
      .map((changed) => ({ ...sample, claims: { ...sample.claims, ...Object.fromEntries(changed) } }));
  });
};

/** Tokens of every kind of identity whose names are good, nearly so, or not at all. */
export function namedTokens(): fc.Arbitrary<NamedToken> {
  return fc.oneof(emails(), users(), uris(), workloads(), accounts(), customers(), { weight: 3, arbitrary: jobs() });
}
