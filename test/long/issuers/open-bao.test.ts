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
import { OPEN_BAO, startOpenBao, type OpenBao } from "../../support/issuers/open-bao.ts";
import { itWhen } from "../../support/it-when.ts";

const missing = whatIsMissing(OPEN_BAO);
const [itWithIssuer, skipped] = itWhen(missing === undefined, missing ?? "");
const folder = mkdtempSync(join(tmpdir(), "mayfly-open-bao-"));
let issuer: OpenBao;
let lab: IssuerLab;

beforeAll(async () => {
  if ("whyNot" in OPEN_BAO) return;
  recordVersion("OpenBao", OPEN_BAO.version);
  issuer = await startOpenBao(folder);
  const loopback = "allowInsecureHttp: true, allowPrivateNetwork: true";
  lab = await openIssuerLab([`{ url: "${issuer.url}", identity: { kind: email }, ${loopback} }`]);
});

afterAll(() => endIssuerTest(lab, folder));

/** Whom everybody trusts. */
const login = (): Promise<string> => issuer.token("sigstore");

describe("OpenBao", () => {
  itWithIssuer(`that is away is 503, and heals by itself when it is back${skipped}`, async () => {
    const token = await login();
    await issuer.program().stop();
    const refusal = await lab.refusal(token);
    expect(refusal).toMatchObject({ status: 503, reason: "DISCOVERY_FAILED" });
    expect(refusal.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    await issuer.restart();
    const attempts = await lab.askUntilGranted(login, "alice@example.com");
    recordEvidence(`OpenBao away: 503 with Retry-After; back: a certificate at attempt ${String(attempts)}`);
  });

  itWithIssuer(`gives identity tokens that are worth a certificate${skipped}`, async () => {
    const { subjectAltName, extensions } = await lab.sign(await login(), "alice@example.com");
    expect(subjectAltName).toBe("email:alice@example.com");
    expect(extensions).toMatchObject({ 1: issuer.url, 8: issuer.url });
    recordEvidence(`OpenBao, identity token: \`${subjectAltName}\`, issuer in both extensions`);
  });

  itWithIssuer.each<readonly [what: string, reason: string, token: () => Promise<string>]>([
    ["of another role", "WRONG_AUDIENCE", () => issuer.token("other")],
    ["of somebody whose address is not verified", "TOKEN_EMAIL_UNVERIFIED", () => issuer.token("unverified")],
    ["with another signature", "TOKEN_SIGNATURE_INVALID", async () => tamperedSignature(await login())],
    [
      "with another address under its signature",
      "TOKEN_SIGNATURE_INVALID",
      async () => tamperedClaims(await login(), { email: "root@example.com" }),
    ],
  ])(`is refused with a token %s: %s${skipped}`, async (what, reason, token) => {
    expect(await lab.refusal(await token())).toMatchObject({ status: 400, reason });
    recordEvidence(`OpenBao, token ${what}: refused, ${reason}`);
  });

  itWithIssuer(`has its new key used at once, and its old one no longer${skipped}`, async () => {
    const old = await login();
    await issuer.rotate();
    expect((await lab.sign(await login(), "alice@example.com")).subjectAltName).toBe("email:alice@example.com");
    expect(await lab.refusal(old)).toMatchObject({ status: 400, reason: "TOKEN_KEY_UNKNOWN" });
    recordEvidence("OpenBao, key rotated: the new one is found at once, the old one refused, TOKEN_KEY_UNKNOWN");
  });

  itWithIssuer(`gives no token to somebody who is disabled there${skipped}`, async () => {
    await issuer.disable();
    await expect(login()).rejects.toThrow(/40[03]/u);
    recordEvidence("OpenBao, user disabled: no more tokens");
  });
});
