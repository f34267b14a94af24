import { describe, expect, it } from "@jest/globals";
import { findIdentityProblems } from "../../src/config/identity-rules.ts";
import { identitySchema } from "../../src/config/identity-schema.ts";
import type { IdentityInput } from "../../src/config/identity-schema.ts";
import { parseConfig } from "../../src/config/load-config.ts";

const ISSUER = "https://issuer.example.com";

/** Everything that is wrong with an identity, as `setting: what`. */
function problems(identity: unknown, url = ISSUER): readonly string[] {
  const parsed = identitySchema.safeParse(identity);
  const found = parsed.success ? findIdentityProblems(url, parsed.data) : parsed.error.issues;
  return found.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

const uri = (subjectDomain: string): IdentityInput => ({ kind: "uri", subjectDomain });
const username = (subjectDomain: string): IdentityInput => ({ kind: "username", subjectDomain });

describe("identities that an issuer can vouch for", () => {
  it.each<[string, IdentityInput, string]>([
    ["[FC91] SPIFFE IDs of a trust domain", { kind: "spiffe", trustDomain: "example.com" }, ISSUER],
    ["SPIFFE IDs with an underscore in the trust domain", { kind: "spiffe", trustDomain: "a_b.example" }, ISSUER],
    ["[FC95] [FC112] URIs of another host of the same owner", uri("https://other.example.com"), ISSUER],
    ["[FC109] URIs of the issuer's own host", uri("https://example.com"), "https://example.com"],
    ["[FC109] URIs of the issuer's own host of one label", uri("https://intern"), "https://intern"],
    ["[FC109] URIs of the issuer's own address", uri("https://192.0.2.1"), "https://192.0.2.1"],
    ["[FC110] URIs, the issuer below the domain", uri("https://example.com"), ISSUER],
    ["[FC111] URIs, the domain below the issuer", uri("https://users.example.com"), "https://example.com"],
    ["URIs with a port", uri("https://example.com:8443"), ISSUER],
    ["URIs, the issuer with a port and a path", uri("https://example.com"), "https://id.example.com:8443/realms/x"],
    ["URIs below a suffix of two labels", uri("https://a.co.uk"), "https://id.a.co.uk"],
    ["URIs of any host that a pattern matches below one owner", uri("https://example.com"), "https://*.example.com/x"],
    ["[FC101] [FC121] user names of another host of the same owner", username("other.example.com"), ISSUER],
    ["[FC118] user names of the issuer's own host", username("example.com"), "https://example.com"],
    ["[FC119] user names, the issuer below the domain", username("example.com"), ISSUER],
    ["[FC120] user names, the domain below the issuer", username("users.example.com"), "https://example.com"],
    ["addresses", { kind: "email" }, ISSUER],
    [
      "addresses of domains",
      { kind: "email", domains: ["example.com", "*.example.com", "a.co.uk", "x.github.io"] },
      ISSUER,
    ],
    ["addresses of a tenant", { kind: "email", emailTrust: "tenant-pinned", domains: ["example.com"] }, ISSUER],
    ["no addresses", { kind: "email", emailTrust: "forbidden" }, ISSUER],
    ["service accounts of clusters by a pattern", { kind: "kubernetes" }, "https://oidc.eks.*.amazonaws.com/id/*"],
  ])("%s", (_name, identity, url) => {
    expect(problems(identity, url)).toEqual([]);
  });

  it("takes a path of names as the claim of the issuer", () => {
    const identity = identitySchema.parse({ kind: "email", issuerClaim: "$.federated_claims.connector_id" });
    expect(identity).toMatchObject({ issuerClaim: ["federated_claims", "connector_id"] });
  });
});

describe("identities that are refused", () => {
  it.each<[string, unknown, string, string?]>([
    ["[FC92] [R7b] SPIFFE IDs without a trust domain", { kind: "spiffe" }, "trustDomain: "],
    [
      "[R7b] SPIFFE IDs of an empty trust domain",
      { kind: "spiffe", trustDomain: "" },
      "trustDomain: expected the name",
    ],
    [
      "[FC93] [J12] SPIFFE IDs of issuers by a pattern",
      { kind: "spiffe", trustDomain: "example.com" },
      "kind: SPIFFE IDs need an exact issuer",
      "https://*.example.com",
    ],
    [
      "[FC94] [R7b] a trust domain with a number sign",
      { kind: "spiffe", trustDomain: "invalid#domain" },
      "trustDomain: expected",
    ],
    [
      "[R7b] a trust domain with its scheme",
      { kind: "spiffe", trustDomain: "spiffe://a.example" },
      "trustDomain: expected",
    ],
    ["[R7b] a trust domain in capitals", { kind: "spiffe", trustDomain: "Example.com" }, "trustDomain: expected"],
    ["[R7b] a trust domain with a path", { kind: "spiffe", trustDomain: "example.com/x" }, "trustDomain: expected"],
    ["[R7b] a trust domain with an empty label", { kind: "spiffe", trustDomain: "a..b" }, "trustDomain: expected"],
    [
      "[R7b] a trust domain of 254 characters",
      { kind: "spiffe", trustDomain: `${"a.".repeat(126)}aa` },
      "trustDomain: expected",
    ],
    ["[FC96] [R7b] URIs without a domain", { kind: "uri" }, "subjectDomain: "],
    ["[FC97] [R7b] URIs of a domain without a scheme", uri("example.com"), "subjectDomain: expected a scheme"],
    [
      "[FC98] [R7b] URIs of an issuer without a scheme",
      uri("https://example.com"),
      "subject (https) and issuer () URI schemes do not match",
      "example.com",
    ],
    [
      "[FC99] [FC116] [R7b] URIs of another owner",
      uri("https://example.org.test"),
      "example.org.test and the issuer's issuer.example.com are not below one registered domain",
    ],
    [
      "[FC117] [R7b] URIs below another top-level domain",
      uri("https://example.org"),
      "not below one registered domain",
    ],
    [
      "[FC100] [FC113] [R7b] URIs of another scheme",
      uri("http://example.com"),
      "subject (http) and issuer (https) URI schemes do not match",
    ],
    ["[FC114] [R7b] URIs of a host that is too short", uri("https://com"), "not below one registered domain"],
    [
      "[FC115] [R7b] URIs of an issuer whose host is too short",
      uri("https://example.com"),
      "not below one registered domain",
      "https://com",
    ],
    ["URIs of a domain in capitals", uri("https://Example.com"), "in lower case"],
    ["URIs of a domain with a path", uri("https://example.com/users"), "nothing else"],
    ["URIs of a domain with a final slash", uri("https://example.com/"), "nothing else"],
    ["URIs of a domain with user information", uri("https://me@example.com"), "nothing else"],
    ["URIs of a domain with a query", uri("https://example.com?x"), "nothing else"],
    ["URIs of a port that is none", uri("https://example.com:70000"), "nothing else"],
    ["URIs of a domain with letters beyond ASCII", uri("https://ex\u00e4mple.com"), "nothing else"],
    [
      "[R7b] URIs of a neighbour below a suffix of two labels",
      uri("https://evil.co.uk"),
      "not below one registered domain",
      "https://id.good.co.uk",
    ],
    [
      "[R7b] URIs of a neighbour at a host for everybody",
      uri("https://evil.github.io"),
      "not below one registered domain",
      "https://good.github.io",
    ],
    ["[R7b] URIs of another address", uri("https://192.0.2.1"), "not below one registered domain", "https://192.0.2.2"],
    [
      "URIs of issuers whose owner a pattern leaves open",
      uri("https://x.co.uk"),
      "not below one registered domain",
      "https://*.co.uk",
    ],
    [
      "URIs of issuers whose owner a pattern leaves half open",
      uri("https://foox.com"),
      "not below one registered domain",
      "https://foo*.com",
    ],
    ["[FC102] [R7b] user names without a domain", { kind: "username" }, "subjectDomain: "],
    [
      "[J12] user names of a pattern without a domain",
      { kind: "username" },
      "subjectDomain: ",
      "https://*.example.com",
    ],
    ["[J12] URIs of a pattern without a domain", { kind: "uri" }, "subjectDomain: ", "https://*.example.com"],
    [
      "[FC103] [R7b] user names of a domain with a scheme",
      username("https://example.com"),
      "subjectDomain: expected a host name without a scheme",
    ],
    [
      "[FC104] [R7b] user names of an issuer without a scheme",
      username("other.com"),
      "not below one registered domain",
      "example.com",
    ],
    [
      "[FC105] [FC125] [R7b] user names of another owner",
      username("other.org.test"),
      "not below one registered domain",
    ],
    [
      "[FC122] [R7b] user names of the same host below another domain",
      username("issuer.other.com"),
      "not below one registered domain",
    ],
    ["[FC123] [R7b] user names of a domain that is too short", username("com"), "not below one registered domain"],
    [
      "[FC124] [R7b] user names of an issuer whose host is too short",
      username("example.com"),
      "not below one registered domain",
      "https://com",
    ],
    [
      "[FC126] [R7b] user names below another top-level domain",
      username("example.org"),
      "not below one registered domain",
    ],
    ["user names of a domain in capitals", username("Example.com"), "in lower case"],
    ["user names of a domain with an exclamation mark", username("a!example.com"), "in lower case"],
    ["user names of a domain with a port", username("example.com:1"), "in lower case"],
    ["user names of a domain with a final dot", username("example.com."), "in lower case"],
    ["addresses of a public suffix", { kind: "email", domains: ["co.uk"] }, "domains.0: co.uk is a public suffix"],
    [
      "addresses of all below a public suffix",
      { kind: "email", domains: ["a.example", "*.co.uk"] },
      "domains.1: co.uk is a public suffix",
    ],
    [
      "addresses of all below a host for everybody",
      { kind: "email", domains: ["*.github.io"] },
      "domains.0: github.io is a public suffix",
    ],
    [
      "addresses of a top-level domain",
      { kind: "email", domains: ["com"] },
      "domains.0: expected a domain in lower case",
    ],
    ["addresses of everybody", { kind: "email", domains: ["*"] }, "domains.0: expected a domain in lower case"],
    [
      "addresses of a wildcard in the middle",
      { kind: "email", domains: ["a.*.example"] },
      "domains.0: expected a domain",
    ],
    ["addresses of a domain in capitals", { kind: "email", domains: ["Example.com"] }, "domains.0: expected a domain"],
    [
      "addresses of a domain beyond ASCII",
      { kind: "email", domains: ["b\u00fccher.example"] },
      "domains.0: expected a domain",
    ],
    [
      "addresses of a domain with an at sign",
      { kind: "email", domains: ["@example.com"] },
      "domains.0: expected a domain",
    ],
    [
      "addresses of a domain twice",
      { kind: "email", domains: ["a.example", "a.example"] },
      "domains.1: stands here twice",
    ],
    ["addresses of no domain", { kind: "email", domains: [] }, "domains: "],
    [
      "a tenant without domains",
      { kind: "email", emailTrust: "tenant-pinned" },
      "emailTrust: tenant-pinned needs domains",
    ],
    [
      "tenants by a pattern",
      { kind: "email", emailTrust: "tenant-pinned", domains: ["a.example"] },
      "emailTrust: tenant-pinned needs the exact URL",
      "https://login.example.com/*/v2.0",
    ],
    [
      "a tenant of an issuer of everybody's",
      { kind: "email", emailTrust: "tenant-pinned", domains: ["a.example"] },
      "emailTrust: tenant-pinned is for one tenant's issuer",
      "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    ],
    [
      "domains of addresses that are forbidden",
      { kind: "email", emailTrust: "forbidden", domains: ["a.example"] },
      "emailTrust: forbidden takes no address",
    ],
    [
      "texts of addresses that are forbidden",
      { kind: "email", emailTrust: "forbidden", acceptTextVerified: true },
      "emailTrust: forbidden takes no address",
    ],
    ["a trust that there is not", { kind: "email", emailTrust: "sometimes" }, "emailTrust: "],
    ["an empty path of a claim", { kind: "email", issuerClaim: "" }, "issuerClaim: expected a path of plain names"],
    ["a path to all claims", { kind: "email", issuerClaim: "$" }, "issuerClaim: expected a path"],
    ["a path without its root", { kind: "email", issuerClaim: "iss" }, "issuerClaim: expected a path"],
    ["a path with an index", { kind: "email", issuerClaim: "$.a[0]" }, "issuerClaim: expected a path"],
    ["a path with a wildcard", { kind: "email", issuerClaim: "$.*" }, "issuerClaim: expected a path"],
    ["a path that looks everywhere", { kind: "email", issuerClaim: "$..iss" }, "issuerClaim: expected a path"],
    ["a path with a filter", { kind: "email", issuerClaim: "$.a[?(@.b)]" }, "issuerClaim: expected a path"],
    ["a path in brackets", { kind: "email", issuerClaim: "$['a']" }, "issuerClaim: expected a path"],
    ["a path that ends in a dot", { kind: "email", issuerClaim: "$.a." }, "issuerClaim: expected a path"],
    ["a path of nine names", { kind: "email", issuerClaim: `$${".a".repeat(9)}` }, "issuerClaim: expected a path"],
    [
      "[FC106] a claim of the issuer with another kind",
      { kind: "spiffe", trustDomain: "a.example", issuerClaim: "$.a" },
      "Unrecognized key",
    ],
    ["[FC107] a kind that there is not", { kind: "mail" }, "kind: "],
  ])("%s", (_name, identity, says, url = ISSUER) => {
    expect(problems(identity, url).join("\n")).toContain(says);
  });

  it("are named by line and path of the file", () => {
    const text = [
      "environment: development",
      "dataDirectory: data",
      "http: { listen: 127.0.0.1:5555 }",
      "operations: { listen: 127.0.0.1:2112 }",
      "ca: { signer: { kind: memory } }",
      "log: { origin: a.example/log, store: { kind: memory }, signer: { kind: memory }, checkpointSigner: { kind: memory } }",
      "issuers:",
      "  - { url: https://issuer.example.com, identity: { kind: kubernetes } }",
      "  - url: https://id.example.com",
      "    identity:",
      "      kind: email",
      "      domains: [example.com, co.uk]",
    ].join("\n");
    expect(() => parseConfig(text, "c.yaml")).toThrow(
      "c.yaml:12: issuers[1].identity.domains[1]: co.uk is a public suffix",
    );
  });
});
