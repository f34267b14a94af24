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
  ...[".", "..", "-", "@", "!", '"', " ", "%2e", "xn--", "é", "e\u0301", "😀", "ﬁ", "İ", "\u0000", "\u00a0"],
  // Not seen, though neither controls nor spaces; then marks that turn the text around.
  ...["\u00ad", "\u034f", "\u115f", "\u200b", "\u3164", "\ufe0f", "\ufeff", "\u{e0020}", "\u202e"],
  ...[63, 64, 65, 250].map((length) => "x".repeat(length)),
);

/** What is fine, with something odd in it more often than not. */
const spoiled = (fine: fc.Arbitrary<string>, what = odd): fc.Arbitrary<string> =>
  fc
    .tuple(fine, fc.oneof({ weight: 2, arbitrary: fc.constant("") }, { weight: 3, arbitrary: what }), fine)
    .map((parts) => parts.join(""));

const emails = (): fc.Arbitrary<NamedToken> => {
  const local = fc.oneof(
    spoiled(textOf("ab+!#$%&'*/=?^_`{|}~-", 4)),
    fc.integer({ min: 62, max: 66 }).map((length) => "x".repeat(length)),
  );
  const domain = fc
    .array(fc.oneof({ weight: 4, arbitrary: textOf("ab9-", 4) }, odd), { minLength: 1, maxLength: 3 })
    .map((labels) => [...labels, "com"].join("."));
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
    fc.oneof(spoiled(textOf("ab é東😀.-_'\\<", 5)), fc.string({ unit: "binary", maxLength: 4 })),
  );

/** The first far more often than the others. */
const mostly = (fine: string, ...others: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(fine) }, fc.constantFrom(...others));

const segments = (characters: string): fc.Arbitrary<string> =>
  fc.array(textOf(characters, 4), { maxLength: 3 }).map((all) => all.filter((one) => one !== "").join("/"));

const oddInPaths = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "/",
      "//",
      "/../",
      "/./",
      "/..",
      "/.",
      "../",
      "./",
      "%2e%2e",
      "%2E",
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
      "/?",
    ),
  },
  odd,
);

const paths = (): fc.Arbitrary<string> => spoiled(segments("abAZ09_~-!$&'()*+,;=:@"), oddInPaths);

const uris = (): fc.Arbitrary<NamedToken> => {
  const domain = "https://subjects.example.com:8443";
  const beginning = mostly(
    domain,
    "https://subjects.example.com",
    `${domain}0`,
    domain.toUpperCase(),
    `https://x@${domain.slice(8)}`,
  );
  return subjects(
    { kind: "uri", subjectDomain: domain },
    fc.tuple(beginning, mostly("/", "", "?", "#", "@"), paths()).map((parts) => parts.join("")),
  );
};

const workloads = (): fc.Arbitrary<NamedToken> =>
  subjects(
    { kind: "spiffe", trustDomain: "prod.example.org" },
    fc
      .tuple(
        mostly(
          "spiffe://prod.example.org",
          "spiffe://prod.example.org.",
          "SPIFFE://prod.example.org",
          "spiffe://x.prod.example.org",
        ),
        mostly("/", "", ":1/"),
        spoiled(segments("ab9_-"), oddInPaths),
      )
      .map((parts) => parts.join("")),
  );

const accounts = (): fc.Arbitrary<NamedToken> => {
  const name = fc.oneof(
    spoiled(textOf("ab9-", 4)),
    textOf("ab9-.", 5),
    fc.constantFrom("default", "a.b", "a..b", "a".repeat(254)),
  );
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
