import { X509Certificate } from "node:crypto";
import { X509Certificate as SigstoreCertificate } from "@sigstore/core";
import { describe, expect, it } from "@jest/globals";
import { Certificate } from "pkijs";
import { assertCanonicalDer } from "../../../src/core/encoding/canonical-der.ts";
import { encodeCaBasicConstraints } from "../../../src/core/certificate/extensions/basic-constraints.ts";
import { makeCa, makeCaCertificate, makeKeyPair, NOW_MS } from "../../support/certificate-fixtures.ts";
import { openssl, opensslVerify } from "../../support/openssl.ts";

const ca = makeCa();
const text = (der: Uint8Array): string => openssl(["x509", "-inform", "DER", "-noout", "-text"], der);

describe("encodeCaTbs", () => {
  it("[CL17] makes a root as the profile has it", () => {
    const shown = text(ca.rootDer);
    expect(shown).toMatch(/Issuer: O = Mayfly tests, CN = root\n/u);
    expect(shown).toMatch(/Subject: O = Mayfly tests, CN = root\n/u);
    expect(shown).toMatch(/X509v3 Key Usage: critical\n\s+Certificate Sign, CRL Sign\n/u);
    expect(shown).toMatch(/X509v3 Basic Constraints: critical\n\s+CA:TRUE\n/u);
    expect(shown).not.toMatch(/Extended Key Usage/u);
    expect(opensslVerify(ca.rootDer, ca, NOW_MS)).toMatch(/OK/u);
  });

  it("[CL17] makes an issuing CA as the profile has it", () => {
    const shown = text(ca.issuingDer);
    expect(shown).toMatch(/Issuer: O = Mayfly tests, CN = root\n/u);
    expect(shown).toMatch(/Subject: O = Mayfly tests, CN = issuing CA\n/u);
    expect(shown).toMatch(/X509v3 Extended Key Usage: \n\s+Code Signing\n/u);
    expect(shown).toMatch(/X509v3 Basic Constraints: critical\n\s+CA:TRUE, pathlen:0\n/u);
    expect(opensslVerify(ca.issuingDer, ca, NOW_MS)).toMatch(/OK/u);
    const [issuing, root] = [ca.issuingDer, ca.rootDer].map((der) => SigstoreCertificate.parse(Buffer.from(der)));
    expect(issuing!.verify(root)).toBe(true);
    expect(issuing!.isCA).toBe(true);
    expect(issuing!.extAuthorityKeyID!.keyIdentifier!.equals(root!.extSubjectKeyID!.keyIdentifier)).toBe(true);
  });

  it.each([
    ["root", ca.rootDer],
    ["issuing CA", ca.issuingDer],
  ])("is canonical and survives pkijs: %s", (_name, der) => {
    assertCanonicalDer(der);
    const again = new Uint8Array(Certificate.fromBER(Uint8Array.from(der)).toSchema(true).toBER());
    expect(Buffer.from(again).equals(der)).toBe(true);
    expect(new X509Certificate(der).ca).toBe(true);
  });

  it("says names beyond ASCII and ends beyond 2049", () => {
    const key = makeKeyPair("rsa-2048");
    const name = { organization: "Müller & Söhne", commonName: "根 CA" };
    const der = makeCaCertificate(key, key, {
      algorithm: "rsa-pkcs1-sha256",
      subject: { name, subjectPublicKeyInfo: key.spki },
      notAfterMs: Date.UTC(2056, 0, 1),
    });
    assertCanonicalDer(der);
    expect(new X509Certificate(der).subject).toBe("O=Müller & Söhne\nCN=根 CA");
    expect(new X509Certificate(der).validTo).toBe("Jan  1 00:00:00 2056 GMT");
    expect(text(der)).toMatch(/Signature Algorithm: sha256WithRSAEncryption/u);
  });

  it.each([-1, 0.5, 256, NaN])("refuses a path length of %p", (pathLength) => {
    expect(() => encodeCaBasicConstraints(pathLength)).toThrow(RangeError);
  });
});
