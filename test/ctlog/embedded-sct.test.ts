import { describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { publicKeyHash, takeEmbeddedScts } from "../../src/core/certificate/embedded-scts.ts";
import { parseLogKey } from "../../src/core/ct/log-key.ts";
import { encodeSctList } from "../../src/core/ct/sct.ts";
import { DerError } from "../../src/core/encoding/der-reader.ts";
import { octetString, oid, sequence } from "../../src/core/encoding/der-writer.ts";
import { sctsOfCertificate, verifyEmbeddedSct } from "../../src/ctlog/embedded-sct.ts";
import { sha256 } from "../support/log-fixtures.ts";
import { extensionValue, SCT_LIST, tbsWithoutExtension } from "../support/tbs-without-extension.ts";
import { makeTiledLogKeys } from "../support/tiled-log.ts";
import { flipBit, fromBase64, readVector, toHex } from "../support/vectors.ts";

const staging = readVector("valid/sigstore-staging-sct.json") as Record<string, string>;
const go = readVector("valid/ct-go-scts.json") as { issuer: string; x509Entry: { certificate: string } };
const certificate = fromBase64(staging["certificate"]!);
const issuer = fromBase64(staging["issuer"]!);
const logKey = parseLogKey(fromBase64(staging["logPublicKey"]!));
const another = makeTiledLogKeys("log.test/another").logKey;

const INVALID = expect.objectContaining({ code: "log_failed", reason: "SCT_INVALID" });

describe("a certificate of Sigstore's staging CA", () => {
  it("has one SCT, which its log gave for it", () => {
    const [sct, ...more] = sctsOfCertificate(certificate);
    expect(more).toEqual([]);
    const verified = verifyEmbeddedSct({ certificate, issuer }, logKey);
    expect(verified).toMatchObject({ timestampMs: sct!.timestampMs });
    expect(toHex(verified.logId)).toBe(toHex(logKey.logId));
    // The leaf as RFC 6962 §3.4 says it, around a TBS that sigstore-js encoded.
    const tbs = tbsWithoutExtension(certificate, SCT_LIST);
    const head = Buffer.alloc(12);
    head.writeBigUInt64BE(BigInt(sct!.timestampMs), 2);
    head.writeUInt16BE(1, 10);
    const length = Buffer.alloc(3);
    length.writeUIntBE(tbs.length, 0, 3);
    const spki = new X509Certificate(issuer).publicKey.export({ type: "spki", format: "der" });
    const leaf = Buffer.concat([Uint8Array.of(0), head, sha256(spki), length, tbs, Uint8Array.of(0, 0)]);
    expect(toHex(verified.leafHash)).toBe(toHex(sha256(leaf)));
  });

  it("is taken apart as sigstore-js takes it apart", () => {
    const embedded = takeEmbeddedScts(certificate)!;
    expect(toHex(embedded.tbsCertificate)).toBe(toHex(tbsWithoutExtension(certificate, SCT_LIST)));
    expect(toHex(embedded.sctList)).toBe(toHex(extensionValue(certificate, SCT_LIST).subarray(2)));
    const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
    expect(toHex(publicKeyHash(certificate))).toBe(toHex(sha256(spki)));
  });

  it.each<[string, () => unknown]>([
    ["by another log's key", () => verifyEmbeddedSct({ certificate, issuer }, another)],
    [
      "by a key under the log's id",
      () => verifyEmbeddedSct({ certificate, issuer }, { ...another, logId: logKey.logId }),
    ],
    ["for another issuer", () => verifyEmbeddedSct({ certificate, issuer: certificate }, logKey)],
    [
      "with another bit in its serial number",
      () => verifyEmbeddedSct({ certificate: flipBit(certificate, 8 * 20), issuer }, logKey),
    ],
    ["when it has none", () => verifyEmbeddedSct({ certificate: issuer, issuer }, logKey)],
    ["when it is no certificate", () => verifyEmbeddedSct({ certificate: Buffer.from("certificate"), issuer }, logKey)],
    ["when its issuer is no certificate", () => verifyEmbeddedSct({ certificate, issuer: new Uint8Array(0) }, logKey)],
  ])("has no SCT that verifies %s", (_, verify) => {
    expect(verify).toThrow(INVALID);
  });
});

/** Extensions stand last in a TBS, and a TBS first in a certificate. */
function withExtensions(...extensions: readonly Uint8Array[]): Uint8Array {
  const fields = Array.from({ length: 6 }, () => sequence());
  const wrapper = Buffer.concat([Uint8Array.of(0xa3, 0), sequence(...extensions)]);
  wrapper[1] = wrapper.length - 2;
  return sequence(sequence(...fields, wrapper), sequence(), sequence());
}

const sctList = (bytes: Uint8Array): Uint8Array => sequence(oid(SCT_LIST), octetString(bytes));

describe("SCTs of a certificate", () => {
  it("are none where there is no such extension, and no extension", () => {
    expect(sctsOfCertificate(fromBase64(go.issuer))).toEqual([]);
    expect(sctsOfCertificate(withExtensions(sequence(oid("1.2.3"), octetString())))).toEqual([]);
    expect(sctsOfCertificate(sequence(sequence(sequence()), sequence(), sequence()))).toEqual([]);
  });

  it("leave no extensions behind when they were the only one", () => {
    const list = encodeSctList([
      { logId: new Uint8Array(32), timestampMs: 1, extensions: new Uint8Array(0), signature: new Uint8Array(8) },
    ]);
    const embedded = takeEmbeddedScts(withExtensions(sctList(octetString(list))))!;
    expect(toHex(embedded.tbsCertificate)).toBe(toHex(sequence(...Array.from({ length: 6 }, () => sequence()))));
    expect(toHex(embedded.sctList)).toBe(toHex(list));
  });

  it.each<[string, Uint8Array]>([
    ["two lists", withExtensions(sctList(octetString()), sctList(octetString()))],
    ["a list without its inner OCTET STRING", withExtensions(sctList(Uint8Array.of(0, 0)))],
    ["an empty list", withExtensions(sctList(octetString(Uint8Array.of(0, 0))))],
    ["a list that goes on", withExtensions(sctList(octetString(Uint8Array.of(0, 1, 0, 0))))],
    ["bytes behind the list's OCTET STRING", withExtensions(sctList(Buffer.concat([octetString(), octetString()])))],
    ["an extension that is no SEQUENCE", withExtensions(octetString())],
    ["a certificate of one element", sequence(sequence())],
    ["bytes behind the certificate", Buffer.concat([certificate, Uint8Array.of(0)])],
    ["a certificate that is cut", certificate.subarray(0, -1)],
    ["no bytes", new Uint8Array(0)],
  ])("are refused with %s", (_, der) => {
    expect(() => sctsOfCertificate(der)).toThrow(INVALID);
  });

  it("are refused with any bit of the list's structure turned, or are others than before", () => {
    const at = Buffer.from(certificate).indexOf(extensionValue(certificate, SCT_LIST));
    const before = JSON.stringify(
      sctsOfCertificate(certificate).map(({ logId, timestampMs, signature }) => [
        toHex(logId),
        timestampMs,
        toHex(signature),
      ]),
    );
    for (let bit = 0; bit < 8 * 55; bit++) {
      const changed = flipBit(certificate, 8 * at + bit);
      let after = "";
      try {
        after = JSON.stringify(
          sctsOfCertificate(changed).map(({ logId, timestampMs, signature }) => [
            toHex(logId),
            timestampMs,
            toHex(signature),
          ]),
        );
      } catch (error) {
        expect(error).toEqual(INVALID);
      }
      expect(after).not.toBe(before);
    }
  });
});

describe("the hash of an issuer's key", () => {
  it.each([go.issuer, go.x509Entry.certificate])("is over the key as it stands in the certificate", (base64) => {
    const der = fromBase64(base64);
    const spki = new X509Certificate(der).publicKey.export({ type: "spki", format: "der" });
    expect(toHex(publicKeyHash(der))).toBe(toHex(sha256(spki)));
  });

  it("is refused of what is no certificate", () => {
    for (const der of [sequence(), sequence(sequence(), sequence(), sequence())]) {
      expect(() => publicKeyHash(der)).toThrow(DerError);
    }
  });
});
