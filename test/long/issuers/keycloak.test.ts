import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whatIsMissing } from "../../support/clients/installation.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import {
  endIssuerTest,
  openIssuerLab,
  tamperedClaims,
  tamperedSignature,
  type IssuerLab,
} from "../../support/issuers/issuer-lab.ts";
import { KEYCLOAK, startKeycloak, type Keycloak } from "../../support/issuers/keycloak.ts";
import { itWhen } from "../../support/it-when.ts";

const missing = whatIsMissing(KEYCLOAK);
const [itWithIssuer, skipped] = itWhen(missing === undefined, missing ?? "");
const folder = mkdtempSync(join(tmpdir(), "mayfly-keycloak-"));
let issuer: Keycloak;
let lab: IssuerLab;

beforeAll(async () => {
  if ("whyNot" in KEYCLOAK) return;
  recordVersion("Keycloak", KEYCLOAK.version);
  issuer = await startKeycloak(folder);
  const settings = "requireAzp: true, strictAudience: true, allowInsecureHttp: true, allowPrivateNetwork: true";
  lab = await openIssuerLab([`{ url: "${issuer.url}", identity: { kind: email }, ${settings} }`]);
});

afterAll(() => endIssuerTest(lab, folder));

const signIn = (): Promise<string> => issuer.token("alice", "sigstore");

describe("Keycloak", () => {
  itWithIssuer(`that takes connections and does not answer is 503, and heals by itself${skipped}`, async () => {
    const token = await signIn();
    issuer.program().freeze();
    try {
      const refusal = await lab.refusal(token);
      expect(refusal.status).toBe(503);
      expect(refusal.retryAfterSeconds).toBeGreaterThanOrEqual(1);
      recordEvidence(`Keycloak frozen: 503, ${refusal.reason}, with Retry-After`);
    } finally {
      issuer.program().thaw();
    }
    const attempts = await lab.askUntilGranted(signIn, "alice@example.com");
    recordEvidence(`Keycloak back: a certificate at attempt ${String(attempts)}`);
  });

  itWithIssuer(`gives ID tokens that are worth a certificate, azp and sole audience included${skipped}`, async () => {
    const { subjectAltName, extensions } = await lab.sign(await signIn(), "alice@example.com");
    expect(subjectAltName).toBe("email:alice@example.com");
    expect(extensions).toMatchObject({ 1: issuer.url, 8: issuer.url });
    recordEvidence(`Keycloak, ID token of a person: \`${subjectAltName}\`, issuer in both extensions`);
  });

  itWithIssuer.each<readonly [what: string, reason: string, token: () => Promise<string>]>([
    ["of another client", "WRONG_AUDIENCE", () => issuer.token("alice", "other")],
    ["of somebody whose address is not verified", "TOKEN_EMAIL_UNVERIFIED", () => issuer.token("mallory", "sigstore")],
    [
      "that is an access token without an audience",
      "TOKEN_CLAIM_MISSING",
      () => issuer.token("alice", "sigstore", "access_token"),
    ],
    ["with another signature", "TOKEN_SIGNATURE_INVALID", async () => tamperedSignature(await signIn())],
    [
      "with another address under its signature",
      "TOKEN_SIGNATURE_INVALID",
      async () => tamperedClaims(await signIn(), { email: "root@example.com" }),
    ],
    [
      "of the issuer of another realm",
      "ISSUER_UNKNOWN",
      async () => tamperedClaims(await signIn(), { iss: issuer.url.replace("/ci", "/master") }),
    ],
  ])(`is refused with a token %s: %s${skipped}`, async (what, reason, token) => {
    expect(await lab.refusal(await token())).toMatchObject({ status: 400, reason });
    recordEvidence(`Keycloak, token ${what}: refused, ${reason}`);
  });

  itWithIssuer(`gives no token to somebody who is disabled there${skipped}`, async () => {
    await expect(issuer.token("gone", "sigstore")).rejects.toThrow("Account disabled");
    recordEvidence("Keycloak, user disabled: no token");
  });

  itWithIssuer(`has its new key used at once, and its old one no longer${skipped}`, async () => {
    const old = await signIn();
    await issuer.rotate();
    expect((await lab.sign(await signIn(), "alice@example.com")).subjectAltName).toBe("email:alice@example.com");
    expect(await lab.refusal(old)).toMatchObject({ status: 400, reason: "TOKEN_KEY_UNKNOWN" });
    recordEvidence("Keycloak, key rotated: the new one is found at once, the old one refused, TOKEN_KEY_UNKNOWN");
  });
});
