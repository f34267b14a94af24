import { describe, expect, it } from "@jest/globals";
import { parseConfig } from "../../src/config/load-config.ts";
import { unsafeOptions } from "../../src/config/rules.ts";
import { isSharedIssuer, sharedIssuerClaim } from "../../src/config/shared-issuers.ts";

const config = (...issuers: readonly string[]): string => `environment: development
dataDirectory: data
http: { listen: 127.0.0.1:5555 }
operations: { listen: 127.0.0.1:2112 }
ca: { signer: { kind: memory } }
log: { origin: example.com/log, store: { kind: memory }, signer: { kind: memory }, checkpointSigner: { kind: memory } }
issuers:
${issuers.map((issuer) => `  - ${issuer}\n`).join("")}`;
const entry = (url: string, more = ""): string => `{ url: "${url}", identity: { kind: email }${more} }`;
const load = (...issuers: readonly string[]) => parseConfig(config(...issuers), "c.yaml");
const A = "https://a.example.com";

describe("the issuers of a configuration", () => {
  it.each<[string, readonly string[], string]>([
    [
      "one twice for an audience",
      [entry(A), entry(A)],
      "c.yaml:9: issuers[1].url: this issuer is configured twice for this audience",
    ],
    [
      "one twice for an audience that is written once",
      [entry(A), entry(A, ", audience: sigstore")],
      "issuers[1].url: this issuer is configured twice for this audience",
    ],
    [
      "one that is reached in two ways",
      [entry(A), entry(A, ", audience: other, allowPrivateNetwork: true")],
      "issuers[1].allowPrivateNetwork: is another one for the audience sigstore of this issuer",
    ],
    [
      "one with certificate authorities for one audience alone",
      [entry(A, ", caCertificate: ca.pem"), entry(A, ", audience: other")],
      "issuers[1].caCertificate: is another one for the audience sigstore",
    ],
    [
      "two patterns with a URL in common",
      [entry("https://*.x.example.com/a"), entry("https://b.x.example.com/*")],
      "c.yaml:9: issuers[1].url: there are URLs that both https://b.x.example.com/* and https://*.x.example.com/a match",
    ],
    ["a pattern over http", [entry("http://*.x.example.com", ", allowInsecureHttp: true")], "issuers[0].url: "],
    [
      "a pattern on a private network",
      [entry("https://*.x.example.com", ", allowPrivateNetwork: true")],
      "issuers[0].allowPrivateNetwork: is for one issuer",
    ],
    [
      "a broad wildcard without a star",
      [entry(A, ", allowBroadWildcard: true")],
      "issuers[0].allowBroadWildcard: is for a pattern",
    ],
    ["a pattern in the last labels", [entry("https://*.com")], "allowBroadWildcard: true permits it all the same"],
    [
      "a pattern below a public suffix",
      [entry("https://*.co.uk/id")],
      "c.yaml:8: issuers[0].url: a star below a public suffix",
    ],
    ["a pattern below one, in a part of a label", [entry("https://bank-*.co.uk")], "a star below a public suffix"],
    ["a pattern of names that a platform gives away", [entry("https://*.github.io")], "a star below a public suffix"],
    ["a pattern below a suffix of stars", [entry("https://id.*.ck")], "a star in the last two labels"],
    ["a pattern in a capital suffix", [entry("https://*.CO.UK")], "a star below a public suffix"],
    [
      "a path that is shortened",
      [entry("https://a.example.com/x/../y")],
      "issuers[0].url: a path has no segments . and ..",
    ],
    ["a path that is shortened, escaped", [entry("https://a.example.com/%2E%2e")], "issuers[0].url: a path has no"],
    ["a pattern that is shortened", [entry("https://a.example.com/*/./y")], "issuers[0].url: a path has no"],
    [
      "one whose documents are on a path that is shortened",
      [entry(A, ", discoveryUrl: https://b.example.com/../x")],
      "issuers[0].discoveryUrl: a path has no",
    ],
    [
      "a number in a rule that YAML reads as another one",
      [entry(A, ", deny: [{ claims: { account: 0123 } }]")],
      "c.yaml:8: 0123 is the number 123 in YAML: write that, or quotes around a text",
    ],
    ["a version in a rule", [entry(A, ", deny: [{ claims: { version: 1.0 } }]")], "1.0 is the number 1 in YAML"],
    ["a digest in a rule", [entry(A, ", deny: [{ claims: { sha: 12e3 } }]")], "12e3 is the number 12000 in YAML"],
    ["a hexadecimal number in a rule", [entry(A, ", deny: [{ claims: { id: 0x1F } }]")], "0x1F is the number 31"],
    [
      "a number in a rule that no double holds",
      [entry(A, ", deny: [{ claims: { id: 12345678901234567891 } }]")],
      "12345678901234567891 is the number 12345678901234567000",
    ],
    [
      "a claim that would be passed over",
      [entry(A, ", deny: [{ claims: { a: b, __proto__: c } }]")],
      "c.yaml:8: no setting is called __proto__",
    ],
    [
      "a pattern of nothing but stars",
      [entry("https://*", ", allowBroadWildcard: true")],
      "issuers[0].url: a host of stars alone",
    ],
    [
      "two rules of one name",
      [entry(A, ", allow: [{ name: x, claims: { a: b } }], deny: [{ name: x, claims: { c: d } }]")],
      "issuers[0].deny: another rule of this issuer is called x",
    ],
    [
      "one that is not of the platform that it names",
      [`{ url: "${A}", identity: { kind: provider, provider: eks } }`],
      "c.yaml:8: issuers[0].identity.provider: eks is not for https://a.example.com, but for https://oidc.eks.*.amazonaws.com/id/*",
    ],
    [
      "everybody's of a platform",
      [`{ url: "https://oidc.eks.*.amazonaws.com/id/*", identity: { kind: provider, provider: eks } }`],
      "issuers[0].url: many organizations share this issuer",
    ],
    ["no rule at all", [entry(A, ", allow: []")], "issuers[0].allow"],
    [
      "a rule without claims",
      [entry(A, ", allow: [{ claims: {} }]")],
      "a rule without claims would hold for every token",
    ],
    ["a rule named like none", [entry(A, ", allow: [{ name: any, claims: { a: b } }]")], "issuers[0].allow"],
    [
      "a mistyped word in a rule",
      [entry(A, ", deny: [{ claim: { a: b } }]")],
      "issuers[0].deny[0].claim: unknown setting; did you mean claims?",
    ],
    [
      "a glob without a star",
      [entry(A, ", deny: [{ claims: { a: { glob: b } } }]")],
      "issuers[0].deny[0].claims.a: a glob has a star",
    ],
    [
      "a glob with two stars in the middle",
      [entry(A, ", deny: [{ claims: { a: { glob: a/**/b } } }]")],
      "issuers[0].deny[0].claims.a: ** stands at the end",
    ],
    [
      "a prefix without a slash",
      [entry(A, ", deny: [{ claims: { a: { prefix: org } } }]")],
      "claims.a: a prefix ends in a slash",
    ],
    ["a pointer that is none", [entry(A, ', deny: [{ claims: { "/a~2": b } }]')], "a JSON Pointer writes ~ as ~0"],
    [
      "a number that is none",
      [entry(A, ", deny: [{ claims: { a: 1.5 } }]")],
      "issuers[0].deny[0].claims.a: expected a text",
    ],
    [
      "a claim that is absent and not",
      [entry(A, ", deny: [{ claims: { a: { absent: false } } }]")],
      "issuers[0].deny[0].claims.a.absent: Invalid input: expected true",
    ],
  ])("may not be %s", (_what, issuers, says) => {
    expect(() => load(...issuers)).toThrow(says);
  });

  it("may be one for several audiences, with identities and rules of their own", () => {
    const { issuers } = load(
      entry(A, ", allow: [{ claims: { a: 1, b: true, c: [x, { prefix: y/ }] } }]"),
      `{ url: "${A}", audience: other, identity: { kind: github-actions, baseUrl: "https://ghe.example.com" } }`,
    );
    expect(issuers.map(({ url, audience, allow }) => ({ url, audience, allow }))).toEqual([
      { url: A, audience: "sigstore", allow: [{ claims: { a: "1", b: "true", c: ["x", { prefix: "y/" }] } }] },
      { url: A, audience: "other", allow: undefined },
    ]);
  });

  it("may be patterns that have no URL in common, and one that a pattern matches", () => {
    const urls = [
      "https://*.x.example.com",
      "https://*.x.example.com/",
      "https://*.y.example.com",
      "https://a.x.example.com",
    ];
    expect(load(...urls.map((url) => entry(url))).issuers.map(({ url }) => url)).toEqual(urls);
    for (const open of ["https://*.co.uk", "https://*.github.io"]) {
      expect(load(entry(open, ", allowBroadWildcard: true")).issuers).toHaveLength(1);
    }
    const below = ["https://*.example.co.uk", "https://*.pages.example.github.io", "https://*.cluster.local"];
    expect(load(...below.map((url) => entry(url))).issuers).toHaveLength(3);
    const broad = load(entry("https://kubernetes.*.svc", ", allowBroadWildcard: true"));
    expect(unsafeOptions(broad)).toContain("issuer-by-broad-wildcard");
    expect(unsafeOptions(load(entry(urls[0]!)))).not.toContain("issuer-by-broad-wildcard");
  });
});

describe("an issuer that many organizations share", () => {
  const SHARED = [
    ["https://accounts.google.com", "email"],
    ["https://token.actions.githubusercontent.com", "repository_owner"],
    ["https://gitlab.com", "namespace_path"],
    ["https://agent.buildkite.com", "organization_slug"],
    ["https://oidc.circleci.com", "oidc.circleci.com/project-id"],
    ["https://oidc.codefresh.io", "account_name"],
    ["https://eu-oidc.buddyusercontent.com", "workspace_domain"],
    ["https://token.actions.githubusercontent.com/*", "iss"],
    ["https://oidc.circleci.com/org/*", "iss"],
    ["https://oidc.eks.*.amazonaws.com/id/*", "iss"],
    ["https://oidc.eks.us-west-2.amazonaws.com/id/*", "iss"],
    ["https://*.oic.prod-aks.azure.com/*/*/", "iss"],
    ["https://oidc.prod-aks.azure.com/*", "iss"],
    ["https://container.googleapis.com/v1/projects/*/locations/*/clusters/*", "iss"],
    ["https://container.googleapis.com/v1/projects/a-*/locations/eu/clusters/*", "iss"],
    ["https://login.microsoftonline.com/*/v2.0", "tid"],
    ["https://*-oidc.buddyusercontent.com", "workspace_domain"],
    ["https://app.terraform.io", "terraform_organization_name"],
    ["https://token.actions.*.ghe.com", "iss"],
    ["https://api.bitbucket.org/2.0/workspaces/*/pipelines-config/identity/oidc", "iss"],
    ["https://vstoken.dev.azure.com/*", "iss"],
    ["https://*.auth0.com/", "iss"],
    ["https://*.eu.auth0.com/", "iss"],
    ["https://cognito-idp.eu-west-1.amazonaws.com/*", "iss"],
  ] as const;

  it.each(SHARED)("is not trusted without a word about whose tokens are taken: %s", (url, claim) => {
    const first = claim === "email" ? `allow: [{ claims: { email: { glob: "*@example.com" } } }]` : `${claim}: […]`;
    expect(() => load(entry(url))).toThrow(/^c\.yaml:8: issuers\[0\]\.url: many organizations share this issuer; /u);
    expect(() => load(entry(url))).toThrow(first);
    expect(() => load(entry(url, ", deny: [{ claims: { a: b } }]"))).toThrow("or allow: any for everybody's");
    expect(load(entry(url, ", allow: [{ claims: { a: b } }]")).issuers).toHaveLength(1);
  });

  it("is trusted for addresses of listed domains, where addresses tell whose tokens they are", () => {
    const google = "https://accounts.google.com";
    const ofDomains = (url: string): string => `{ url: "${url}", identity: { kind: email, domains: [example.com] } }`;
    expect(() => load(entry(google))).toThrow("taken, domains: [example.com] in its identity, or allow: [{ claims");
    const config = load(ofDomains(google));
    expect(config.issuers.map(({ allow }) => allow)).toEqual([undefined]);
    expect(unsafeOptions(config)).not.toContain("issuer-shared-without-rules");
    for (const url of ["https://login.microsoftonline.com/*/v2.0", "https://gitlab.com"]) {
      expect(() => load(ofDomains(url))).toThrow("many organizations share this issuer");
      expect(() => load(ofDomains(url))).not.toThrow("domains: ");
    }
  });

  it("is trusted as a whole when that is said, loudly", () => {
    expect(unsafeOptions(load(entry("https://gitlab.com", ", allow: any")))).toContain("issuer-shared-without-rules");
    expect(unsafeOptions(load(entry(A, ", allow: any")))).not.toContain("issuer-shared-without-rules");
  });

  it.each([
    "https://gitlab.example.com",
    "https://gitlab.com/",
    "https://token.actions.githubusercontent.com/our-enterprise",
    "https://oidc.circleci.com/org/9d5e2f3a",
    "https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6A2D30341",
    "https://container.googleapis.com/v1/projects/ours/locations/*/clusters/*",
    "https://*.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/*",
    "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
    "https://token.actions.octocorp.ghe.com",
    "https://api.bitbucket.org/2.0/workspaces/ours/pipelines-config/identity/oidc",
    "https://ours.eu.auth0.com/",
    "https://*.issuers.example.com/*",
  ])("is not %s", (url) => {
    expect([isSharedIssuer(url), sharedIssuerClaim(url)]).toEqual([false, undefined]);
    expect(load(entry(url)).issuers).toHaveLength(1);
  });
});
