import { generateKeyPairSync, hash, sign, X509Certificate } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { X509Certificate as SigstoreCertificate } from "@sigstore/core";
import { encodeCtExtensions } from "../../../src/core/ct/ct-extensions.ts";
import { encodeMerkleTreeLeaf, type SignedEntry } from "../../../src/core/ct/log-entry.ts";
import { parseLogKey } from "../../../src/core/ct/log-key.ts";
import {
  decodeSct,
  decodeSctList,
  encodeSct,
  encodeSctList,
  sctSigningInput,
  verifySct,
  type SignedCertificateTimestamp,
} from "../../../src/core/ct/sct.ts";
import { PresentationError } from "../../../src/core/encoding/tls-presentation.ts";
import { timestampedEntries } from "../../support/arbitrary-entries.ts";
import { extensionValue, POISON, SCT_LIST, tbsWithoutExtension } from "../../support/tbs-without-extension.ts";
import { flipBit, fromBase64, fromHex, readVector, toHex } from "../../support/vectors.ts";

const SEED = { seed: 20261122 };
const INVALID = expect.objectContaining({ code: "log_failed", reason: "SCT_INVALID" });

const own = readVector("valid/static-ct-entry.json") as Record<string, string>;
const staging = readVector("valid/sigstore-staging-sct.json") as Record<string, string>;
const go = readVector("valid/ct-go-scts.json") as {
  logPublicKey: string;
  issuer: string;
  x509Entry: { certificate: string; sct: string };
  precertEntry: { preCertificate: string; sct: string };
};

const sha256 = (data: Uint8Array | string): Uint8Array => hash("sha256", data, "buffer");

function issuerKeyHashOf(issuer: string): Uint8Array {
  return sha256(new X509Certificate(fromBase64(issuer)).publicKey.export({ format: "der", type: "spki" }));
}

const ownSct = decodeSct(fromHex(own["sct"]!));
const ownEntry: SignedEntry = {
  kind: "precert_entry",
  issuerKeyHash: sha256(own["issuerKeyHashOf"]!),
  tbsCertificate: fromHex(own["tbsCertificate"]!),
};
const ownKey = parseLogKey(fromHex(own["logPublicKey"]!));

const certificate = fromBase64(staging["certificate"]!);
const stagingKey = parseLogKey(fromBase64(staging["logPublicKey"]!));
// The extension's value is a DER OCTET STRING of its own; all but its header of 2 bytes is the list.
const stagingList = extensionValue(certificate, SCT_LIST).subarray(2);
const stagingEntry: SignedEntry & { kind: "precert_entry" } = {
  kind: "precert_entry",
  issuerKeyHash: issuerKeyHashOf(staging["issuer"]!),
  tbsCertificate: tbsWithoutExtension(certificate, SCT_LIST),
};

describe("an SCT in a certificate of Sigstore's staging CA", () => {
  const [sct] = decodeSctList(stagingList) as [SignedCertificateTimestamp];

  it("verifies, and is the only one", () => {
    expect(decodeSctList(stagingList)).toHaveLength(1);
    expect(toHex(stagingKey.logId)).toBe(toHex(fromBase64(staging["logId"]!)));
    verifySct(sct, stagingEntry, stagingKey);
  });

  it("is read as sigstore-js reads it, and written back to the same bytes", () => {
    const [theirs] = SigstoreCertificate.parse(Buffer.from(certificate)).extSCT?.signedCertificateTimestamps ?? [];
    expect(sct.timestampMs).toBe(theirs?.datetime.getTime());
    expect(toHex(sct.logId)).toBe(toHex(theirs?.logID ?? new Uint8Array(0)));
    expect(toHex(sct.signature)).toBe(toHex(theirs?.signature ?? new Uint8Array(0)));
    expect(sct.extensions).toHaveLength(0);
    expect(sct).not.toHaveProperty("leafIndex");
    expect(toHex(encodeSctList([sct]))).toBe(toHex(stagingList));
  });

  it.each<[string, Partial<SignedCertificateTimestamp>, Partial<typeof stagingEntry>]>([
    ["its time is a millisecond later", { timestampMs: sct.timestampMs + 1 }, {}],
    ["it gets extensions", { extensions: encodeCtExtensions(7) }, {}],
    ["it gets one byte of extensions", { extensions: Uint8Array.of(0) }, {}],
    ["its log id is another's", { logId: ownKey.logId }, {}],
    ["its signature is another's", { signature: ownSct.signature }, {}],
    ["its signature is empty", { signature: new Uint8Array(0) }, {}],
    ["its signature has a byte more", { signature: Buffer.concat([sct.signature, Uint8Array.of(0)]) }, {}],
    ["the issuer key hash is of the leaf's own key", {}, { issuerKeyHash: leafKeyHash() }],
    [
      "the issuer key hash is of the issuer's certificate",
      {},
      { issuerKeyHash: sha256(fromBase64(staging["issuer"]!)) },
    ],
    ["the TBS still has the SCT list", {}, { tbsCertificate: wholeTbs() }],
    ["one bit of the TBS is turned", {}, { tbsCertificate: flipBit(stagingEntry.tbsCertificate, 4000) }],
  ])("fails when %s", (_, sctChange, entryChange) => {
    expect(() => {
      verifySct({ ...sct, ...sctChange }, { ...stagingEntry, ...entryChange }, stagingKey);
    }).toThrow(INVALID);
  });

  it("fails as an x509_entry, and with another log's key", () => {
    expect(() => {
      verifySct(sct, { kind: "x509_entry", certificate: stagingEntry.tbsCertificate }, stagingKey);
    }).toThrow(INVALID);
    expect(() => {
      verifySct(sct, stagingEntry, { ...ownKey, logId: sct.logId });
    }).toThrow(INVALID);
  });
});

function leafKeyHash(): Uint8Array {
  return sha256(new X509Certificate(certificate).publicKey.export({ format: "der", type: "spki" }));
}

function wholeTbs(): Uint8Array {
  return new Uint8Array(SigstoreCertificate.parse(Buffer.from(certificate)).tbsCertificate.toDER());
}

describe("SCTs of Go's CT library", () => {
  const key = parseLogKey(fromBase64(go.logPublicKey));

  it("verify over a final certificate", () => {
    const signed: SignedEntry = { kind: "x509_entry", certificate: fromBase64(go.x509Entry.certificate) };
    verifySct(decodeSct(fromHex(go.x509Entry.sct)), signed, key);
    expect(() => {
      verifySct(decodeSct(fromHex(go.precertEntry.sct)), signed, key);
    }).toThrow(INVALID);
  });

  it("verify over a precertificate", () => {
    const tbsCertificate = tbsWithoutExtension(fromBase64(go.precertEntry.preCertificate), POISON);
    const signed: SignedEntry = { kind: "precert_entry", issuerKeyHash: issuerKeyHashOf(go.issuer), tbsCertificate };
    verifySct(decodeSct(fromHex(go.precertEntry.sct)), signed, key);
    expect(() => {
      verifySct(decodeSct(fromHex(go.x509Entry.sct)), signed, key);
    }).toThrow(INVALID);
  });
});

describe("an SCT with a leaf index", () => {
  it("verifies and says its index", () => {
    expect(ownSct.leafIndex).toBe(0);
    expect(toHex(ownSct.logId)).toBe(own["logId"]);
    verifySct(ownSct, ownEntry, ownKey);
  });

  it.each<[string, Partial<SignedCertificateTimestamp>]>([
    ["without its extensions", { extensions: new Uint8Array(0) }],
    ["at another index", { extensions: encodeCtExtensions(1) }],
    ["with an extension more", { extensions: fromHex("0000050000000000010000") }],
    ["at an earlier time", { timestampMs: 1_699_999_999_999 }],
  ])("fails %s", (_, change) => {
    expect(() => {
      verifySct({ ...ownSct, ...change }, ownEntry, ownKey);
    }).toThrow(INVALID);
  });

  it("is over the bytes of the leaf", () => {
    fc.assert(
      fc.property(timestampedEntries, (entry) => {
        expect(toHex(sctSigningInput(entry))).toBe(toHex(encodeMerkleTreeLeaf(entry)));
      }),
      SEED,
    );
  });

  it("signed by node:crypto verifies", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const logKey = parseLogKey(publicKey.export({ format: "der", type: "spki" }));
    const extensions = encodeCtExtensions(2 ** 40 - 1);
    const input = sctSigningInput({ timestampMs: 1, signedEntry: ownEntry, extensions });
    const sct = { logId: logKey.logId, timestampMs: 1, extensions, signature: sign("sha256", input, privateKey) };
    verifySct(sct, ownEntry, logKey);
    expect(decodeSct(encodeSct(sct)).leafIndex).toBe(2 ** 40 - 1);
  });
});

const scts: fc.Arbitrary<SignedCertificateTimestamp> = fc
  .record({
    logId: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    timestampMs: fc.maxSafeNat(),
    index: fc.option(fc.nat(2 ** 31 - 1), { nil: undefined }),
    signature: fc.uint8Array({ maxLength: 80 }),
  })
  .map(({ index, ...sct }) =>
    index === undefined
      ? { ...sct, extensions: new Uint8Array(0) }
      : { ...sct, extensions: encodeCtExtensions(index), leafIndex: index },
  );

describe("SCT and SCT list", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(fc.array(scts, { minLength: 1, maxLength: 4 }), (list) => {
        expect(decodeSctList(encodeSctList(list))).toEqual(list);
        expect(decodeSct(encodeSct(list[0]!))).toEqual(list[0]);
      }),
      SEED,
    );
  });

  it("are refused when they are cut anywhere or continued", () => {
    const one = encodeSct(ownSct);
    for (let length = 0; length < one.length; length++) {
      expect(() => decodeSct(one.subarray(0, length))).toThrow(PresentationError);
    }
    const list = encodeSctList([ownSct, ownSct]);
    for (let length = 0; length < list.length; length++) {
      expect(() => decodeSctList(list.subarray(0, length))).toThrow(PresentationError);
    }
    expect(() => decodeSct(Buffer.concat([one, Uint8Array.of(0)]))).toThrow(PresentationError);
    expect(() => decodeSctList(Buffer.concat([list, Uint8Array.of(0)]))).toThrow(PresentationError);
  });

  it.each([
    ["another version", 0, "01"],
    ["a timestamp above 2^53 - 1", 33, "ffffffffffffffff"],
    ["malformed extensions", 43, "000004"],
    ["another hash", 51, "05"],
    ["an RSA signature", 52, "01"],
  ])("are refused with %s", (_, offset, hex) => {
    const bytes = encodeSct(ownSct);
    bytes.set(fromHex(hex), offset);
    expect(() => decodeSct(bytes)).toThrow(PresentationError);
  });

  it.each([
    ["no SCT", "0000"],
    ["an empty SCT", "00020000"],
    ["a length of its own that counts SCTs instead of bytes", `0001${"00".repeat(10)}`],
  ])("are refused as a list with %s", (_, hex) => {
    expect(() => decodeSctList(fromHex(hex))).toThrow(PresentationError);
  });

  it("are not made of nothing or of a short log id", () => {
    expect(() => encodeSctList([])).toThrow(RangeError);
    expect(() => encodeSct({ ...ownSct, logId: new Uint8Array(31) })).toThrow(RangeError);
    expect(() => encodeSct({ ...ownSct, timestampMs: -1 })).toThrow(RangeError);
    expect(() => encodeSct({ ...ownSct, signature: new Uint8Array(2 ** 16) })).toThrow(RangeError);
  });
});

describe("log key", () => {
  it.each<[string, Uint8Array]>([
    [
      "is on P-384",
      generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ format: "der", type: "spki" }),
    ],
    ["is an Ed25519 key", generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" })],
    ["is no key", fromHex("3000")],
    ["is empty", new Uint8Array(0)],
  ])("is refused when it %s", (_, spki) => {
    expect(() => parseLogKey(spki)).toThrow(expect.objectContaining({ code: "log_failed", reason: "LOG_WRONG_KEY" }));
  });
});
