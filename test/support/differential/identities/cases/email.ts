import type { Claims, TokenCase } from "../token-case.ts";
import { tokensLike } from "../token-case.ts";

const UNFIT = ["claims unfit for a certificate"];
const JANE = { sub: "user-1", email: "jane@example.com", email_verified: true };

const google = tokensLike({ issuer: "https://accounts.google.com", claims: JANE, challenge: "email" });
const dex = tokensLike({
  issuer: "https://oauth2.sigstore.dev/auth",
  claims: { ...JANE, federated_claims: { connector_id: "https://github.com/login/oauth", user_id: "64" } },
  challenge: "email",
});
const unverified = tokensLike({ issuer: "https://unverified.example.com", claims: JANE, challenge: "email" });
const tenant = tokensLike({
  issuer: "https://tenants.example.com",
  claims: { ...JANE, tenant: "https://tenant.example.com" },
  challenge: "email",
});

const connector = (value: unknown): Claims => ({ federated_claims: { connector_id: value } });

/** People, by e-mail addresses: of issuers that vouch for them, that pass on others' word, and that verify nothing. */
export const EMAIL: readonly TokenCase[] = [
  google("a person"),
  google("a subject with spaces, percent signs and what ends a path", { sub: "100% jane #1 ?x" }),
  google("a subject beyond ASCII", { sub: "jürgen 🚀" }),
  google("a subject of 1,024 bytes", { sub: "s".repeat(1024) }),
  google("a subject of 1,025 bytes", { sub: "s".repeat(1025) }, { rows: ["`sub`"] }),
  google("a subject with a control character", { sub: "a\tb" }, { rows: ["`sub`"] }),
  google("no subject", { sub: undefined }, { rows: ["`sub`"] }),
  google("an empty subject", { sub: "" }, { rows: ["`sub`"] }),
  google("a number as the subject", { sub: 7 }),
  google("capitals in the address", { email: "Jane@Example.COM" }),
  google("an address that the issuer calls verified in a text", { email_verified: "true" }),
  google("the same with a capital", { email_verified: "True" }),
  google("the same in capitals", { email_verified: "TRUE" }),
  google("a verified address, by a number", { email_verified: 1 }),
  google("an address that is not verified, in a text", { email_verified: "false" }),
  google("nothing about verification", { email_verified: undefined }),
  google(
    "a claim in capitals",
    { email: undefined, Email: JANE.email },
    { rows: ["claim and header names"], challenge: JANE.email },
  ),
  google("the Workspace's domain beside", { hd: "example.com", azp: "someone" }),

  dex("a person of a connector"),
  dex("a connector beyond ASCII", connector("https://bücher.example/é #?%")),
  dex("a connector of 1,024 bytes", connector("c".repeat(1024))),
  dex("a connector of 1,025 bytes", connector("c".repeat(1025)), { rows: ["`issuer-claim`"] }),
  dex("no federated claims", { federated_claims: undefined }),
  dex("federated claims without connector", { federated_claims: { user_id: "64" } }),
  dex("an empty connector", connector(""), { rows: UNFIT }),
  dex("a number as the connector", connector(7), { rows: ["`issuer-claim`"] }),
  dex("a boolean as the connector", connector(true), { rows: ["`issuer-claim`"] }),
  dex("null as the connector", connector(null), { rows: ["`issuer-claim`"] }),
  dex("a list as the connector", connector(["a", "b"]), { rows: ["`issuer-claim`"] }),
  dex("an object as the connector", connector({ a: "b" }), { rows: ["`issuer-claim`"] }),
  dex("a text as federated claims", { federated_claims: "https://github.com/login/oauth" }),
  dex("a list as federated claims", { federated_claims: [{ connector_id: "a" }] }),
  dex("federated claims that are null", { federated_claims: null }),
  dex("a connector in capitals", { federated_claims: { Connector_ID: "a" } }),

  tenant("a person of a tenant"),
  tenant("a person of no tenant", { tenant: undefined }),
  tenant("a tenant with a line break", { tenant: "a\nb" }, { rows: ["`issuer-claim`"] }),

  unverified("a person who is verified"),
  unverified("a person who is not verified", { email_verified: false }),
  unverified("a person about whom nothing is said", { email_verified: undefined }),
  unverified("a person who is verified in a text", { email_verified: "true" }),
  unverified("a person who is not verified, in a text", { email_verified: "False" }),
  unverified("a person of a word that means nothing", { email_verified: "TRUE" }),
  unverified("a person of a number", { email_verified: 1 }),
  unverified("a person of null", { email_verified: null }),
  unverified("no address", { email: undefined }),
  unverified("an address without domain", { email: "jane" }),

  google("an issuer with capitals and a path", {}, { issuer: "https://Login.Example.com/Tenant" }),
  google(
    "its URL in small letters",
    { iss: "https://login.example.com/Tenant" },
    { issuer: "https://Login.Example.com/Tenant" },
  ),
  google("an issuer that ends in a slash", {}, { issuer: "https://slash.example.com/" }),
  google("its URL without the slash", { iss: "https://slash.example.com" }, { issuer: "https://slash.example.com/" }),
  google("an issuer's URL with a slash behind it", { iss: "https://accounts.google.com/" }),
  dex("an issuer of a pattern", {}, { issuer: "https://eu.login.example.com/realms/a-b_c1" }),
  dex("an issuer that a pattern does not match", { iss: "https://a.b.login.example.com/realms/x" }),
];

/** People of the issuers in the file that Fulcio is released with. */
export const PEOPLE: readonly TokenCase[] = [
  google("a person of Google's"),
  dex("a person of Sigstore's"),
  ...[
    "https://auth.eclipse.org/auth/realms/foundation-service-accounts",
    "https://issuer.hello.coop",
    "https://www.kaggle.com/api/v1/models/signing",
    "https://sigstore.verify.ibm.com/oauth2",
  ].map((issuer) => google(`a person of ${issuer}`, {}, { issuer })),
  ...["https://issuer.enforce.dev", "https://issuer.chainops.dev"].map((issuer) =>
    google(`an identity of ${issuer}`, {}, { issuer }),
  ),
];
