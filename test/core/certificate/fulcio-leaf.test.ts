import { createHash, X509Certificate } from "node:crypto";
import { X509Certificate as SigstoreCertificate } from "@sigstore/core";
import { describe, expect, it } from "@jest/globals";
import { encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import { FULCIO_EXTENSIONS } from "../../../src/core/certificate/extensions/fulcio.ts";
import type { IssuerChain } from "../../../src/core/certificate/issuer-chain.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import { derChildren, parseDer } from "../../../src/core/encoding/der-reader.ts";
import type { FulcioExtensions } from "../../../src/core/identity/principal.ts";
import { proven, spkiOf } from "../../support/certificate-fixtures.ts";
import { readVector } from "../../support/vectors.ts";

const vector = readVector("valid/sigstore-staging-sct.json") as Record<"certificate" | "issuer", string>;
const [leafDer, issuerDer] = [vector.certificate, vector.issuer].map((text) => Buffer.from(text, "base64"));

/** Values of the extensions, as Sigstore's own parser reads them. */
function readExtensions(leaf: SigstoreCertificate): FulcioExtensions {
  const values = FULCIO_EXTENSIONS.map(({ number, name, form }) => {
    const extension = leaf.extension(`1.3.6.1.4.1.57264.1.${String(number)}`);
    const text = form === "raw" ? extension?.value : extension?.valueObj.subs[0]!.value;
    return [name, text?.toString("utf8") ?? ""] as const;
  });
  return { issuer: "", ...Object.fromEntries(values) };
}

/** The part of an issuing chain that leaves are made from. */
function readIssuer(der: Buffer): IssuerChain {
  const x509 = new X509Certificate(der);
  const spki = spkiOf(x509.publicKey);
  const sigstore = SigstoreCertificate.parse(Buffer.from(der));
  return {
    certificates: [der],
    pem: [x509.toString().trim()],
    fingerprints: [createHash("sha256").update(der).digest()],
    subjectName: derChildren(derChildren(parseDer(der))[0]!)[5]!.bytes,
    subjectPublicKeyInfo: spki,
    issuerKeyHash: createHash("sha256").update(spki).digest(),
    subjectKeyIdentifier: sigstore.extSubjectKeyID!.keyIdentifier,
    signatureAlgorithm: "ecdsa-p384-sha384",
    notBeforeMs: x509.validFromDate.getTime(),
    notAfterMs: x509.validToDate.getTime(),
  };
}

describe("a leaf that Fulcio issued", () => {
  it("comes out octet for octet from the same values", () => {
    const sigstore = SigstoreCertificate.parse(Buffer.from(leafDer!));
    const x509 = new X509Certificate(leafDer!);
    const template = lintTemplate({
      serialNumber: sigstore.serialNumber,
      issuer: readIssuer(issuerDer!),
      notBeforeMs: x509.validFromDate.getTime(),
      notAfterMs: x509.validToDate.getTime(),
      key: proven({ spki: spkiOf(x509.publicKey) }, "ecdsa-p256"),
      subjectAltName: { kind: "uri", value: sigstore.subjectAltName! },
      extensions: readExtensions(sigstore),
    });
    const list = sigstore.extension("1.3.6.1.4.1.11129.2.4.2")!.valueObj.subs[0]!.value;
    const tbs = encodeTbs(encodeTemplate(template), { kind: "sct-list", list });
    expect(Buffer.from(tbs).toString("hex")).toBe(
      Buffer.from(derChildren(parseDer(leafDer!))[0]!.bytes).toString("hex"),
    );
    expect(template.notAfterMs - template.notBeforeMs).toBe(600_000);
  });
});
