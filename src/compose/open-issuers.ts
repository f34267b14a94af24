import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IssuerSettings } from "../adapters/oidc/issuer-settings.ts";
import { ConfigError } from "../config/load-config.ts";
import type { IssuerConfig } from "../config/schema.ts";
import { compileClaimRules } from "../core/identity/claim-rules.ts";

/**
 * The configured issuers as the token verifier takes them, with the certificate files they name.
 *
 * @throws ConfigError when a certificate file cannot be read or holds something else
 */
export function openIssuers(issuers: readonly IssuerConfig[]): readonly IssuerSettings[] {
  return issuers.map(({ caCertificate, allow = "any", deny, ...issuer }) =>
    Object.freeze({
      ...issuer,
      ...(issuer.url.includes("*") ? { pattern: issuer.url } : {}),
      rules: compileClaimRules({ allow, deny }),
      ...(caCertificate === undefined ? {} : { caCertificatePem: readCertificates(caCertificate) }),
    }),
  );
}

/**
 * The certificates for issuers' TLS that are of no use any more: connections to their issuers will fail unless another
 * authority vouches for them.
 */
export function expiredAuthorities(
  issuers: readonly IssuerSettings[],
  nowMs: number,
): readonly { readonly issuer: string; readonly expired: string }[] {
  return issuers.flatMap(({ url, caCertificatePem = "" }) =>
    (caCertificatePem.match(CERTIFICATE) ?? [])
      .map((pem) => new X509Certificate(pem))
      .filter(({ validToDate }) => validToDate.getTime() < nowMs)
      .map(({ validToDate }) => ({ issuer: url, expired: validToDate.toISOString() })),
  );
}

function readCertificates(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError(`${file}: cannot be read`, { cause });
  }
  const certificates = pem.match(CERTIFICATE);
  if (certificates === null || pem.includes("PRIVATE KEY-----")) {
    throw new ConfigError(`${file}: expected certificates in PEM and nothing else`);
  }
  try {
    // What TLS cannot read it leaves out without a word, and then trusts nobody.
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (cause) {
    throw new ConfigError(`${file}: holds a certificate that cannot be read`, { cause });
  }
  return pem;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/gu;
