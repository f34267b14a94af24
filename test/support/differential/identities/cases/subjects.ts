import type { TokenCase } from "../token-case.ts";
import { tokensLike } from "../token-case.ts";

const URI = ["uri: subject"];
const NAME = ["username: subject"];

const uri = tokensLike({ issuer: "https://uris.example.com", claims: { sub: "https://app.example.com/users/1" } });
const ports = tokensLike({
  issuer: "https://ports.example.com",
  claims: { sub: "https://app.example.com:8443/users/1" },
});
const user = tokensLike({ issuer: "https://users.example.com", claims: { sub: "alice" } });
const workload = tokensLike({
  issuer: "https://spire.example.com",
  claims: { sub: "spiffe://example.org/ns/prod/sa/x" },
});

const APP = "https://app.example.com";

/** Subjects that are URIs. */
export const URIS: readonly TokenCase[] = [
  uri("a user"),
  ...["", "/", "/a/", "/a/b.c~d_e-f", "/!$&'()*+,;=:@", "/users?id=1&b=/?", "/users?", "/%41", "/a%20b", "/%C3%A9"].map(
    (path) => uri(`the host and ${JSON.stringify(path)}`, { sub: APP + path }),
  ),
  ...[
    "#x",
    "/#",
    "//a",
    "/a//b",
    "/./a",
    "/../a",
    "/a/..",
    "/%2e%2E/a",
    "/a%2Fb",
    "/a%5cb",
    "/[a]",
    "/a b",
    "/é",
    "/a|b",
    "/a\\b",
    "/?q=a b",
  ].map((path) => uri(`the host and ${JSON.stringify(path)}`, { sub: APP + path }, { rows: URI })),
  ...["/%zz", "/%", "/100%25%"].map((path) => uri(`the host and ${JSON.stringify(path)}`, { sub: APP + path })),
  ...[
    "https://jane@app.example.com/a",
    "https://jane:x@app.example.com/a",
    "https://app.example.com:443/a",
    "https://app.example.com:8443/a",
    "HTTPS://app.example.com/a",
    "https://app.example.com:/a",
  ].map((sub) => uri(sub, { sub }, { rows: URI })),
  ...[
    "http://app.example.com/a",
    "https://App.example.com/a",
    "https://sub.app.example.com/a",
    "https://example.com/a",
    "https://app.example.com./a",
    "https://app.example.com.evil.example/a",
    "https://app.example.com@evil.example/a",
    "https://evil.example/app.example.com",
    "//app.example.com/a",
    "app.example.com/a",
    "jane@example.com",
    "https:app.example.com",
    " https://app.example.com/a",
    "https://app.example.com:port/a",
    "https://app.example.com\u0000/a",
  ].map((sub) => uri(JSON.stringify(sub), { sub })),
  uri("a list as the subject", { sub: [APP] }),
  uri("a URI of 1,024 bytes", { sub: `${APP}/${"a".repeat(1000)}` }),
  uri("a URI of 1,025 bytes", { sub: `${APP}/${"a".repeat(1001)}` }, { rows: ["`sub`"] }),
  ports("a user at a port"),
  ports("a user at no port", { sub: `${APP}/users/1` }, { rows: URI }),
  ports("a user at another port", { sub: `${APP}:8444/users/1` }, { rows: URI }),
  uri("a user of an issuer of a pattern", {}, { issuer: "https://eu.uris.example.com" }),
];

/** Subjects that are names of users. */
export const USERNAMES: readonly TokenCase[] = [
  user("a user"),
  ...[
    "Alice",
    "alice.b-c_d",
    "alice b",
    "100%",
    "a#b?c",
    "a/b",
    "a\\b",
    "jürgen",
    "名前",
    "🚀",
    "'a' \"b\"",
    "<a>",
    "1",
    "a:b",
  ].map((sub) => user(`the name ${sub}`, { sub })),
  ...[" alice", "alice ", "a\u200bb", "a\u00a0b", "a@b", "@", "alice@localhost", "ju\u0308rgen", "a\ue000b"].map(
    (sub) => user(`the name ${JSON.stringify(sub)}`, { sub }, { rows: NAME }),
  ),
  ...["alice!", "!", "alice!people.example.com", "alice@example.com"].map((sub) => user(`the name ${sub}`, { sub })),
  user("an empty name", { sub: "" }, { rows: ["`sub`"] }),
  user("a name with a direction", { sub: "a\u202eb" }, { rows: ["`sub`"] }),
  user("a name with a NUL", { sub: "a\u0000b" }, { rows: ["`sub`"] }),
  user("a name of 1,000 bytes", { sub: "a".repeat(1000) }),
  user("a number as the name", { sub: 1 }),
  user("a user of an issuer of a pattern", {}, { issuer: "https://eu.users.example.com" }),
];

/** Subjects that are SPIFFE IDs. */
export const SPIFFE: readonly TokenCase[] = [
  workload("a workload"),
  ...["", "/a", "/A.b_c-1", "/...", "/a/.b/..c"].map((path) =>
    workload(`the trust domain and ${JSON.stringify(path)}`, { sub: `spiffe://example.org${path}` }),
  ),
  ...[
    "/",
    "/a/",
    "//a",
    "/.",
    "/..",
    "/a/../b",
    "/a%20b",
    "/a b",
    "/é",
    "/a?b",
    "/a#b",
    "/a:b",
    ":8443/a",
    ".evil.example/a",
  ].map((path) => workload(`the trust domain and ${JSON.stringify(path)}`, { sub: `spiffe://example.org${path}` })),
  ...[
    "spiffe://sub.example.org/a",
    "spiffe://org/a",
    "spiffe://Example.org/a",
    "SPIFFE://example.org/a",
    "spiffe://u@example.org/a",
    "https://example.org/a",
    "example.org/a",
    "spiffe:///a",
  ].map((sub) => workload(sub, { sub })),
  workload("a SPIFFE ID of 1,024 bytes", { sub: `spiffe://example.org/${"a".repeat(1003)}` }),
  workload("a SPIFFE ID of 1,025 bytes", { sub: `spiffe://example.org/${"a".repeat(1004)}` }, { rows: ["`sub`"] }),
  workload(
    "a trust domain that is configured as an ID",
    { sub: "spiffe://example.net/a" },
    { issuer: "https://spire-id.example.com" },
  ),
  workload("the trust domain of the other issuer", { sub: "spiffe://example.net/a" }),
  workload("no subject", { sub: undefined }),
];

const CHAINGUARD = ["Chainguard: subject"];
const identity = tokensLike({
  issuer: "https://issuer.enforce.dev",
  claims: { sub: "720909c9f5279097/b6461e99e132298f" },
});
const JANE = { email: "jane@example.com", email_verified: true };

/** Identities of Chainguard's. */
export const CHAINGUARD_IDENTITIES: readonly TokenCase[] = [
  identity("an identity"),
  identity("an identity of one part", { sub: "720909c9f5279097" }),
  identity("a person", { ...JANE, act: { sub: "google-oauth2|1" } }, { challenge: JANE.email }),
  identity("a person whose proof is over the subject", JANE),
  identity("a person who is verified in a text", { ...JANE, email_verified: "true" }, { challenge: JANE.email }),
  identity("a person who is not verified", { ...JANE, email_verified: false }),
  identity("a person about whom nothing is said", { email: JANE.email }),
  identity("an empty address", { ...JANE, email: "" }),
  identity("an address that is none", { ...JANE, email: "jane" }, { challenge: "jane", rows: ["Chainguard: address"] }),
  identity("a number as the address", { ...JANE, email: 7 }),
  identity("a service principal", { internal: { "service-principal": "COSIGNED" } }),
  identity("a number as the service principal", { internal: { "service-principal": 7 } }),
  identity("a text as internal", { internal: "COSIGNED" }),
  identity("an actor with an issuer", { act: { iss: "https://accounts.google.com", sub: "1", aud: "a" } }),
  identity("a number in the actor", { act: { sub: 7 } }),
  identity("a text as the actor", { act: "someone" }),
  identity("an actor that is null", { act: null }),
  identity("null in the actor", { act: { sub: null } }),
  identity("an actor in the actor", { act: { act: { sub: "x" } } }),
  identity("a list as the actor", { act: ["someone"] }),
  identity("internal that is null", { internal: null }),
  identity("a service principal that is null", { internal: { "service-principal": null } }),
  identity("other things in internal", { internal: { other: 7 } }),
  ...["a b", "jürgen", "a:b", "a|b", "[a]", "a&b", "a%20b"].map((sub) => identity(`the subject ${sub}`, { sub })),
  ...["a%b", "a#b", "a?b", "../x", "a/../b", "a//b", "/a", "a/", "./a", ".", "%2e%2e/x"].map((sub) =>
    identity(`the subject ${sub}`, { sub }, { rows: CHAINGUARD }),
  ),
  identity("no subject", { sub: undefined }),
  identity("an identity of an issuer of a pattern", {}, { issuer: "https://issuer.example.com/chainguard/a" }),
];
