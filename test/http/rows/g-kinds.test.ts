import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EMAIL, KIND_ISSUERS, openDoor } from "../../support/door.ts";
import type { Answer, Door } from "../../support/door.ts";
import { openssl } from "../../support/openssl.ts";
import { badProof, badToken, TEXT } from "../../support/refusal.ts";
import {
  CONTROL_SUBJECTS,
  CONTROL_USERNAMES,
  REFUSED_SPIFFE_IDS,
  REFUSED_SUBJECT_URIS,
  REFUSED_USERNAMES,
} from "../../support/refused-subjects.ts";

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.close());

type Kind = keyof typeof KIND_ISSUERS;

/** A signing call with a token of an issuer of this kind, and a proof over its subject unless told otherwise. */
function signAs(
  kind: Kind,
  claims: Readonly<Record<string, unknown>>,
  challenge = String(claims["sub"]),
): Promise<Answer> {
  const changes = { iss: KIND_ISSUERS[kind], email: undefined, email_verified: undefined, ...claims };
  return door.sign({ token: door.token(changes), challenge });
}

const OVER_URI = `${TEXT.proof}: it must be over the URI that is the subject of the token (claim sub)`;

const account = (namespace: unknown, name: unknown) => ({ "kubernetes.io": { namespace, serviceaccount: { name } } });

describe("a token of each kind", () => {
  it.each<[string, Kind, Record<string, unknown>, string]>([
    ["[FC8] [FC50]", "uri", { sub: "https://example.com/users/1" }, "URI:https://example.com/users/1"],
    ["[FC7] [FC48]", "spiffe", { sub: "spiffe://example.org/ns/prod" }, "URI:spiffe://example.org/ns/prod"],
    [
      "[FC49]",
      "kubernetes",
      { sub: "system:serviceaccount:prod:web", ...account("prod", "web") },
      "URI:https://kubernetes.io/namespaces/prod/serviceaccounts/web",
    ],
    ["[FC15]", "chainguard", { sub: "abc/def" }, `URI:${KIND_ISSUERS.chainguard}/abc/def`],
  ])(
    "[FC128] %s of kind %s is certified by its rules, with a proof over the subject alone",
    async (_row, kind, claims, name) => {
      expect(door.expectIssued(await signAs(kind, claims)).subjectAltName).toBe(name);
      door.expectRefused(await signAs(kind, claims, name.replace(/^URI:/u, "x")), {
        ...badProof("PROOF_INVALID"),
        message: name === `URI:${String(claims["sub"])}` ? OVER_URI : TEXT.proofOfSubject,
      });
    },
  );

  it("[FC6] [FC51] of kind username is certified with an otherName and no address", async () => {
    const leaf = door.expectIssued(await signAs("username", { sub: "alice" }));
    expect(openssl(["x509", "-inform", "DER", "-noout", "-ext", "subjectAltName"], leaf.raw)).toBe(
      "X509v3 Subject Alternative Name: critical\n    othername: 1.3.6.1.4.1.57264.1.7::alice!example.com\n",
    );
  });
});

describe("a subject that its kind does not take", () => {
  it.each(REFUSED_SUBJECT_URIS)("%s as a uri: %j", async (_row, sub) => {
    door.expectRefused(await signAs("uri", { sub }), badToken("SAN_NOT_PERMITTED"));
  });

  it.each([...CONTROL_SUBJECTS, ""])("[G11] as a uri: %j", async (sub) => {
    door.expectRefused(await signAs("uri", { sub }), badToken("TOKEN_CLAIM_INVALID"));
  });

  it.each(REFUSED_USERNAMES)("%s as a user name: %s", async (_row, _what, sub) => {
    door.expectRefused(await signAs("username", { sub }), badToken("SAN_NOT_PERMITTED"));
  });

  it.each(CONTROL_USERNAMES)("[G12] as a user name: %j", async (sub) => {
    door.expectRefused(await signAs("username", { sub }), badToken("TOKEN_CLAIM_INVALID"));
  });

  it.each(REFUSED_SPIFFE_IDS)("%s as a SPIFFE ID: %j", async (_row, sub) => {
    door.expectRefused(await signAs("spiffe", { sub }), badToken("SAN_NOT_PERMITTED"));
  });

  it("[G13] as a SPIFFE ID: above 2,048 bytes", async () => {
    const sub = `spiffe://example.org/${"w".repeat(2_048)}`;
    door.expectRefused(await signAs("spiffe", { sub }), badToken("TOKEN_CLAIM_INVALID"));
  });
});

describe("a Kubernetes token", () => {
  it.each<[unknown, unknown, "TOKEN_CLAIM_MISSING" | "TOKEN_CLAIM_INVALID" | "SAN_NOT_PERMITTED"]>([
    [undefined, "s", "TOKEN_CLAIM_MISSING"],
    ["n", undefined, "TOKEN_CLAIM_MISSING"],
    [1, "s", "TOKEN_CLAIM_INVALID"],
    ["n", ["s"], "TOKEN_CLAIM_INVALID"],
    ["n/..", "s", "SAN_NOT_PERMITTED"],
    ["n", "s?x", "SAN_NOT_PERMITTED"],
    ["n", "s#x", "SAN_NOT_PERMITTED"],
    ["N", "s", "SAN_NOT_PERMITTED"],
  ])("[G14] of namespace %j and name %j is refused", async (namespace, name, reason) => {
    const sub = `system:serviceaccount:${String(namespace)}:${String(name)}`;
    door.expectRefused(await signAs("kubernetes", { sub, ...account(namespace, name) }), badToken(reason));
  });

  it.each(["x", null, [], 1])("[G14] whose claim is %j is refused", async (value) => {
    const claims = { sub: "system:serviceaccount:n:s", "kubernetes.io": value };
    door.expectRefused(await signAs("kubernetes", claims), badToken("TOKEN_CLAIM_INVALID"));
  });

  it.each(["system:serviceaccount:n:t", "system:serviceaccount:m:s", "n:s"])(
    "[G15] of the subject %s is refused",
    async (sub) => {
      door.expectRefused(await signAs("kubernetes", { sub, ...account("n", "s") }), badToken("SAN_NOT_PERMITTED"));
    },
  );
});

describe("an issuer from a claim", () => {
  it.each<[unknown, "TOKEN_CLAIM_MISSING" | "TOKEN_CLAIM_INVALID"]>([
    [undefined, "TOKEN_CLAIM_MISSING"],
    [{}, "TOKEN_CLAIM_MISSING"],
    [{ connector_id: "" }, "TOKEN_CLAIM_MISSING"],
    [{ connector_id: {} }, "TOKEN_CLAIM_INVALID"],
    [{ connector_id: ["x"] }, "TOKEN_CLAIM_INVALID"],
    [{ connector_id: 1 }, "TOKEN_CLAIM_INVALID"],
  ])("[F17] is refused in %j", async (federated_claims, reason) => {
    const claims = { iss: KIND_ISSUERS.federated, federated_claims };
    door.expectRefused(await door.sign({ token: door.token(claims), challenge: EMAIL }), badToken(reason));
  });
});
