import { readFileSync } from "node:fs";
import type { IssuerSettings } from "../adapters/oidc/issuer-settings.ts";
import { ConfigError } from "../config/load-config.ts";
import type { IssuerConfig } from "../config/schema.ts";

/**
 * The configured issuers as the token verifier takes them, with the certificate files they name.
 *
 * @throws ConfigError when a certificate file cannot be read or holds something else
 */
export function openIssuers(issuers: readonly IssuerConfig[]): readonly IssuerSettings[] {
  return issuers.map(({ caCertificate, ...issuer }) =>
    Object.freeze({
      ...issuer,
      ...(caCertificate === undefined ? {} : { caCertificatePem: readCertificates(caCertificate) }),
    }),
  );
}

function readCertificates(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError(`${file}: cannot be read`, { cause });
  }
  if (!pem.includes("-----BEGIN CERTIFICATE-----") || pem.includes("PRIVATE KEY-----")) {
    throw new ConfigError(`${file}: expected certificates in PEM and nothing else`);
  }
  return pem;
}
