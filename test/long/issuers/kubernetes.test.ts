import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { mkdtempSync, writeFileSync } from "node:fs";
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
import { ETCD, KUBE_APISERVER, startKubeApiserver, type KubeApiserver } from "../../support/issuers/kube-apiserver.ts";
import { itWhen } from "../../support/it-when.ts";

const missing = whatIsMissing(KUBE_APISERVER, ETCD);
const [itWithIssuer, skipped] = itWhen(missing === undefined, missing ?? "");
const folder = mkdtempSync(join(tmpdir(), "mayfly-kubernetes-"));
const BUILDER = "https://kubernetes.io/namespaces/default/serviceaccounts/builder";
let issuer: KubeApiserver;
/** Mayfly as it runs in a cluster. */
let lab: IssuerLab;

const entry = (...settings: readonly string[]): string =>
  `{ ${[`url: "${issuer.url}"`, "identity: { kind: kubernetes }", "allowPrivateNetwork: true", ...settings].join(", ")} }`;
const trusted = (): string => `caCertificate: ${issuer.caFile}`;

beforeAll(async () => {
  if ("whyNot" in KUBE_APISERVER || "whyNot" in ETCD) return;
  recordVersion("Kubernetes", `${KUBE_APISERVER.version}, on etcd ${ETCD.version}`);
  issuer = await startKubeApiserver(folder);
  lab = await openIssuerLab([entry(trusted(), `bearerTokenFile: ${issuer.bearerTokenFile}`)]);
});

afterAll(() => endIssuerTest(lab, folder));

const builder = (): Promise<string> => issuer.token("builder", "sigstore");
const CHALLENGE = "system:serviceaccount:default:builder";

/** How a Mayfly with other settings refuses a good token. */
async function refusalWith(
  ...settings: readonly string[]
): Promise<{ readonly status: number; readonly reason: string }> {
  const other = await openIssuerLab([entry(...settings)]);
  try {
    return await other.refusal(await builder());
  } finally {
    await other.close();
  }
}

describe("Kubernetes' API server", () => {
  itWithIssuer(`that is away is 503, and heals by itself when it is back with a new key${skipped}`, async () => {
    const token = await builder();
    await issuer.program().stop();
    const refusal = await lab.refusal(token);
    expect(refusal).toMatchObject({ status: 503, reason: "DISCOVERY_FAILED" });
    expect(refusal.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    await issuer.restart();
    const attempts = await lab.askUntilGranted(builder, CHALLENGE);
    recordEvidence(`Kubernetes away: 503 with Retry-After; back: a certificate at attempt ${String(attempts)}`);
  });

  itWithIssuer(`gives service accounts tokens that are worth a certificate${skipped}`, async () => {
    const { subjectAltName, extensions } = await lab.sign(await builder(), BUILDER);
    expect(subjectAltName).toBe(`URI:${BUILDER}`);
    expect(extensions).toMatchObject({ 1: issuer.url, 8: issuer.url });
    recordEvidence(`Kubernetes, token of a service account: \`${subjectAltName}\`, issuer in both extensions`);
    recordEvidence(
      "Kubernetes: its documents were fetched over TLS of its own authority, with a service account's token",
    );
  });

  itWithIssuer.each<readonly [what: string, reason: string, token: () => Promise<string>]>([
    ["for the API server itself", "WRONG_AUDIENCE", () => issuer.token("builder", issuer.url)],
    ["with another signature", "TOKEN_SIGNATURE_INVALID", async () => tamperedSignature(await builder())],
    [
      "of another account under the signature",
      "TOKEN_SIGNATURE_INVALID",
      async () => tamperedClaims(await builder(), { sub: "system:serviceaccount:kube-system:root" }),
    ],
  ])(`is refused with a token %s: %s${skipped}`, async (what, reason, token) => {
    expect(await lab.refusal(await token())).toMatchObject({ status: 400, reason });
    recordEvidence(`Kubernetes, token ${what}: refused, ${reason}`);
  });

  itWithIssuer(`is refused with a token for two audiences where one is wanted${skipped}`, async () => {
    const settings = [trusted(), `bearerTokenFile: ${issuer.bearerTokenFile}`, "strictAudience: true"];
    const strict = await openIssuerLab([entry(...settings)]);
    try {
      const token = await issuer.token("builder", "sigstore", "elsewhere");
      expect(await strict.refusal(token)).toMatchObject({ status: 400, reason: "WRONG_AUDIENCE" });
      expect((await strict.sign(await builder(), BUILDER)).subjectAltName).toBe(`URI:${BUILDER}`);
    } finally {
      await strict.close();
    }
    recordEvidence("Kubernetes, token for two audiences: refused where one is wanted, WRONG_AUDIENCE");
  });

  itWithIssuer(`tells nothing to whoever has no token or a wrong one, or does not trust it${skipped}`, async () => {
    const unavailable = { status: 503, reason: "DISCOVERY_FAILED" };
    const wrong = join(folder, "wrong-token");
    writeFileSync(wrong, "nobody's token", { mode: 0o600 });
    expect(await refusalWith(trusted())).toMatchObject(unavailable);
    expect(await refusalWith(trusted(), `bearerTokenFile: ${wrong}`)).toMatchObject(unavailable);
    expect(await refusalWith(`bearerTokenFile: ${issuer.bearerTokenFile}`)).toMatchObject(unavailable);
    recordEvidence("Kubernetes, asked without a token, with a wrong one, or without its authority: 503");
  });

  itWithIssuer(`has its new key used at once, and its old one no longer${skipped}`, async () => {
    const old = await builder();
    await issuer.restart();
    expect((await lab.sign(await builder(), BUILDER)).subjectAltName).toBe(`URI:${BUILDER}`);
    expect(await lab.refusal(old)).toMatchObject({ status: 400, reason: "TOKEN_KEY_UNKNOWN" });
    recordEvidence("Kubernetes, key rotated: the new one is found at once, the old one refused, TOKEN_KEY_UNKNOWN");
  });
});
