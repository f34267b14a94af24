import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Reason } from "../../../src/core/errors.ts";
import { EMAIL, EMAIL_ISSUER, KIND_ISSUERS, openDoor, TEXT_ISSUER, UNCHECKED_ISSUER } from "../../support/door.ts";
import type { Answer, Door } from "../../support/door.ts";
import { expectFulcioLeaf } from "../../support/fulcio-leaf.ts";
import { pemsIn } from "../../support/issued.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";
import { badToken } from "../../support/refusal.ts";

type Claims = Readonly<Record<string, unknown>>;

const UNKNOWN = "https://unknown.example.com";
const CLUSTERS = "https://oidc.*.clusters.example.com/id/*";
const CLUSTER = "https://oidc.eu.clusters.example.com/id/0a1b";

let door: Door;
let clusters: Door;
beforeAll(async () => {
  door = await openDoor();
  const pattern = { url: CLUSTERS, pattern: CLUSTERS, identity: { kind: "kubernetes" } } as const;
  clusters = await openDoor({ memoryIssuers: [issuerSettings(pattern)] });
});
afterAll(async () => {
  await door.close();
  await clusters.close();
});

/** A signing call with a token for an address, and a proof over that. */
const signAddress = (iss: string, claims: Claims): Promise<Answer> =>
  door.sign({ token: door.token({ iss, ...claims }), challenge: EMAIL });

/** A signing call with a token without an address, and a proof over its subject. */
const signSubject = (claims: Claims, at = door): Promise<Answer> =>
  at.sign({
    token: at.token({ email: undefined, email_verified: undefined, ...claims }),
    challenge: String(claims["sub"]),
  });

describe("a token for an address", () => {
  it.each<[string, string, unknown]>([
    ["[FC128] [FC145] [FC156]", EMAIL_ISSUER, true],
    ["[FC147]", TEXT_ISSUER, "true"],
    ["[FC150]", UNCHECKED_ISSUER, undefined],
    ["[FC151]", UNCHECKED_ISSUER, false],
    ["[FC152]", UNCHECKED_ISSUER, true],
  ])("%s of %s is taken with email_verified: %j", async (_row, iss, email_verified) => {
    const answer = await signAddress(iss, { sub: "subject", email: EMAIL, email_verified });
    door.expectIssued(answer);
    const extensions = [1, 8, 24].map((arc) => [arc, arc === 24 ? "subject" : iss] as const);
    expectFulcioLeaf(pemsIn(answer)[0] ?? "", door.callerKey, { subjectAltName: `email:${EMAIL}`, extensions });
  });

  it.each<[string, string, string, Claims, Reason]>([
    ["[FC147]", "true as a text alone", EMAIL_ISSUER, { email_verified: "true" }, "TOKEN_EMAIL_UNVERIFIED"],
    ["[FC149]", "false", EMAIL_ISSUER, { email_verified: false }, "TOKEN_EMAIL_UNVERIFIED"],
    ["[FC153]", "no address", UNCHECKED_ISSUER, { email: undefined }, "TOKEN_CLAIM_MISSING"],
    ["[FC154]", "a domain for an address", EMAIL_ISSUER, { email: "foo.com" }, "TOKEN_EMAIL_INVALID"],
    ["[FC155]", "another issuer", UNKNOWN, {}, "ISSUER_UNKNOWN"],
    ["[FC156]", "neither", EMAIL_ISSUER, { email: undefined, email_verified: undefined }, "TOKEN_CLAIM_MISSING"],
    ["[FC156]", "the address alone", EMAIL_ISSUER, { email_verified: undefined }, "TOKEN_EMAIL_UNVERIFIED"],
    ["[FC156]", "the word alone", EMAIL_ISSUER, { email: undefined, email_verified: true }, "TOKEN_CLAIM_MISSING"],
  ])("%s is refused with %s", async (_row, _what, iss, claims, reason) => {
    door.expectRefused(await signAddress(iss, claims), badToken(reason));
  });

  it("[FC16] names the issuer of a claim, where its entry says so", async () => {
    const claims = { sub: "subject", federated_claims: { connector_id: "https://other.example.com" } };
    const answer = await signAddress(KIND_ISSUERS.federated, claims);
    door.expectIssued(answer);
    expectFulcioLeaf(pemsIn(answer)[0] ?? "", door.callerKey, {
      subjectAltName: `email:${EMAIL}`,
      extensions: [
        [1, "https://other.example.com"],
        [8, "https://other.example.com"],
        [24, "subject"],
      ],
    });
  });
});

const account = (namespace: string, name: string) => ({ "kubernetes.io": { namespace, serviceaccount: { name } } });
const SERVICE_ACCOUNT = { sub: "system:serviceaccount:n:s", ...account("n", "s") };

describe("a token of a kind", () => {
  it.each<[string, string, Claims, string]>([
    ["[FC72] [FC158]", KIND_ISSUERS.uri, { sub: "https://example.com/users/1" }, "URI:https://example.com/users/1"],
    ["[FC73] [FC166]", KIND_ISSUERS.username, { sub: "alice" }, "othername:<unsupported>"],
    [
      "[FC74] [FC171] [FC175]",
      KIND_ISSUERS.spiffe,
      { sub: "spiffe://example.org/ns/prod" },
      "URI:spiffe://example.org/ns/prod",
    ],
    ["[FC75]", KIND_ISSUERS.kubernetes, SERVICE_ACCOUNT, "URI:https://kubernetes.io/namespaces/n/serviceaccounts/s"],
    ["[FC76]", KIND_ISSUERS.chainguard, { sub: "abc/def" }, `URI:${KIND_ISSUERS.chainguard}/abc/def`],
  ])("%s of %s is taken from its own issuer, and from no other", async (_row, iss, claims, name) => {
    expect(door.expectIssued(await signSubject({ iss, ...claims })).subjectAltName).toBe(name);
    for (const other of [`${iss}/other`, `${iss}/`, UNKNOWN]) {
      door.expectRefused(await signSubject({ iss: other, ...claims }), badToken("ISSUER_UNKNOWN"));
    }
    door.expectRefused(await signSubject({ iss: EMAIL_ISSUER, ...claims }), badToken("TOKEN_CLAIM_MISSING"));
  });

  it("[FC9] of an issuer that a wildcard matches is taken, and of one that it does not is none", async () => {
    const answer = await signSubject({ iss: CLUSTER, ...SERVICE_ACCOUNT }, clusters);
    clusters.expectIssued(answer);
    expectFulcioLeaf(pemsIn(answer)[0] ?? "", clusters.callerKey, {
      subjectAltName: "URI:https://kubernetes.io/namespaces/n/serviceaccounts/s",
      extensions: [
        [1, CLUSTER],
        [8, CLUSTER],
        [24, SERVICE_ACCOUNT.sub],
      ],
    });
    const refused = await signSubject({ iss: `${CLUSTER}/x`, ...SERVICE_ACCOUNT }, clusters);
    clusters.expectRefused(refused, badToken("ISSUER_UNKNOWN"));
  });

  it.each<[string, string, Claims, Reason]>([
    ["[FC159]", UNKNOWN, { sub: "https://example.com/users/1" }, "ISSUER_UNKNOWN"],
    ["[FC160]", KIND_ISSUERS.uri, { sub: "alice@example.com" }, "SAN_NOT_PERMITTED"],
    ["[FC161]", KIND_ISSUERS.uri, { sub: "https://other.example/users/1" }, "SAN_NOT_PERMITTED"],
    ["[FC162]", KIND_ISSUERS.uri, { sub: "http://example.com/users/1" }, "SAN_NOT_PERMITTED"],
    ["[FC163]", KIND_ISSUERS.uri, { sub: "https://example.com/users/1\u0007" }, "TOKEN_CLAIM_INVALID"],
    ["[FC164]", KIND_ISSUERS.uri, { sub: "https://example.com/%zz" }, "SAN_NOT_PERMITTED"],
    ["[FC164]", KIND_ISSUERS.uri, { sub: "::://" }, "SAN_NOT_PERMITTED"],
    ["[FC165]", "", { sub: "https://example.com/users/1" }, "ISSUER_UNKNOWN"],
    ["[FC167]", KIND_ISSUERS.username, { sub: "alice!" }, "SAN_NOT_PERMITTED"],
    ["[FC168]", KIND_ISSUERS.username, { sub: "alice@example.com" }, "SAN_NOT_PERMITTED"],
    ["[FC169]", UNKNOWN, { sub: "alice" }, "ISSUER_UNKNOWN"],
    ["[FC172]", UNKNOWN, { sub: "spiffe://example.org/w" }, "ISSUER_UNKNOWN"],
    ["[FC173] [FC177]", KIND_ISSUERS.spiffe, { sub: "spiffe://sub.example.org/w" }, "SAN_NOT_PERMITTED"],
    ["[FC177]", KIND_ISSUERS.spiffe, { sub: "spiffe://example.com/w" }, "SAN_NOT_PERMITTED"],
    ["[FC174] [FC178]", KIND_ISSUERS.spiffe, { sub: "https://example.org/w" }, "SAN_NOT_PERMITTED"],
    ["[FC176]", KIND_ISSUERS.spiffe, { sub: "spiffe://invalid#domain/w" }, "SAN_NOT_PERMITTED"],
    ["[FC180]", KIND_ISSUERS.kubernetes, { ...SERVICE_ACCOUNT, ...account("%zz", "s") }, "SAN_NOT_PERMITTED"],
  ])("%s of %s is refused with %j", async (_row, iss, claims, reason) => {
    door.expectRefused(await signSubject({ iss, ...claims }), badToken(reason));
  });
});
