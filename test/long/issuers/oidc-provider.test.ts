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
import { OIDC_PROVIDER, startOidcProvider, type OidcProvider } from "../../support/issuers/oidc-provider.ts";
import { itWhen } from "../../support/it-when.ts";

const missing = whatIsMissing(OIDC_PROVIDER);
const [itWithIssuer, skipped] = itWhen(missing === undefined, missing ?? "");
const folder = mkdtempSync(join(tmpdir(), "mayfly-oidc-provider-"));
let issuer: OidcProvider;
let lab: IssuerLab;

beforeAll(async () => {
  if ("whyNot" in OIDC_PROVIDER) return;
  recordVersion("the npm package", OIDC_PROVIDER.version);
  issuer = await startOidcProvider(folder);
  const loopback = "allowInsecureHttp: true, allowPrivateNetwork: true";
  lab = await openIssuerLab([`{ url: "${issuer.url}", identity: { kind: email }, ${loopback} }`]);
});

afterAll(() => endIssuerTest(lab, folder));

/** Whom everybody trusts. */
const signIn = (): Promise<string> => issuer.signIn("alice", "sigstore");

describe("oidc-provider", () => {
  itWithIssuer(`that is away is 503, and heals by itself when it is back${skipped}`, async () => {
    const token = await signIn();
    await issuer.program().stop();
    const refusal = await lab.refusal(token);
    expect(refusal).toMatchObject({ status: 503, reason: "DISCOVERY_FAILED" });
    expect(refusal.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    await issuer.restart();
    const attempts = await lab.askUntilGranted(signIn, "alice@example.com");
    recordEvidence(`oidc-provider away: 503 with Retry-After; back: a certificate at attempt ${String(attempts)}`);
  });

  itWithIssuer(`gives ID tokens of the authorization code flow that are worth a certificate${skipped}`, async () => {
    const { subjectAltName, extensions } = await lab.sign(await signIn(), "alice@example.com");
    expect(subjectAltName).toBe("email:alice@example.com");
    expect(extensions).toMatchObject({ 1: issuer.url, 8: issuer.url });
    recordEvidence(`oidc-provider, ID token of a person: \`${subjectAltName}\`, issuer in both extensions`);
  });

  itWithIssuer.each<readonly [what: string, reason: string, token: () => Promise<string>]>([
    ["of another client", "WRONG_AUDIENCE", () => issuer.signIn("alice", "other")],
    ["of somebody whose address is not verified", "TOKEN_EMAIL_UNVERIFIED", () => issuer.signIn("mallory", "sigstore")],
    ["that is an access token", "TOKEN_TYPE", () => issuer.accessToken()],
    ["with another signature", "TOKEN_SIGNATURE_INVALID", async () => tamperedSignature(await signIn())],
    [
      "with another address under its signature",
      "TOKEN_SIGNATURE_INVALID",
      async () => tamperedClaims(await signIn(), { email: "root@example.com" }),
    ],
  ])(`is refused with a token %s: %s${skipped}`, async (what, reason, token) => {
    expect(await lab.refusal(await token())).toMatchObject({ status: 400, reason });
    recordEvidence(`oidc-provider, token ${what}: refused, ${reason}`);
  });

  itWithIssuer(`has its new key used at once, and its old one no longer${skipped}`, async () => {
    const old = await signIn();
    await issuer.restart();
    expect((await lab.sign(await signIn(), "alice@example.com")).subjectAltName).toBe("email:alice@example.com");
    expect(await lab.refusal(old)).toMatchObject({ status: 400, reason: "TOKEN_KEY_UNKNOWN" });
    recordEvidence("oidc-provider, key rotated: the new one is found at once, the old one refused, TOKEN_KEY_UNKNOWN");
  });
});
