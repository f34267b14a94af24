import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { encodePem } from "../../src/core/encoding/pem.ts";
import { parseCertificateChain, readCertificateChain } from "../../src/trust/certificate-chain.ts";
import type { ChainPurpose } from "../../src/trust/certificate-chain.ts";
import { makeCa, makeCaCertificate, makeKeyPair, makeLoneRoot, pemOf } from "../support/certificate-fixtures.ts";
import { openssl } from "../support/openssl.ts";
import { makeTimestampChain } from "../support/timestamp-chain.ts";

const ca = makeCa();
const other = makeCa();
const tsa = makeTimestampChain();
const parse = (pem: string, purpose: ChainPurpose = "issuing") => parseCertificateChain(Buffer.from(pem), purpose);

describe("a chain in a trust file", () => {
  it("is that of its file, byte for byte", () => {
    const { certificates, rootSubject, notBeforeMs } = parse(pemOf(ca.issuingDer, ca.rootDer));
    expect(certificates).toEqual([ca.issuingDer, ca.rootDer]);
    expect(rootSubject).toEqual({ organization: "Mayfly tests", commonName: "root" });
    expect(notBeforeMs).toBe(new X509Certificate(ca.issuingDer).validFromDate.getTime());
  });

  it("may be a root that issues by itself", () => {
    const { rootDer } = makeLoneRoot("ecdsa-p256", "ecdsa-p256-sha256");
    expect(parse(pemOf(rootDer)).certificates).toEqual([rootDer]);
  });

  it("may have a root without a name, and has empty ones for it then", () => {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"];
    const pem = openssl(["req", "-x509", ...key, "-subj", "/", "-addext", "keyUsage=critical,keyCertSign"]);
    expect(parse(pem).rootSubject).toEqual({ organization: "", commonName: "" });
  });

  it("may have expired long ago, and is trusted from when its last certificate became valid", () => {
    const validity = { notBeforeMs: Date.UTC(2001, 0, 1), notAfterMs: Date.UTC(2002, 0, 1) };
    const old = makeCa(validity);
    expect(parse(pemOf(old.issuingDer, old.rootDer)).notBeforeMs).toBe(validity.notBeforeMs);
  });

  it("of a timestamp authority begins with the certificate that signs", () => {
    const { certificates, rootSubject } = parse(tsa.own + tsa.root, "timestamping");
    expect(certificates).toEqual([tsa.own, tsa.root].map((pem) => new Uint8Array(new X509Certificate(pem).raw)));
    expect(rootSubject).toEqual({ organization: "example.com", commonName: "TSA root" });
  });

  const second = makeCaCertificate(makeKeyPair("ecdsa-p256"), makeKeyPair("ecdsa-p256"), {
    algorithm: "ecdsa-p256-sha256",
  });
  it.each<[string, ChainPurpose, string, string]>([
    ["no certificate", "issuing", "\n", "not PEM"],
    [
      "something else than certificates",
      "issuing",
      `${pemOf(ca.rootDer)}${encodePem("PUBLIC KEY", ca.issuingKey.spki)}\n`,
      "other than",
    ],
    ["text around the blocks", "issuing", `my chain\n${pemOf(ca.issuingDer, ca.rootDer)}`, "not PEM"],
    ["no root", "issuing", pemOf(ca.issuingDer), "the root is missing"],
    ["the root first", "issuing", pemOf(ca.rootDer, ca.issuingDer), "the root is missing"],
    [
      "the root of another CA",
      "issuing",
      pemOf(ca.issuingDer, other.rootDer),
      "certificate 1 is not issued by the next one",
    ],
    ["a root whose signature is not its own", "issuing", pemOf(second), "the root is missing"],
    [
      "a certificate between that does not belong",
      "issuing",
      pemOf(ca.issuingDer, other.issuingDer, ca.rootDer),
      "certificate 1",
    ],
    ["the root twice", "issuing", pemOf(ca.issuingDer, ...Array.from({ length: 8 }, () => ca.rootDer)), "more than 8"],
    [
      "bytes that are no certificate",
      "issuing",
      pemOf(Uint8Array.of(0x30, 0x00)),
      "certificate 1 is not a canonical DER",
    ],
    [
      "bytes after a certificate",
      "issuing",
      pemOf(Buffer.concat([ca.rootDer, Uint8Array.of(0)])),
      "certificate 1 is not a canonical",
    ],
    [
      "a certificate that issues nothing",
      "issuing",
      tsa.own + tsa.root,
      "certificate 1 is not a certificate of an authority",
    ],
    ["a root alone as a timestamp authority", "timestamping", tsa.root, "own certificate comes first"],
    ["the root of a timestamp authority first", "timestamping", tsa.root + tsa.own, "the root is missing"],
    ["a CA as a timestamp authority", "timestamping", pemOf(ca.issuingDer, ca.rootDer), "not one for timestamps"],
  ])("refuses %s", (_, purpose, pem, says) => {
    expect(() => parse(pem, purpose)).toThrow(
      expect.objectContaining({ reason: "CHAIN_INVALID", message: expect.stringContaining(says) }),
    );
  });

  const root = (key: readonly string[], ...more: readonly string[]): string =>
    openssl([
      ...["req", "-x509", ...key, "-nodes", "-keyout", "/dev/null", "-subj", "/CN=root", ...more],
      ...["-addext", "keyUsage=critical,keyCertSign"],
    ]);
  const curve = (name: string): readonly string[] => ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${name}`];

  it.each([
    ["RSA with 2048 bits", ["-newkey", "rsa:2048"]],
    ["P-384", curve("P-384")],
    ["P-521", curve("P-521")],
    ["Ed25519", ["-newkey", "ed25519"]],
  ])("may have a key that is %s", (_, key) => {
    expect(parse(root(key)).certificates).toHaveLength(1);
  });

  it.each([
    ["on a curve that Go does not know", curve("secp256k1")],
    ["on a curve of Brainpool", curve("brainpoolP256r1")],
    ["on P-224", curve("P-224")],
    ["RSA with 1024 bits", ["-newkey", "rsa:1024"]],
    ["Ed448", ["-newkey", "ed448"]],
    ["an RSA key for PSS only", ["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"]],
  ])("refuses a key that is %s, and does not end the process", (_, key) => {
    expect(() => parse(root(key))).toThrow(/^the key of certificate 1 is neither RSA/u);
  });

  it("refuses a negative serial number, at which Go refuses the whole trusted root; roots of old have 0", () => {
    expect(() => parse(root(curve("P-256"), "-set_serial", "-5"))).toThrow(
      "the serial number of certificate 1 is negative",
    );
    expect(parse(root(curve("P-256"), "-set_serial", "0")).certificates).toHaveLength(1);
  });

  it("refuses a timestamp authority whose certificate is for something else", () => {
    const { own, root } = makeTimestampChain("codeSigning");
    expect(() => parse(own + root, "timestamping")).toThrow("not one for timestamps");
  });

  it("refuses no certificate at all", () => {
    expect(() => readCertificateChain([], "issuing")).toThrow("holds no certificate");
  });
});
