import { createHash, sign, X509Certificate } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import type { CaTemplate } from "../../../src/core/certificate/ca-certificate.ts";
import { encodeCaBasicConstraints } from "../../../src/core/certificate/extensions/basic-constraints.ts";
import { encodeExtension } from "../../../src/core/certificate/extensions/extension.ts";
import { keyIdentifier } from "../../../src/core/certificate/extensions/subject-key-identifier.ts";
import { assertSignerMatches, parseIssuerChain } from "../../../src/core/certificate/issuer-chain.ts";
import { derChildren, parseDer } from "../../../src/core/encoding/der-reader.ts";
import * as der from "../../../src/core/encoding/der-writer.ts";
import { encodePem } from "../../../src/core/encoding/pem.ts";
import type { KeyAlgorithm } from "../../../src/core/proof/public-key.ts";
import { type KeyPair, makeCaCertificate, makeKeyPair, NOW_MS, pemOf } from "../../support/certificate-fixtures.ts";
import { editTbs, type EditTbs } from "../../support/edit-tbs.ts";
import { openssl } from "../../support/openssl.ts";

const P256: SignatureAlgorithm = "ecdsa-p256-sha256";
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));
const named = (commonName: string, { spki }: KeyPair) => ({
  name: { organization: "Mayfly tests", commonName },
  subjectPublicKeyInfo: spki,
});

const [rootKey, middleKey, issuingKey] = [
  makeKeyPair("ecdsa-p384"),
  makeKeyPair("ecdsa-p256"),
  makeKeyPair("ecdsa-p256"),
];

/** The usual root, and what stands below it, with parts replaced. */
const makeRoot = (changes: Partial<CaTemplate> = {}) =>
  makeCaCertificate(rootKey, rootKey, { algorithm: "ecdsa-p384-sha384", subject: named("root", rootKey), ...changes });
const makeIssuing = (changes: Partial<CaTemplate> = {}) =>
  makeCaCertificate(issuingKey, rootKey, {
    algorithm: "ecdsa-p384-sha384",
    subject: named("issuing", issuingKey),
    issuer: named("root", rootKey),
    pathLength: 0,
    ...changes,
  });
const makeMiddle = (changes: Partial<CaTemplate> = {}) =>
  makeCaCertificate(middleKey, rootKey, {
    algorithm: "ecdsa-p384-sha384",
    subject: named("middle", middleKey),
    issuer: named("root", rootKey),
    ...changes,
  });
const belowMiddle = makeCaCertificate(issuingKey, middleKey, {
  algorithm: P256,
  subject: named("issuing", issuingKey),
  issuer: named("middle", middleKey),
  pathLength: 0,
});

const root = makeRoot();
const issuing = makeIssuing();

/** A certificate with its TBS changed and signed again by the root's key. */
function edited(certificate: Uint8Array, edit: EditTbs): Uint8Array {
  const tbs = editTbs(derChildren(parseDer(certificate))[0]!.bytes, edit);
  const signature = sign("sha384", tbs, rootKey.privateKey);
  return der.sequence(tbs, der.sequence(der.oid("1.2.840.10045.4.3.3")), der.bitString(signature));
}

const BASIC_CONSTRAINTS = der.oid("2.5.29.19");
const KEY_USAGE = der.oid("2.5.29.15");
const EXT_KEY_USAGE = der.oid("2.5.29.37");
const AUTHORITY_KEY_IDENTIFIER = der.oid("2.5.29.35");
const TIME_STAMPING = der.sequence(der.oid("1.3.6.1.5.5.7.3.8"));
/** Places in the extensions of an issuing CA. */
const [KU, EKU, BC, SKI, AKI] = [0, 1, 2, 3, 4];
const replace =
  (at: number, extension: Uint8Array): EditTbs =>
  ({ extensions }) =>
    void extensions.splice(at, 1, extension);
const remove =
  (at: number): EditTbs =>
  ({ extensions }) =>
    void extensions.splice(at, 1);
const add =
  (extension: Uint8Array): EditTbs =>
  ({ extensions }) =>
    void extensions.push(extension);
const subject =
  (...names: Uint8Array[]): EditTbs =>
  ({ fields }) =>
    void fields.splice(5, 1, der.sequence(...names.map((name) => der.set(der.sequence(der.oid("2.5.4.3"), name)))));

/** An Extension with every octet given, so that it may be wrong. */
const extensionOf = (oid: string, critical: string, value: string): Uint8Array =>
  der.sequence(der.oid(oid), bytes(critical), der.octetString(bytes(value)));
const endsAt =
  (time: Uint8Array): EditTbs =>
  ({ fields }) => {
    const [notBefore] = derChildren(parseDer(fields[4]!));
    fields.splice(4, 1, der.sequence(notBefore!.bytes, Uint8Array.of(0x17, time.length, ...time)));
  };

const CHAIN_INVALID = { code: "profile_violation", reason: "CHAIN_INVALID" };

describe("parseIssuerChain", () => {
  it("precomputes what issuance needs from issuing CA and root", () => {
    const chain = parseIssuerChain(pemOf(issuing, root), NOW_MS);
    const x509 = new X509Certificate(issuing);
    expect(chain.certificates.map(hex)).toEqual([hex(issuing), hex(root)]);
    expect(chain.pem).toEqual([x509.toString().trim(), new X509Certificate(root).toString().trim()]);
    expect(chain.fingerprints.map(hex)).toEqual(
      [issuing, root].map((certificate) => createHash("sha256").update(certificate).digest("hex")),
    );
    expect(hex(chain.subjectPublicKeyInfo)).toBe(
      x509.publicKey.export({ type: "spki", format: "der" }).toString("hex"),
    );
    expect(hex(chain.issuerKeyHash)).toBe(createHash("sha256").update(issuingKey.spki).digest("hex"));
    expect(hex(chain.subjectKeyIdentifier)).toBe(hex(keyIdentifier(issuingKey.spki)));
    expect(hex(issuing)).toContain(hex(chain.subjectName));
    expect(chain.signatureAlgorithm).toBe(P256);
    expect(Object.isFrozen(chain)).toBe(true);
  });

  it("reads the same chain from bytes and with CRLF", () => {
    const pem = pemOf(issuing, root);
    const expected = parseIssuerChain(pem, NOW_MS);
    expect(parseIssuerChain(Buffer.from(pem), NOW_MS)).toEqual(expected);
    expect(parseIssuerChain(pem.replaceAll("\n", "\r\n"), NOW_MS)).toEqual(expected);
  });

  it("takes the latest start and the earliest end of the chain", () => {
    const short = makeRoot({ notBeforeMs: NOW_MS - 1000, notAfterMs: NOW_MS + 5000 });
    expect(parseIssuerChain(pemOf(issuing, short), NOW_MS)).toMatchObject({
      notBeforeMs: NOW_MS - 1000,
      notAfterMs: NOW_MS + 5000,
    });
  });

  it("accepts an intermediate between issuing CA and root", () => {
    const chain = parseIssuerChain(
      pemOf(belowMiddle, makeMiddle({ pathLength: 1 }), makeRoot({ pathLength: 2 })),
      NOW_MS,
    );
    expect(chain.certificates).toHaveLength(3);
  });

  it.each<[KeyAlgorithm, SignatureAlgorithm]>([
    ["ecdsa-p256", "ecdsa-p256-sha256"],
    ["ecdsa-p384", "ecdsa-p384-sha384"],
    ["ecdsa-p521", "ecdsa-p521-sha512"],
    ["rsa-2048", "rsa-pkcs1-sha256"],
    ["rsa-4096", "rsa-pkcs1-sha256"],
  ])("accepts a lone %s root, which signs leaves itself with %s", (algorithm, signatureAlgorithm) => {
    const key = makeKeyPair(algorithm);
    const lone = makeCaCertificate(key, key, { algorithm: signatureAlgorithm, pathLength: 0 });
    const chain = parseIssuerChain(pemOf(lone), NOW_MS);
    expect(chain.signatureAlgorithm).toBe(signatureAlgorithm);
    expect(hex(chain.issuerKeyHash)).toBe(createHash("sha256").update(key.spki).digest("hex"));
  });

  it("accepts a root that OpenSSL made", () => {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-noenc", "-keyout", "/dev/null"];
    const usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]; // the rest is OpenSSL's default for a root
    const pem = openssl(["req", "-x509", ...key, "-subj", "/O=Acme/CN=Acme root", "-days", "2", "-sha384", ...usage]);
    const nowMs = new X509Certificate(pem).validFromDate.getTime();
    expect(parseIssuerChain(pem, nowMs).signatureAlgorithm).toBe("ecdsa-p384-sha384");
  });

  it.each<[string, string, RegExp]>([
    ["nothing", "", /not PEM/u],
    ["text around its blocks", `subject=CN = issuing\n${pemOf(issuing, root)}`, /not PEM/u],
    ["more than 64 KiB", pemOf(...Array.from({ length: 100 }, () => root)), /longer than 64 KiB/u],
    ["more than 8 certificates", pemOf(...Array.from({ length: 9 }, () => root)), /more than 8/u],
    [
      "a private key",
      pemOf(issuing, root) + String(issuingKey.privateKey.export({ type: "pkcs8", format: "pem" })),
      /private key/u,
    ],
    [
      "an EC private key",
      pemOf(issuing, root) + String(issuingKey.privateKey.export({ type: "sec1", format: "pem" })),
      /private key/u,
    ],
    [
      "a public key",
      pemOf(issuing, root) + String(issuingKey.publicKey.export({ type: "spki", format: "pem" })),
      /other than certificates/u,
    ],
    [
      "a certificate that is none",
      encodePem("CERTIFICATE", der.sequence(der.nullValue())),
      /certificate 1: it is not a canonical DER/u,
    ],
    [
      "a certificate with bytes after it",
      pemOf(issuing, Uint8Array.of(...root, 0)),
      /certificate 2: it is not a canonical DER/u,
    ],
    ["the root first", pemOf(root, issuing), /certificate 1 does not name the next one/u],
    ["no root", pemOf(issuing), /the root is missing/u],
    ["a certificate too many", pemOf(issuing, makeMiddle(), root), /certificate 1 does not name the next one/u],
    ["the same root twice", pemOf(issuing, root, root), /CN/u],
    ["another root of the same name", pemOf(issuing, anotherRoot()), /not signed by the next one's key/u],
    ["a root that did not sign itself", pemOf(issuing, forgedRoot()), /not signed by its own key/u],
    [
      "a signature with one bit changed",
      pemOf(Uint8Array.from(issuing).with(-9, issuing.at(-9)! ^ 1), root),
      /not signed by the next one's key/u,
    ],
    [
      "a root whose AKI is another's",
      pemOf(issuing, edited(root, replace(3, aki(issuingKey)))),
      /authorityKeyIdentifier is not its own/u,
    ],
    ["an issuing CA without AKI", pemOf(edited(issuing, remove(AKI)), root), /has no authorityKeyIdentifier/u],
    [
      "an issuing CA with another's AKI",
      pemOf(edited(issuing, replace(AKI, aki(issuingKey))), root),
      /not the next one's subjectKeyIdentifier/u,
    ],
    [
      "an AKI without keyIdentifier",
      pemOf(
        edited(issuing, replace(AKI, encodeExtension(AUTHORITY_KEY_IDENTIFIER, "not-critical", der.sequence()))),
        root,
      ),
      /no keyIdentifier/u,
    ],
    ["an issuing CA without SKI", pemOf(edited(issuing, remove(SKI)), root), /no subjectKeyIdentifier/u],
    ["an issuing CA without basicConstraints", pemOf(edited(issuing, remove(BC)), root), /not a CA/u],
    [
      "CA:FALSE",
      pemOf(edited(issuing, replace(BC, encodeExtension(BASIC_CONSTRAINTS, "critical", der.sequence()))), root),
      /not a CA/u,
    ],
    [
      "basicConstraints that is not critical",
      pemOf(
        edited(
          issuing,
          replace(BC, encodeExtension(BASIC_CONSTRAINTS, "not-critical", der.sequence(der.boolean(true)))),
        ),
        root,
      ),
      /not critical/u,
    ],
    ["an issuing CA without keyUsage", pemOf(edited(issuing, remove(KU)), root), /keyCertSign/u],
    [
      "keyUsage without keyCertSign",
      pemOf(edited(issuing, replace(KU, encodeExtension(KEY_USAGE, "critical", bytes("03020780")))), root),
      /keyCertSign/u,
    ],
    [
      "keyUsage that is not critical",
      pemOf(edited(issuing, replace(KU, encodeExtension(KEY_USAGE, "not-critical", bytes("03020106")))), root),
      /keyUsage is not critical/u,
    ],
    [
      "an issuing CA without EKU",
      pemOf(edited(issuing, remove(EKU)), root),
      /^certificate must have extended key usage code signing set/u,
    ],
    [
      "an issuing CA for time stamping",
      pemOf(edited(issuing, replace(EKU, encodeExtension(EXT_KEY_USAGE, "not-critical", TIME_STAMPING))), root),
      /^certificate must have extended key usage code signing set/u,
    ],
    [
      "a root for time stamping",
      pemOf(issuing, edited(root, add(encodeExtension(EXT_KEY_USAGE, "not-critical", TIME_STAMPING)))),
      /extKeyUsage without codeSigning/u,
    ],
    [
      "a lone root for time stamping",
      pemOf(edited(root, add(encodeExtension(EXT_KEY_USAGE, "not-critical", TIME_STAMPING)))),
      /extKeyUsage without codeSigning/u,
    ],
    [
      "name constraints",
      pemOf(edited(issuing, add(encodeExtension(der.oid("2.5.29.30"), "critical", der.sequence()))), root),
      /critical extension 2\.5\.29\.30/u,
    ],
    [
      "an unknown critical extension",
      pemOf(issuing, edited(root, add(encodeExtension(der.oid("1.2.3"), "critical", der.nullValue())))),
      /critical extension 1\.2\.3/u,
    ],
    ["a repeated extension", pemOf(edited(issuing, add(encodeCaBasicConstraints(0))), root), /repeated/u],
    [
      "a root that allows no CA below it",
      pemOf(issuing, makeRoot({ pathLength: 0 })),
      /certificate 2 allows 0 CAs below it/u,
    ],
    ["an empty CN", pemOf(edited(issuing, subject(der.utf8String(""))), root), /no CN/u],
    ["a blank CN", pemOf(edited(issuing, subject(der.utf8String(" "))), root), /no CN/u],
    ["no CN", pemOf(edited(issuing, subject()), root), /no CN/u],
    ["two CNs", pemOf(edited(issuing, subject(der.utf8String("a"), der.utf8String("b"))), root), /several/u],
    ["the root's CN on the issuing CA", pemOf(sameCommonName(), root), /same CN/u],
    [
      "an X.509 v1 certificate",
      pemOf(
        edited(issuing, ({ fields }) => void fields.shift()),
        root,
      ),
      /certificate 1: it is not/u,
    ],
    [
      "two signature algorithms in one certificate",
      pemOf(
        edited(issuing, ({ fields }) => void fields.splice(2, 1, der.sequence(der.oid("1.2.840.10045.4.3.2")))),
        root,
      ),
      /two signature algorithms/u,
    ],
    ...(
      [
        ["CA:FALSE written out", BC, "2.5.29.19", "0101ff", "3003010100", /cannot be read/u],
        ["a critical flag that says FALSE", BC, "2.5.29.19", "010100", "30030101ff", /cannot be read/u],
        ["a keyUsage whose critical flag says FALSE", KU, "2.5.29.15", "010100", "03020106", /cannot be read/u],
        ["basicConstraints that are a SET", BC, "2.5.29.19", "0101ff", "31030101ff", /cannot be read/u],
        ["basicConstraints with a third field", BC, "2.5.29.19", "0101ff", "30080101ff0201000500", /too many fields/u],
        ["a pathLenConstraint of 256", BC, "2.5.29.19", "0101ff", "30070101ff02020100", /above 255/u],
        ["a negative pathLenConstraint", BC, "2.5.29.19", "0101ff", "30060101ff0201ff", /cannot be read/u],
        ["an extKeyUsage that is a SET", EKU, "2.5.29.37", "", "310a06082b06010505070303", /cannot be read/u],
        ["an extKeyUsage of numbers", EKU, "2.5.29.37", "", "3003020101", /cannot be read/u],
        ["an authorityKeyIdentifier that is a SET", AKI, "2.5.29.35", "", "3103800101", /cannot be read/u],
        ["two keyIdentifiers", AKI, "2.5.29.35", "", "3006800101800101", /do not belong there/u],
        ["a NULL behind its keyIdentifier", AKI, "2.5.29.35", "", "30058001010500", /do not belong there/u],
        ["a subjectKeyIdentifier of 65 octets", SKI, "2.5.29.14", "", `0441${"01".repeat(65)}`, /overlong/u],
        ["an extension of four fields", SKI, "2.5.29.14", "0101ff0500", "0400", /canonical DER/u],
      ] as const
    ).map(([what, at, oid, critical, value, message]): [string, string, RegExp] => [
      what,
      pemOf(edited(issuing, replace(at, extensionOf(oid, critical, value))), root),
      message,
    ]),
    ...(
      [
        ["31 February", "300231000000Z"],
        ["29 February of a common year", "290229000000Z"],
        ["the 13th month", "301301000000Z"],
        ["an hour too many", "300101240000Z"],
        ["a time before its beginning", "500101000000Z"],
      ] as const
    ).map(([what, time]): [string, string, RegExp] => [
      `an end at ${what}`,
      pemOf(edited(issuing, endsAt(Buffer.from(time))), root),
      /its validity is no range of times|it is not a canonical DER/u,
    ]),
    ...["020100", "020101", "020103"].map((version): [string, string, RegExp] => [
      `version ${version}`,
      pemOf(
        edited(issuing, ({ fields }) => void fields.splice(0, 1, bytes(`a003${version}`))),
        root,
      ),
      /not an X\.509 v3 certificate/u,
    ]),
    [
      "a unique identifier",
      pemOf(
        edited(issuing, ({ fields }) => void fields.push(bytes("81020055"))),
        root,
      ),
      /unique identifiers|canonical DER/u,
    ],
    ["a CN with a NUL", pemOf(edited(issuing, subject(der.utf8String("a\0b"))), root), /no CN/u],
    ["a CN of letters it may not have", pemOf(edited(issuing, subject(bytes("130254e9"))), root), /no CN/u],
    ["a CN of two-octet letters", pemOf(edited(issuing, subject(bytes("1e0400540065"))), root), /no CN/u],
    ["a SHA-1 signature", pemOf(sha1Signed()), /SHA-2/u],
    ["an Ed25519 root", pemOf(lone("ed25519", "ed25519")), /certificate 1: it is not signed with ECDSA or RSA/u],
    ["an Ed25519 issuing CA", pemOf(issuingFor(makeKeyPair("ed25519")), root), /its key is not ECDSA/u],
    ["an issuing CA with a compressed point", pemOf(issuingFor(compressed()), root), /its key is not ECDSA/u],
    [
      "a secp256k1 issuing CA",
      pemOf(issuingFor(opensslKey("ec", "ec_paramgen_curve:secp256k1")), root),
      /its key is not ECDSA/u,
    ],
    [
      "an RSA-1024 issuing CA",
      pemOf(issuingFor(opensslKey("rsa", "rsa_keygen_bits:1024")), root),
      /less than 2048 bits/u,
    ],
    [
      "an RSA issuing CA with exponent 3",
      pemOf(issuingFor(opensslKey("rsa", "rsa_keygen_pubexp:3")), root),
      /weak exponent/u,
    ],
    [
      "an RSA-PSS issuing CA",
      pemOf(issuingFor(opensslKey("rsa-pss", "rsa_keygen_bits:2048")), root),
      /its key is not ECDSA/u,
    ],
  ])("[CL15] [CL16] [CL17] [CL18] refuses a file with %s", (_name, pem, message) => {
    expect(() => parseIssuerChain(pem, NOW_MS)).toThrow(
      expect.objectContaining({ ...CHAIN_INVALID, message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, Partial<CaTemplate>, Partial<CaTemplate>, RegExp]>([
    ["an issuing CA that has expired", { notAfterMs: NOW_MS - 1000 }, {}, /certificate 1 has expired/u],
    ["an issuing CA that is not valid yet", { notBeforeMs: NOW_MS + 1000 }, {}, /certificate 1 is not valid yet/u],
    ["a root that has expired", {}, { notAfterMs: NOW_MS - 1000 }, /certificate 2 has expired/u],
    ["a root that is not valid yet", {}, { notBeforeMs: NOW_MS + 1000 }, /certificate 2 is not valid yet/u],
  ])("refuses %s", (_name, issuingChanges, rootChanges, message) => {
    const pem = pemOf(makeIssuing(issuingChanges), makeRoot(rootChanges));
    expect(() => parseIssuerChain(pem, NOW_MS)).toThrow(
      expect.objectContaining({ reason: "CA_EXPIRED", message: expect.stringMatching(message) }),
    );
  });

  it("is valid at both ends of its validity and not a millisecond beyond", () => {
    const pem = pemOf(makeIssuing({ notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 1000 }), root);
    for (const nowMs of [NOW_MS, NOW_MS + 1000]) expect(parseIssuerChain(pem, nowMs).notBeforeMs).toBe(NOW_MS);
    for (const nowMs of [NOW_MS - 1, NOW_MS + 1001])
      expect(() => parseIssuerChain(pem, nowMs)).toThrow(/certificate 1/u);
  });
});

describe("assertSignerMatches", () => {
  const chain = parseIssuerChain(pemOf(issuing, root), NOW_MS);

  it("accepts the key of the issuing CA", () => {
    expect(() => {
      assertSignerMatches(chain, issuingKey.spki);
    }).not.toThrow();
  });

  it.each([
    ["the root's key", rootKey.spki],
    ["another key", makeKeyPair("ecdsa-p256").spki],
    ["a key of another type", makeKeyPair("rsa-2048").spki],
  ])("refuses %s in Fulcio's words, with both key identifiers", (_name, spki) => {
    const message = `ecdsa public keys are not equal (${hex(keyIdentifier(issuingKey.spki))}, ${hex(keyIdentifier(spki))})`;
    expect(() => {
      assertSignerMatches(chain, spki);
    }).toThrow(expect.objectContaining({ code: "signer_failed", reason: "SIGNER_KEY_MISMATCH", message }));
  });
});

function aki(key: KeyPair): Uint8Array {
  const value = der.sequence(der.contextPrimitive(0, keyIdentifier(key.spki)));
  return encodeExtension(AUTHORITY_KEY_IDENTIFIER, "not-critical", value);
}

function anotherRoot(): Uint8Array {
  const key = makeKeyPair("ecdsa-p384");
  return makeCaCertificate(key, key, { algorithm: "ecdsa-p384-sha384", subject: named("root", key) });
}

/** Names itself as issuer and has the root's key, but another key signed it. */
function forgedRoot(): Uint8Array {
  const forger = makeKeyPair("ecdsa-p384");
  return makeCaCertificate(rootKey, forger, { algorithm: "ecdsa-p384-sha384", subject: named("root", rootKey) });
}

function sameCommonName(): Uint8Array {
  const name = { organization: "Mayfly tests, issuing", commonName: "root" };
  return makeIssuing({ subject: { name, subjectPublicKeyInfo: issuingKey.spki } });
}

function lone(algorithm: KeyAlgorithm, signatureAlgorithm: SignatureAlgorithm): Uint8Array {
  const key = makeKeyPair(algorithm);
  return makeCaCertificate(key, key, { algorithm: signatureAlgorithm });
}

function issuingFor(key: Pick<KeyPair, "spki">): Uint8Array {
  return makeIssuing({ subject: { name: named("issuing", issuingKey).name, subjectPublicKeyInfo: key.spki } });
}

/** A key type that Mayfly does not make; OpenSSL does. */
function opensslKey(algorithm: string, option: string): Pick<KeyPair, "spki"> {
  const pem = openssl(["genpkey", "-quiet", "-algorithm", algorithm, "-pkeyopt", option]);
  const base64 = openssl(["pkey", "-pubout"], Buffer.from(pem)).replaceAll(/-----.*-----|\n/gu, "");
  return { spki: Uint8Array.from(Buffer.from(base64, "base64")) };
}

/** The issuing CA's key with its point compressed. */
function compressed(): Pick<KeyPair, "spki"> {
  const odd = (issuingKey.spki.at(-1) ?? 0) % 2;
  const point = Uint8Array.of(2 + odd, ...issuingKey.spki.subarray(27, 59));
  return { spki: der.sequence(issuingKey.spki.subarray(2, 23), der.bitString(point)) };
}

/** A lone root whose signature is ecdsa-with-SHA1, valid as such. */
function sha1Signed(): Uint8Array {
  const algorithm = der.sequence(der.oid("1.2.840.10045.4.1"));
  const tbs = editTbs(derChildren(parseDer(root))[0]!.bytes, ({ fields }) => void fields.splice(2, 1, algorithm));
  return der.sequence(tbs, algorithm, der.bitString(sign("sha1", tbs, rootKey.privateKey)));
}
