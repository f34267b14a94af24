import { afterEach, describe, expect, it } from "@jest/globals";
import { IssuerFailure } from "../../../src/adapters/oidc/issuer-failure.ts";
import { compileClaimRules } from "../../../src/core/identity/claim-rules.ts";
import type { Reason } from "../../../src/core/errors.ts";
import { EMAIL_ISSUER, GITHUB_ISSUER, NOW, openDoor } from "../../support/door.ts";
import type { Door, DoorOptions } from "../../support/door.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";
import { badToken, TEXT } from "../../support/refusal.ts";
import { signToken } from "../../support/tokens.ts";

const opened: Door[] = [];
afterEach(async () => {
  for (const door of opened.splice(0)) await door.close();
});

/** A door whose issuers are these, all with the door's key in documents in memory. */
async function open(...issuers: NonNullable<DoorOptions["issuers"]>): Promise<Door> {
  const keys: unknown[] = [];
  const door = await openDoor({
    issuers,
    verifier: {
      openFetch: ({ url }) => ({
        fetchJson: (target) => {
          if (url.includes("down")) return Promise.reject(new IssuerFailure("transient", "no answer"));
          const document = target.endsWith("/jwks")
            ? { keys }
            : { issuer: url, jwks_uri: `${url}/jwks`, id_token_signing_alg_values_supported: ["ES256"] };
          return Promise.resolve({ bytes: Buffer.from(JSON.stringify(document)) });
        },
        close: () => Promise.resolve(),
      }),
    },
  });
  keys.push(door.key.jwk);
  opened.push(door);
  return door;
}

const A = "https://a.example.com";
const B = "https://b.example.com";
const DOWN = "https://down.example.com";
const signFor = (door: Door, changes: Readonly<Record<string, unknown>>) =>
  door.sign({ token: signToken(door.key, door.claims(changes)) });

describe("the issuer of a token", () => {
  it("[FC52] [FC60] [FC66] [FC71] is the one that is configured", async () => {
    const door = await open(issuerSettings({ url: A }));
    door.expectIssued(await signFor(door, { iss: A }));
    expect(door.audit.records.at(-1)).toMatchObject({ issuer: A });
    door.expectRefused(await signFor(door, { iss: B }), badToken("ISSUER_UNKNOWN"));
  });

  it.each([
    ["[FC53]", A],
    ["[FC54]", B],
  ])("%s is the one of two that it names", async (_row, iss) => {
    const door = await open(issuerSettings({ url: A }), issuerSettings({ url: B }));
    door.expectIssued(await signFor(door, { iss }));
    expect(door.audit.records.at(-1)).toMatchObject({ issuer: iss });
  });

  it.each(["https://c.example.com", "https://a.example.com.", `${A}/`, "", "a.example.com", `${A}:443`])(
    "[FC55] [FC67] is none of two when it is %j",
    async (iss) => {
      const door = await open(issuerSettings({ url: A }), issuerSettings({ url: B }));
      door.expectRefused(await signFor(door, { iss }), badToken("ISSUER_UNKNOWN"));
    },
  );

  it.each<[string, string, (token: string) => string, Reason]>([
    [
      "[FC57] [FC65]",
      "whose payload is no JSON",
      (token) => token.replace(/\..*\./u, `.${Buffer.from("{").toString("base64url")}.`),
      "TOKEN_MALFORMED",
    ],
    [
      "[FC57] [FC64]",
      "whose payload is not base64url",
      (token) => token.replace(/\..*\./u, ".e30=."),
      "TOKEN_MALFORMED",
    ],
    ["[FC62]", "of two parts", (token) => token.split(".").slice(0, 2).join("."), "TOKEN_MALFORMED"],
    ["[FC63]", "of four parts", (token) => `${token}.e30`, "TOKEN_MALFORMED"],
  ])("%s is none of a token %s", async (_row, _what, change, reason) => {
    const door = await open(issuerSettings({ url: A }));
    door.expectRefused(
      await door.sign({ token: change(signToken(door.key, door.claims({ iss: A }))) }),
      badToken(reason),
    );
  });

  it("[FC61] is none of a token without", async () => {
    const door = await open(issuerSettings({ url: A }));
    door.expectRefused(await signFor(door, { iss: undefined }), badToken("TOKEN_CLAIM_MISSING"));
  });

  it("[FC58] is the only one that judges: no pattern is asked about a token that its own entry refuses", async () => {
    const pattern = "https://*.example.com";
    const rules = compileClaimRules({ allow: [{ claims: { sub: "somebody else" } }], deny: [] });
    const door = await open(issuerSettings({ url: A, rules }), issuerSettings({ url: pattern, pattern }));
    door.expectRefused(await signFor(door, { iss: A }), badToken("CLAIM_RULE_NO_MATCH"));
    door.expectIssued(await signFor(door, { iss: B }));
  });

  it("[FC59] is the only one that is asked: another is not, when it is down", async () => {
    const pattern = "https://*.example.com";
    const door = await open(issuerSettings({ url: DOWN }), issuerSettings({ url: pattern, pattern }));
    const refusal = { status: 503, code: 14, message: TEXT.issuer, reason: "DISCOVERY_FAILED" } as const;
    door.expectRefused(await signFor(door, { iss: DOWN }), refusal);
    door.expectIssued(await signFor(door, { iss: B }));
  });

  it("[FC77] is that of jobs for tokens of jobs, and not another", async () => {
    const door = await openDoor();
    opened.push(door);
    door.expectIssued(await door.signAsJob());
    door.expectRefused(await door.signAsJob({ iss: `${GITHUB_ISSUER}/other` }), badToken("ISSUER_UNKNOWN"));
    door.expectRefused(await door.signAsJob({ iss: EMAIL_ISSUER }), badToken("TOKEN_CLAIM_MISSING"));
  });
});

describe("an issuer that is trusted for several audiences", () => {
  const ours = compileClaimRules({ allow: [{ name: "ours", claims: { tenant: "ours" } }], deny: [] });
  const entries = [
    issuerSettings({ url: A, audience: "one" }),
    issuerSettings({ url: A, audience: "two", rules: ours, identity: { kind: "email", emailTrust: "unverified" } }),
  ];

  it("[F21] judges a token by the entry of its audience, and no other", async () => {
    const door = await open(...entries);
    door.expectIssued(await signFor(door, { iss: A, aud: "one" }));
    expect(door.audit.records.at(-1)).toMatchObject({ issuer: A, audience: "one", rule: "any" });
    door.expectRefused(
      await signFor(door, { iss: A, aud: "one", email_verified: false }),
      badToken("TOKEN_EMAIL_UNVERIFIED"),
    );
    door.expectRefused(await signFor(door, { iss: A, aud: "two" }), badToken("CLAIM_RULE_NO_MATCH"));
    door.expectIssued(await signFor(door, { iss: A, aud: ["two", "x"], tenant: "ours", email_verified: false }));
    expect(door.audit.records.at(-1)).toMatchObject({ issuer: A, audience: "two", rule: "ours" });
    door.expectRefused(await signFor(door, { iss: A, aud: "three" }), badToken("WRONG_AUDIENCE"));
    door.expectRefused(await signFor(door, { iss: A, aud: undefined }), badToken("TOKEN_CLAIM_MISSING"));
    door.expectRefused(await signFor(door, { iss: A, aud: 1 }), badToken("TOKEN_CLAIM_INVALID"));
  });

  it("does not let a token choose between two", async () => {
    const door = await open(...entries);
    for (const aud of [
      ["one", "two"],
      ["two", "one", "x"],
    ]) {
      door.expectRefused(await signFor(door, { iss: A, aud, tenant: "ours" }), badToken("AUDIENCE_AMBIGUOUS"));
    }
    door.expectRefused(await signFor(door, { iss: A, aud: ["one", "two"], exp: NOW }), badToken("AUDIENCE_AMBIGUOUS"));
  });

  it("tells nobody what its rules would allow before the signature is good", async () => {
    const door = await open(...entries);
    const token = signToken(door.key, door.claims({ iss: A, aud: "two" }));
    const forged = `${token.slice(0, -8)}AAAAAAAA`;
    door.expectRefused(await door.sign({ token: forged }), badToken("TOKEN_SIGNATURE_INVALID"));
  });
});
