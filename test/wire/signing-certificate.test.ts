import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { buildSigningCertificate } from "../../src/wire/signing-certificate.ts";
import { ISSUED } from "../http/public-app.ts";

/** A self-signed certificate made by OpenSSL 3.0. */
const PEM = `-----BEGIN CERTIFICATE-----
MIIBdjCCAR2gAwIBAgIUIH9KrZtPCl9aEyq5jbmGw+sWtiMwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGdmVjdG9yMB4XDTI2MTEyMjEzMzgyNloXDTM2MTExOTEzMzgy
NlowETEPMA0GA1UEAwwGdmVjdG9yMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
LgbAHV9izCkkIpy10mjtb8cl8HrqR5r+nQRRg4PScx9sL8cIu9J+RqLiRPvpXZ7f
1J3q42ZwHp93AaZvJMDqXqNTMFEwHQYDVR0OBBYEFIUgR7tr4bdrICVJVp+2woEa
dtLSMB8GA1UdIwQYMBaAFIUgR7tr4bdrICVJVp+2woEadtLSMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgKOuDGnpbSQ1SZ2ZpZOzNg3yj7c1AuN6Z
tzB8g6NPWCYCIErv5/03SD9jgy7Nn3KwNvJScsTxlul7sH4AiS7hPq/M
-----END CERTIFICATE-----`;

describe("the message of an issued certificate", () => {
  it("[CL10] has exactly one top-level member", () => {
    expect(Object.keys(buildSigningCertificate(ISSUED))).toEqual(["signedCertificateEmbeddedSct"]);
    expect(Object.keys(buildSigningCertificate(ISSUED).signedCertificateEmbeddedSct)).toEqual(["chain"]);
  });

  it("U04 [CL11] has the leaf first, then the chain in its order, each without a final newline", () => {
    const leaf = new X509Certificate(PEM).raw;
    const { certificates } = buildSigningCertificate({ ...ISSUED, leaf }).signedCertificateEmbeddedSct.chain;
    expect(certificates).toEqual([PEM, ...ISSUED.chainPem]);
    expect(certificates.length).toBeGreaterThanOrEqual(2);
    expect(certificates.filter((certificate) => certificate !== certificate.trim())).toEqual([]);
  });

  it("writes a leaf that another reader of PEM reads", () => {
    const leaf = new X509Certificate(PEM).raw;
    const [first = ""] = buildSigningCertificate({ ...ISSUED, leaf }).signedCertificateEmbeddedSct.chain.certificates;
    expect(new X509Certificate(first).raw.equals(leaf)).toBe(true);
  });
});
