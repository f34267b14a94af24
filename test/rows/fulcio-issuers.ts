import type { Row } from "./row.ts";

const ofKind = (id: string, kind: string): Row => ({
  id,
  says: `a ${kind} issuer: its own tokens by its own URL, and none by another one`,
});
const matches = (id: string, pattern: string): Row => ({
  id,
  says: `the wildcard of ${pattern}: its URLs, and none with another dot or slash, more, less, or as a part of another URL`,
});

/** Which issuer a token is of (`pkg/identity/issuerpool_test.go`, `pkg/identity/base`, `pkg/identity/*`, `pkg/config`). */
export const fulcioIssuerRows: readonly Row[] = [
  { id: "FC52", says: "one issuer, and its token: issued" },
  { id: "FC53", says: "two issuers, and a token of the first: issued" },
  { id: "FC54", says: "two issuers, and a token of the second: issued" },
  { id: "FC55", says: "two issuers, and a token of neither: refused" },
  { id: "FC56", says: "no issuers: start refused" },
  { id: "FC57", says: "a token whose payload is broken: refused" },
  { id: "FC58", says: "a token that its issuer's entry refuses: refused, and no other entry is tried" },
  { id: "FC59", says: "a token of an issuer that is down: refused, and no other entry is tried" },
  { id: "FC60", says: "a token with an issuer: that issuer's" },
  { id: "FC61", says: "a token without issuer: refused" },
  { id: "FC62", says: "a token of two parts: refused" },
  { id: "FC63", says: "a token of four parts: refused" },
  { id: "FC64", says: "a payload that is not base64url: refused" },
  { id: "FC65", says: "a payload that is no JSON: refused" },
  { id: "FC66", says: "the configured URL itself: matches" },
  { id: "FC67", says: "another URL: does not" },
  { id: "FC68", says: "a wildcard for a label: matches one label" },
  { id: "FC69", says: "a wildcard for a label: does not match where the dot is missing" },
  { id: "FC70", says: "an issuer without a kind", appliesNot: "a class of Fulcio's that has no instances" },
  ofKind("FC71", "e-mail"),
  ofKind("FC72", "uri"),
  ofKind("FC73", "username"),
  ofKind("FC74", "SPIFFE"),
  ofKind("FC75", "Kubernetes"),
  ofKind("FC76", "Chainguard"),
  ofKind("FC77", "GitHub Actions"),
  ofKind("FC78", "GitLab"),
  ofKind("FC79", "Buildkite"),
  ofKind("FC80", "Codefresh"),
  ofKind("FC81", "ci-provider"),
  matches("FC82", "EKS"),
  matches("FC83", "GKE"),
  matches("FC84", "AKS in a region"),
  matches("FC85", "AKS in a region with a slash at the end"),
  matches("FC86", "CircleCI's organizations"),
  matches("FC87", "AKS, one part"),
  matches("FC88", "AKS, one part and a slash"),
  matches("FC89", "AKS, two parts"),
  matches("FC90", "GitHub's enterprises"),
];
