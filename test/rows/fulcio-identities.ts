import type { Row } from "./row.ts";

const HOSTS = "the issuer's host and that of its subjects";

/** What an issuer's configuration may say of its subjects (`pkg/config/config_test.go`). */
const configured: readonly Row[] = [
  { id: "FC91", says: "spiffe with a trust domain: taken" },
  { id: "FC92", says: "spiffe without a trust domain: refused" },
  { id: "FC93", says: "spiffe with a wildcard issuer: refused" },
  { id: "FC94", says: "spiffe with a trust domain that is none: refused" },
  { id: "FC95", says: "uri with another host of the issuer's owner: taken" },
  { id: "FC96", says: "uri without a domain: refused" },
  { id: "FC97", says: "uri with a domain without a scheme: refused" },
  { id: "FC98", says: "uri with an issuer without a scheme: refused" },
  { id: "FC99", says: "uri with another owner's domain: refused" },
  { id: "FC100", says: "uri with http for https: refused" },
  { id: "FC101", says: "username with another host of the issuer's owner: taken" },
  { id: "FC102", says: "username without a domain: refused" },
  { id: "FC103", says: "username with a domain with a scheme: refused" },
  { id: "FC104", says: "username with an issuer without a scheme: refused" },
  { id: "FC105", says: "username with another owner's domain: refused" },
  { id: "FC106", says: "an issuer claim with another kind than email: refused" },
  { id: "FC107", says: "a kind that there is not: refused" },
  { id: "FC109", says: `uri: ${HOSTS} equal: taken` },
  { id: "FC110", says: "uri: the issuer below the domain: taken" },
  { id: "FC111", says: "uri: the domain below the issuer: taken" },
  { id: "FC112", says: "uri: two hosts of one owner: taken" },
  { id: "FC113", says: "uri: two schemes: refused, naming both" },
  { id: "FC114", says: "uri: a domain of one label: refused" },
  { id: "FC115", says: "uri: an issuer of one label: refused" },
  { id: "FC116", says: "uri: two owners: refused, naming both hosts" },
  { id: "FC117", says: "uri: two top-level domains: refused" },
  { id: "FC118", says: `username: ${HOSTS} equal: taken` },
  { id: "FC119", says: "username: the issuer below the domain: taken" },
  { id: "FC120", says: "username: the domain below the issuer: taken" },
  { id: "FC121", says: "username: two hosts of one owner: taken" },
  { id: "FC122", says: "username: the same host below another domain: refused" },
  { id: "FC123", says: "username: a domain of one label: refused" },
  { id: "FC124", says: "username: an issuer of one label: refused" },
  { id: "FC125", says: "username: two owners: refused" },
  { id: "FC126", says: "username: two top-level domains: refused" },
];

/** Which principal a token becomes (`pkg/identity/*\/principal_test.go`, `pkg/oauthflow/oidc_test.go`). */
const principals: readonly Row[] = [
  { id: "FC146", says: "email with an issuer from a nested claim: both issuer extensions name it" },
  { id: "FC148", says: "email with an issuer from a claim that the token has not: refused" },
  {
    id: "FC157",
    says: "the path of an issuer claim: none is the token's own, a name its claim, an unknown one refused",
  },
  { id: "FC170", says: "username: an otherName of user and domain in a critical subjectAltName, and no address" },
  { id: "FC179", says: "kubernetes: a URI of namespace and service account, proof over sub" },
  { id: "FC212", says: "chainguard, a service principal: URI below the issuer, proof over sub" },
  { id: "FC213", says: "chainguard, a person: URI below the issuer, proof over sub" },
  { id: "FC214", says: "chainguard, a person with a verified address: URI below the issuer, proof over the address" },
];

/** What Fulcio's own tests say of the kinds that have no templates. */
export const fulcioIdentityRows: readonly Row[] = [...configured, ...principals];
