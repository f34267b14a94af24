import { hash, X509Certificate } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodeCtExtensions } from "../../../src/core/ct/ct-extensions.ts";
import { decodeMerkleTreeLeaf, encodeMerkleTreeLeaf, type TimestampedEntry } from "../../../src/core/ct/log-entry.ts";
import { decodeSct } from "../../../src/core/ct/sct.ts";
import { PresentationError } from "../../../src/core/encoding/tls-presentation.ts";
import { leafHash } from "../../../src/core/merkle/tree.ts";
import { timestampedEntries } from "../../support/arbitrary-entries.ts";
import { POISON, tbsWithoutExtension } from "../../support/tbs-without-extension.ts";
import { fromBase64, fromHex, readVector, toHex } from "../../support/vectors.ts";

const own = readVector("valid/static-ct-entry.json") as Record<string, string> & { timestampMs: number };
const foreign = readVector("valid/ct-go-scts.json") as {
  issuer: string;
  x509Entry: { certificate: string; sct: string; leafHash: string };
  precertEntry: { preCertificate: string; sct: string; leafHash: string };
};

const entry: TimestampedEntry = {
  timestampMs: own.timestampMs,
  signedEntry: {
    kind: "precert_entry",
    issuerKeyHash: hash("sha256", own["issuerKeyHashOf"]!, "buffer"),
    tbsCertificate: fromHex(own["tbsCertificate"]!),
  },
  extensions: encodeCtExtensions(0),
};

describe("MerkleTreeLeaf", () => {
  it("of a precert_entry has the bytes and the hash of the vector", () => {
    expect(toHex(encodeMerkleTreeLeaf(entry))).toBe(own["merkleTreeLeaf"]);
    expect(toHex(leafHash(encodeMerkleTreeLeaf(entry)))).toBe(own["leafHash"]);
    const second = encodeMerkleTreeLeaf({ ...entry, extensions: encodeCtExtensions(1) });
    expect(toHex(leafHash(second))).toBe(own["leafHashAtIndex1"]);
  });

  it("of an x509_entry has the leaf hash of Go's CT library", () => {
    const { timestampMs, extensions } = decodeSct(fromHex(foreign.x509Entry.sct));
    const certificate = fromBase64(foreign.x509Entry.certificate);
    const leaf = encodeMerkleTreeLeaf({ timestampMs, signedEntry: { kind: "x509_entry", certificate }, extensions });
    expect(toHex(leafHash(leaf))).toBe(toHex(fromBase64(foreign.x509Entry.leafHash)));
  });

  it("of a precert_entry has the leaf hash of Go's CT library", () => {
    const { timestampMs, extensions } = decodeSct(fromHex(foreign.precertEntry.sct));
    const spki = new X509Certificate(fromBase64(foreign.issuer)).publicKey.export({ format: "der", type: "spki" });
    const leaf = encodeMerkleTreeLeaf({
      timestampMs,
      signedEntry: {
        kind: "precert_entry",
        issuerKeyHash: hash("sha256", spki, "buffer"),
        tbsCertificate: tbsWithoutExtension(fromBase64(foreign.precertEntry.preCertificate), POISON),
      },
      extensions,
    });
    expect(toHex(leafHash(leaf))).toBe(toHex(fromBase64(foreign.precertEntry.leafHash)));
  });

  it("is read as it was written", () => {
    fc.assert(
      fc.property(timestampedEntries, (any) => {
        expect(decodeMerkleTreeLeaf(encodeMerkleTreeLeaf(any))).toEqual(any);
      }),
      { seed: 20261122 },
    );
  });

  it("is refused when it is cut anywhere or continued", () => {
    const leaf = encodeMerkleTreeLeaf(entry);
    for (let length = 0; length < leaf.length; length++) {
      expect(() => decodeMerkleTreeLeaf(leaf.subarray(0, length))).toThrow(PresentationError);
    }
    expect(() => decodeMerkleTreeLeaf(Buffer.concat([leaf, Uint8Array.of(0)]))).toThrow(PresentationError);
  });

  it.each([
    ["another version", 0, "01"],
    ["another leaf type", 1, "01"],
    ["a timestamp above 2^53 - 1", 2, "ffffffffffffffff"],
    ["an unknown entry type", 10, "0002"],
    ["an empty TBS", 44, "000000"],
  ])("is refused with %s", (_, offset, hex) => {
    const leaf = encodeMerkleTreeLeaf(entry);
    leaf.set(fromHex(hex), offset);
    expect(() => decodeMerkleTreeLeaf(leaf)).toThrow(PresentationError);
  });

  it.each<[string, Partial<TimestampedEntry>]>([
    ["a negative time", { timestampMs: -1 }],
    ["a time with a fraction", { timestampMs: 0.5 }],
    ["an empty certificate", { signedEntry: { kind: "x509_entry", certificate: new Uint8Array(0) } }],
    ["a certificate of 16 MiB", { signedEntry: { kind: "x509_entry", certificate: new Uint8Array(2 ** 24) } }],
    ["extensions of 64 KiB", { extensions: new Uint8Array(2 ** 16) }],
    [
      "a short issuer key hash",
      { signedEntry: { kind: "precert_entry", issuerKeyHash: new Uint8Array(31), tbsCertificate: Uint8Array.of(1) } },
    ],
  ])("is not made with %s", (_, change) => {
    expect(() => encodeMerkleTreeLeaf({ ...entry, ...change })).toThrow(RangeError);
  });
});
