import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { IssuerFailure } from "../adapters/oidc/issuer-failure.ts";
import type { IssuerSettings } from "../adapters/oidc/issuer-settings.ts";
import { MAX_JWKS_BYTES, parseJwks } from "../adapters/oidc/jwks.ts";
import { ConfigError } from "../config/load-config.ts";
import { readSettingsFile } from "../config/read-settings-file.ts";
import type { IssuerConfig } from "../config/schema.ts";
import { compileClaimRules } from "../core/identity/claim-rules.ts";
import type { TokenChecks, TrustedIssuer } from "../core/identity/issuer.ts";

/**
 * The configured issuers as the token verifier takes them, with the certificate files they name.
 *
 * @throws ConfigError when a certificate file cannot be read or holds something else
 */
export function openIssuers(issuers: readonly IssuerConfig[]): readonly IssuerSettings[] {
  return issuers.map((issuer) => {
    const { url, audience, identity, requireKeyProof, allow = "any", deny } = issuer;
    const trusted: TrustedIssuer = {
      url,
      ...(url.includes("*") ? { pattern: url } : {}),
      audience,
      identity,
      rules: compileClaimRules({ allow, deny }),
      requireKeyProof,
      tokenChecks: tokenChecksOf(issuer),
    };
    return Object.freeze({ ...trusted, ...openFetchSettings(issuer) });
  });
}

function tokenChecksOf(issuer: IssuerConfig): TokenChecks {
  const { types, strictAudience, requireAzp, singleUse, maxLifetimeSeconds, leewaySeconds } = issuer;
  return Object.freeze({
    ...(types === undefined ? {} : { types }),
    isAudienceAlone: strictAudience,
    isPartyRequired: requireAzp,
    isForOneUse: singleUse,
    maxLifetimeSeconds,
    leewaySeconds,
  });
}

function openFetchSettings(issuer: IssuerConfig): Omit<IssuerSettings, keyof TrustedIssuer> {
  const { allowInsecureHttp, allowPrivateNetwork, caCertificate, jwksFile, bearerTokenFile } = issuer;
  const { algorithms, discoveryUrl, jwksUrl, jwksHosts, staleKeysSeconds, caCertificatePem } = issuer;
  return {
    allowInsecureHttp,
    allowPrivateNetwork,
    ...(caCertificatePem === undefined ? {} : { caCertificatePem }),
    ...(caCertificate === undefined ? {} : { caCertificatePem: readCertificates(caCertificate) }),
    ...(algorithms === undefined ? {} : { algorithms }),
    ...(discoveryUrl === undefined ? {} : { discoveryUrl }),
    ...(jwksUrl === undefined ? {} : { jwksUrl }),
    ...(jwksHosts === undefined ? {} : { jwksHosts }),
    ...(jwksFile === undefined ? {} : { jwks: readKeySet(jwksFile) }),
    ...(bearerTokenFile === undefined
      ? {}
      : { bearerTokenFile, readBearerToken: () => readBearerToken(bearerTokenFile) }),
    staleSeconds: staleKeysSeconds,
  };
}

function readKeySet(file: string): Uint8Array {
  const bytes = readSettingsFile(file, MAX_JWKS_BYTES);
  try {
    parseJwks(bytes);
    return bytes;
  } catch (cause) {
    if (cause instanceof IssuerFailure) throw new ConfigError(`${file}: ${cause.message}`, { cause });
    throw cause;
  }
}

/** Visible ASCII without what a header field cannot hold (RFC 6750 §2.1). */
const BEARER_TOKEN = /^[A-Za-z0-9._~+/-]{1,16384}=*$/u;

/** Kubernetes replaces a service account's token within the hour, so that none may be remembered. */
async function readBearerToken(file: string): Promise<string> {
  const text = (await readFile(file, "latin1")).trimEnd();
  if (!BEARER_TOKEN.test(text)) throw new Error("the file does not hold a bearer token and nothing else");
  return text;
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
  const pem = new TextDecoder().decode(readSettingsFile(file));
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
