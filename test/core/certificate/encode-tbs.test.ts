import { X509Certificate } from "node:crypto";
import { X509Certificate as SigstoreCertificate } from "@sigstore/core";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Certificate } from "pkijs";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { encodeCertificate, encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import type { LastExtension } from "../../../src/core/certificate/extensions/last-extension.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import type { CertificateTemplate, LintedTemplate } from "../../../src/core/certificate/template.ts";
import { assertCanonicalDer } from "../../../src/core/encoding/canonical-der.ts";
import { derChildren, parseDer } from "../../../src/core/encoding/der-reader.ts";
import type { FulcioExtensions, SubjectAltName } from "../../../src/core/identity/principal.ts";
import type { KeyAlgorithm } from "../../../src/core/proof/public-key.ts";
import {
  ALL_EXTENSIONS,
  certify,
  EMAIL,
  KEY_ALGORITHMS,
  makeCa,
  makeKeyPair,
  makeLoneRoot,
  makeTemplate,
  NOW_MS,
  proven,
  SCT_LIST,
  type TestCa,
  USERNAME,
  WORKFLOW_URI,
} from "../../support/certificate-fixtures.ts";
import { openssl, opensslVerify } from "../../support/openssl.ts";

const ca = makeCa();
const NONE: LastExtension = { kind: "none" };
const POISON: LastExtension = { kind: "poison" };
const SCTS: LastExtension = { kind: "sct-list", list: SCT_LIST };

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function linted(parts: Partial<CertificateTemplate> = {}, issuer: TestCa = ca): LintedTemplate {
  return lintTemplate(makeTemplate(issuer, parts));
}

function issue(template: LintedTemplate, last: LastExtension = SCTS, issuer: TestCa = ca): Uint8Array {
  return certify(
    encodeTbs(encodeTemplate(template), last),
    issuer.chain.signatureAlgorithm,
    issuer.issuingKey.privateKey,
  );
}

/** The extensions of a TBS, each as hex. */
function extensionsOf(tbs: Uint8Array): string[] {
  return derChildren(parseDer(derChildren(parseDer(tbs)).at(-1)!.content)).map(({ bytes }) => hex(bytes));
}

/** An extension's value as Sigstore's own parser gives it. */
function sigstoreValue(der: Uint8Array, number: number): Buffer {
  return SigstoreCertificate.parse(Buffer.from(der)).extension(`1.3.6.1.4.1.57264.1.${String(number)}`)!.value;
}

/** A name as Node.js shows it, which knows no otherName. */
function inNode({ kind, value }: SubjectAltName): string {
  return kind === "username" ? "othername:<unsupported>" : `${kind === "email" ? "email" : "URI"}:${value}`;
}

describe("a certificate", () => {
  const cases = KEY_ALGORITHMS.flatMap((algorithm) => [
    [algorithm, "an e-mail address", EMAIL] as const,
    [algorithm, "a workflow", WORKFLOW_URI] as const,
    [algorithm, "a user name", USERNAME] as const,
  ]);

  it.each(cases)(
    "with a %s key for %s satisfies OpenSSL, Node, pkijs and Sigstore",
    (algorithm, _who, subjectAltName) => {
      const key = makeKeyPair(algorithm);
      const template = linted({ key: proven(key, algorithm), subjectAltName, extensions: ALL_EXTENSIONS });
      const leaf = issue(template);

      assertCanonicalDer(leaf);
      expect(opensslVerify(leaf, ca, NOW_MS)).toMatch(/leaf\.pem: OK/u);
      expect(openssl(["asn1parse", "-inform", "DER"], leaf)).toMatch(/:d=1 .* prim: BIT STRING\s*$/u); // read to the end

      const node = new X509Certificate(leaf);
      expect(node.verify(ca.issuingKey.publicKey)).toBe(true);
      expect(node.checkIssued(new X509Certificate(ca.issuingDer))).toBe(true);
      expect(node.subjectAltName).toBe(inNode(subjectAltName));
      expect(node.publicKey.equals(key.publicKey)).toBe(true);
      expect(node.serialNumber).toBe(hex(template.serialNumber).toUpperCase());
      expect(node.ca).toBe(false);

      const pkijs = Certificate.fromBER(Uint8Array.from(leaf));
      expect(hex(new Uint8Array(pkijs.toSchema(true).toBER()))).toBe(hex(leaf));

      const sigstore = SigstoreCertificate.parse(Buffer.from(leaf));
      expect(sigstore.verify(SigstoreCertificate.parse(Buffer.from(ca.issuingDer)))).toBe(true);
      expect(sigstore.subjectAltName).toBe(subjectAltName.kind === "username" ? undefined : subjectAltName.value);
      expect(sigstore.extSCT!.signedCertificateTimestamps).toHaveLength(1);
      expect(sigstore.extSubjectKeyID!.keyIdentifier).toHaveLength(20);
      expect(hex(sigstore.extAuthorityKeyID!.keyIdentifier!)).toBe(hex(ca.chain.subjectKeyIdentifier));
    },
  );

  it("[FC170] has a user name as an otherName of Fulcio's type, and no address", () => {
    const leaf = issue(linted({ subjectAltName: USERNAME }));
    const names = Certificate.fromBER(leaf.slice()).extensions!.find(({ extnID }) => extnID === "2.5.29.17")!;
    // GeneralNames { [0] { type-id, [0] EXPLICIT UTF8String } } (RFC 5280 §4.2.1.6), written out by hand.
    const text = hex(Buffer.from("am\u00e9lie!example.com"));
    expect(hex(new Uint8Array(names.extnValue.getValue()))).toBe(`3025a023060a2b0601040183bf300107a0150c13${text}`);
    expect(names.critical).toBe(true);
    expect(openssl(["x509", "-inform", "DER", "-noout", "-ext", "subjectAltName"], leaf)).toBe(
      "X509v3 Subject Alternative Name: critical\n    othername: 1.3.6.1.4.1.57264.1.7::am\u00e9lie!example.com\n",
    );
    expect(openssl(["x509", "-inform", "DER", "-noout", "-email"], leaf)).toBe("");
  });

  it("says in OpenSSL's words what the profile demands", () => {
    const key = makeKeyPair("ecdsa-p256");
    const text = openssl(
      ["x509", "-inform", "DER", "-noout", "-text", "-ext", "keyUsage,extendedKeyUsage,subjectAltName,ct_precert_scts"],
      issue(linted({ key: proven(key, "ecdsa-p256") })),
    );
    expect(text).toMatch(/Version: 3 /u);
    expect(text).toMatch(/Signature Algorithm: ecdsa-with-SHA256/u);
    expect(text).toMatch(/Issuer: O = Mayfly tests, CN = issuing CA\n/u);
    expect(text).toMatch(/Not Before: Nov 22 12:00:00 2026 GMT\n\s+Not After : Nov 22 12:10:00 2026 GMT\n/u);
    expect(text).toMatch(/Subject: \n/u);
    expect(text).toMatch(/X509v3 Key Usage: critical\n\s+Digital Signature\n/u);
    expect(text).toMatch(/X509v3 Extended Key Usage: \n\s+Code Signing\n/u);
    expect(text).toMatch(/X509v3 Subject Alternative Name: critical\n\s+email:jane\.doe\+release@example\.com\n/u);
    expect(text).toMatch(/CT Precertificate SCTs: \n\s+Signed Certificate Timestamp:\n\s+Version\s+: v1 /u);
    expect(text).not.toMatch(/Basic Constraints/u);
  });

  it("carries the SHA-1 of the key bits that OpenSSL would compute", () => {
    const key = makeKeyPair("rsa-2048");
    const leaf = issue(linted({ key: proven(key, "rsa-2048") }));
    const shown = openssl(["x509", "-inform", "DER", "-noout", "-ext", "subjectKeyIdentifier"], leaf);
    const bits = key.publicKey.export({ type: "pkcs1", format: "der" }); // what an RSA key's BIT STRING holds
    const sha1 = openssl(["dgst", "-sha1", "-r"], bits).slice(0, 40);
    expect(shown.replaceAll(":", "").toLowerCase()).toContain(sha1);
  });

  it("has its extensions in the profile's order", () => {
    const leaf = new Certificate({
      schema: Certificate.fromBER(issue(linted({ extensions: ALL_EXTENSIONS })).slice()).toSchema(),
    });
    const fulcio = [1, 2, 3, 4, 5, 6, ...Array.from({ length: 17 }, (_, at) => 8 + at)];
    expect(leaf.extensions!.map(({ extnID, critical }) => `${extnID}${critical ? " critical" : ""}`)).toEqual([
      "2.5.29.15 critical",
      "2.5.29.37",
      "2.5.29.14",
      "2.5.29.35",
      "2.5.29.17 critical",
      ...fulcio.map((number) => `1.3.6.1.4.1.57264.1.${String(number)}`),
      "1.3.6.1.4.1.11129.2.4.2",
    ]);
  });

  it("says the issuer as raw text in .1 and as UTF8String in .8", () => {
    const leaf = issue(linted());
    expect(sigstoreValue(leaf, 1).toString()).toBe("https://accounts.example.com");
    expect(hex(sigstoreValue(leaf, 8))).toBe(`0c1c${hex(Buffer.from("https://accounts.example.com"))}`);
  });

  it("says non-ASCII text in UTF-8, raw and as UTF8String", () => {
    const leaf = issue(linted({ extensions: ALL_EXTENSIONS }));
    expect(sigstoreValue(leaf, 4).toString("utf8")).toBe("Veröffentlichung 🚀");
    expect(sigstoreValue(leaf, 23).subarray(2).toString("utf8")).toBe("Produktion → 東京");
    expect(openssl(["asn1parse", "-inform", "DER"], sigstoreValue(leaf, 23))).toContain("UTF8STRING");
  });

  it("leaves out extensions without a value", () => {
    const extensions: FulcioExtensions = { issuer: "https://i.example", deploymentEnvironment: "" };
    const tbs = encodeTbs(encodeTemplate(linted({ extensions })), NONE);
    expect(extensionsOf(tbs)).toHaveLength(5 + 2);
  });

  it.each([1, 125, 126, 127, 128, 129, 253, 254, 255, 256, 257, 1024])("carries a value of %i bytes", (length) => {
    const leaf = issue(
      linted({
        extensions: {
          issuer: "https://i.example",
          githubWorkflowName: "n".repeat(length),
          tokenSubject: "s".repeat(length),
        },
      }),
    );
    assertCanonicalDer(leaf);
    expect(sigstoreValue(leaf, 4)).toHaveLength(length);
    const utf8 = parseDer(sigstoreValue(leaf, 24));
    expect(utf8.tag).toBe(0x0c);
    expect(utf8.content).toHaveLength(length);
    expect(opensslVerify(leaf, ca, NOW_MS)).toMatch(/OK/u);
  });

  it.each([
    ["2049-12-31T23:40:00Z", "UTCTIME", "UTCTIME"],
    ["2049-12-31T23:49:59Z", "UTCTIME", "UTCTIME"],
    ["2049-12-31T23:50:00Z", "UTCTIME", "GENERALIZEDTIME"],
    ["2050-01-01T00:00:00Z", "GENERALIZEDTIME", "GENERALIZEDTIME"],
  ])("of %s has its dates as %s and %s", (instant, notBefore, notAfter) => {
    const notBeforeMs = Date.parse(instant);
    const late = makeCa({ notBeforeMs: notBeforeMs - 60_000, notAfterMs: notBeforeMs + 3_600_000 });
    const leaf = issue(linted({ notBeforeMs, notAfterMs: notBeforeMs + 600_000 }, late), SCTS, late);
    const times = openssl(["asn1parse", "-inform", "DER"], leaf).match(/UTCTIME|GENERALIZEDTIME/gu);
    expect(times).toEqual([notBefore, notAfter]);
    expect(new X509Certificate(leaf).validFromDate.getTime()).toBe(notBeforeMs);
    expect(new X509Certificate(leaf).validToDate.getTime()).toBe(notBeforeMs + 600_000);
    expect(opensslVerify(leaf, late, notBeforeMs)).toMatch(/OK/u);
  });

  it.each<[KeyAlgorithm, SignatureAlgorithm, string]>([
    ["ecdsa-p256", "ecdsa-p256-sha256", "ecdsa-with-SHA256"],
    ["ecdsa-p384", "ecdsa-p384-sha384", "ecdsa-with-SHA384"],
    ["ecdsa-p521", "ecdsa-p521-sha512", "ecdsa-with-SHA512"],
    ["rsa-3072", "rsa-pkcs1-sha256", "sha256WithRSAEncryption"],
  ])("of a lone %s root names that root's key and verifies", (algorithm, signatureAlgorithm, name) => {
    const root = makeLoneRoot(algorithm, signatureAlgorithm);
    const leaf = issue(linted({}, root), SCTS, root);
    const sigstore = SigstoreCertificate.parse(Buffer.from(leaf));
    expect(hex(sigstore.extAuthorityKeyID!.keyIdentifier!)).toBe(hex(root.chain.subjectKeyIdentifier));
    expect(openssl(["x509", "-inform", "DER", "-noout", "-text"], leaf)).toContain(`Signature Algorithm: ${name}`);
    expect(opensslVerify(leaf, root, NOW_MS)).toMatch(/OK/u);
    expect(sigstore.verify(SigstoreCertificate.parse(Buffer.from(root.rootDer)))).toBe(true);
  });

  it.each([
    ["a first octet of zero", "00ff"],
    ["two octets of zero and a small third", "00007f"],
    ["a small first octet", "01"],
    ["the largest first octet", "7f"],
  ])("has a minimal INTEGER for a serial number with %s", (_name, start) => {
    const serial = new Uint8Array(20).fill(0xab);
    serial.set(Buffer.from(start, "hex"));
    const leaf = issue(linted({ serialNumber: serial }));
    assertCanonicalDer(leaf);
    expect(BigInt(`0x${new X509Certificate(leaf).serialNumber}`)).toBe(BigInt(`0x${hex(serial)}`));
    expect(opensslVerify(leaf, ca, NOW_MS)).toMatch(/OK/u);
  });
});

describe("encodeCertificate", () => {
  it.each<SignatureAlgorithm>(["ecdsa-p384-sha384", "ecdsa-p521-sha512", "rsa-pkcs1-sha256", "ed25519"])(
    "refuses a TBS that names ECDSA with SHA-256 from a signer of %s",
    (algorithm) => {
      expect(() => encodeCertificate(encodeTbs(encodeTemplate(linted()), SCTS), algorithm, new Uint8Array(64))).toThrow(
        expect.objectContaining({ reason: "LINT", message: expect.stringMatching(/^signature-algorithm: /u) }),
      );
    },
  );
});

describe("a precertificate", () => {
  it("is refused by OpenSSL for its critical poison, and for nothing else", () => {
    const precertificate = issue(linted(), POISON);
    expect(openssl(["x509", "-inform", "DER", "-noout", "-text"], precertificate)).toMatch(
      /CT Precertificate Poison: critical\n\s+NULL\n/u,
    );
    expect(() => opensslVerify(precertificate, ca, NOW_MS)).toThrow(/unhandled critical extension/u);
  });
});

describe("the three encodings of one template", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }).filter((value) => !/\p{Cc}/u.test(value));
  const names = Object.keys(ALL_EXTENSIONS).filter((name) => name !== "issuer");
  const extensions = fc
    .record(Object.fromEntries(names.map((name) => [name, text])), { requiredKeys: [] })
    .map((values): FulcioExtensions => ({ ...values, issuer: "https://issuer.example" }))
    .filter((values) => Buffer.byteLength(Object.values(values).join("")) < 8000);
  const key = proven(makeKeyPair("ecdsa-p384"), "ecdsa-p384");
  const [email, uri] = [EMAIL, WORKFLOW_URI];

  it("differ in the last extension and in nothing else", () => {
    fc.assert(
      fc.property(extensions, fc.constantFrom(email, uri), (values, subjectAltName) => {
        const template = linted({ extensions: values, subjectAltName, key });
        const [none, poison, scts] = [NONE, POISON, SCTS].map((last) => encodeTbs(encodeTemplate(template), last));
        expect(extensionsOf(poison!).slice(0, -1)).toEqual(extensionsOf(none!));
        expect(extensionsOf(scts!).slice(0, -1)).toEqual(extensionsOf(none!));
        const fields = (tbs: Uint8Array) =>
          derChildren(parseDer(tbs))
            .slice(0, -1)
            .map(({ bytes }) => hex(bytes));
        expect(fields(poison!)).toEqual(fields(none!));
        expect(fields(scts!)).toEqual(fields(none!));
      }),
      { seed: 20261122, numRuns: 50 },
    );
  });

  it("give what pkijs makes by taking the last extension out", () => {
    fc.assert(
      fc.property(extensions, fc.constantFrom(POISON, SCTS), (values, last) => {
        const template = linted({ extensions: values, key });
        const certificate = Certificate.fromBER(issue(template, last).slice());
        certificate.extensions!.pop();
        expect(hex(new Uint8Array(certificate.encodeTBS().toBER()))).toBe(
          hex(encodeTbs(encodeTemplate(template), NONE)),
        );
      }),
      { seed: 20261122, numRuns: 25 },
    );
  });
});
