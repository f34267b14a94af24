import { hash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodeCtExtensions } from "../../../src/core/ct/ct-extensions.ts";
import { encodeMerkleTreeLeaf } from "../../../src/core/ct/log-entry.ts";
import {
  decodeDataTile,
  decodeTileLeaf,
  encodeEntry,
  encodeTileLeaf,
  leafInputOfTileLeaf,
  splitDataTile,
  type TileLeaf,
} from "../../../src/core/ct/static-entry.ts";
import { PresentationError } from "../../../src/core/encoding/tls-presentation.ts";
import { tileLeaves } from "../../support/arbitrary-entries.ts";
import { fromHex, readVector, toHex } from "../../support/vectors.ts";

const SEED = { seed: 20261122 };
const vector = readVector("valid/static-ct-entry.json") as Record<string, string> & { timestampMs: number };

const leaf = {
  timestampedEntry: {
    timestampMs: vector.timestampMs,
    signedEntry: {
      kind: "precert_entry",
      issuerKeyHash: hash("sha256", vector["issuerKeyHashOf"]!, "buffer"),
      tbsCertificate: fromHex(vector["tbsCertificate"]!),
    },
    extensions: encodeCtExtensions(0),
  },
  preCertificate: fromHex(vector["preCertificate"]!),
  certificateChain: [hash("sha256", vector["fingerprintOf"]!, "buffer")],
} as const satisfies TileLeaf;

const { preCertificate, ...withoutPreCertificate } = leaf;
const x509Entry = { kind: "x509_entry", certificate: preCertificate } as const;

describe("TileLeaf", () => {
  it("has the bytes of the vector", () => {
    expect(toHex(encodeTileLeaf(leaf))).toBe(vector["tileLeaf"]);
    const { leafInput, stored } = encodeEntry(leaf);
    expect(toHex(stored)).toBe(vector["tileLeaf"]);
    expect(toHex(leafInput)).toBe(vector["merkleTreeLeaf"]);
  });

  it("is read as it was written, and gives back what its leaf hash was made from", () => {
    fc.assert(
      fc.property(tileLeaves, (any) => {
        const { leafInput, stored } = encodeEntry(any);
        expect(decodeTileLeaf(stored)).toEqual(any);
        expect(toHex(encodeTileLeaf(any))).toBe(toHex(stored));
        expect(toHex(leafInput)).toBe(toHex(encodeMerkleTreeLeaf(any.timestampedEntry)));
        expect(toHex(leafInputOfTileLeaf(stored))).toBe(toHex(leafInput));
      }),
      SEED,
    );
  });

  it("stands one after the other in a data tile, and a partial tile ends between two", () => {
    fc.assert(
      fc.property(fc.array(tileLeaves, { maxLength: 6 }), (leaves) => {
        const encoded = leaves.map(encodeTileLeaf);
        leaves.forEach((_, width) => {
          expect(decodeDataTile(Buffer.concat(encoded.slice(0, width)))).toEqual(leaves.slice(0, width));
        });
        expect(decodeDataTile(Buffer.concat(encoded))).toEqual(leaves);
        expect(splitDataTile(Buffer.concat(encoded)).map(toHex)).toEqual(encoded.map(toHex));
      }),
      { ...SEED, numRuns: 30 },
    );
  });

  it("is refused when it is cut anywhere or continued", () => {
    const stored = encodeTileLeaf(leaf);
    for (let length = 0; length < stored.length; length++) {
      expect(() => decodeTileLeaf(stored.subarray(0, length))).toThrow(PresentationError);
      if (length > 0) expect(() => decodeDataTile(stored.subarray(0, length))).toThrow(PresentationError);
      if (length > 0) expect(() => splitDataTile(stored.subarray(0, length))).toThrow(PresentationError);
    }
    expect(() => decodeTileLeaf(Buffer.concat([stored, stored]))).toThrow(PresentationError);
    expect(() => leafInputOfTileLeaf(Buffer.concat([stored, Uint8Array.of(0)]))).toThrow(PresentationError);
  });

  it("is refused with an empty precertificate or a chain that is no number of fingerprints", () => {
    const head = toHex(encodeTileLeaf(leaf)).slice(0, -2 * (3 + 5 + 2 + 32));
    expect(() => decodeTileLeaf(fromHex(`${head}0000000000`))).toThrow(PresentationError);
    expect(() => decodeTileLeaf(fromHex(`${head}000001aa001f${"00".repeat(31)}`))).toThrow(PresentationError);
    expect(decodeTileLeaf(fromHex(`${head}000001aa0000`)).certificateChain).toEqual([]);
    // 18 bytes of chain that could be read as the next entry of a data tile.
    const next = `${"00".repeat(8)}0000000001bb00000000`;
    expect(decodeDataTile(fromHex(`${head}000001aa0000${next}`))).toHaveLength(2);
    expect(() => decodeDataTile(fromHex(`${head}000001aa0012${next}`))).toThrow(PresentationError);
  });

  it("is split from its neighbours exactly where it is read", () => {
    const seeded = { ...SEED, numRuns: 300 };
    const oneByte = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(tileLeaves, { minLength: 1, maxLength: 3 }), oneByte, (leaves, { at, value }) => {
        const tile = Buffer.concat(leaves.map(encodeTileLeaf));
        tile[at % tile.length] = value;
        const read = outcomeOf(() => decodeDataTile(tile).map(encodeTileLeaf).map(toHex));
        const split = outcomeOf(() => splitDataTile(tile).map(toHex));
        // Splitting does not look into times and extensions; what both take, they cut at the same places.
        if (read !== undefined) expect(split).toEqual(read);
      }),
      seeded,
    );
    expect(splitDataTile(Buffer.concat(Array.from({ length: 256 }, () => encodeTileLeaf(leaf))))).toHaveLength(256);
    const tooMany = Buffer.concat(Array.from({ length: 257 }, () => encodeTileLeaf(leaf)));
    expect(() => splitDataTile(tooMany)).toThrow(PresentationError);
  });

  it.each<[string, TileLeaf]>([
    ["a precert_entry without precertificate", withoutPreCertificate],
    ["a precert_entry with an empty precertificate", { ...leaf, preCertificate: new Uint8Array(0) }],
    [
      "an x509_entry with a precertificate",
      { ...leaf, timestampedEntry: { ...leaf.timestampedEntry, signedEntry: x509Entry } },
    ],
    ["a short fingerprint", { ...leaf, certificateChain: [new Uint8Array(31)] }],
    [
      "two fingerprints that only together have the right length",
      { ...leaf, certificateChain: [new Uint8Array(31), new Uint8Array(33)] },
    ],
    [
      "more than 64 KiB of fingerprints",
      { ...leaf, certificateChain: Array.from({ length: 2048 }, () => new Uint8Array(32)) },
    ],
  ])("is not made of %s", (_, wrong) => {
    expect(() => encodeTileLeaf(wrong)).toThrow(RangeError);
    expect(() => encodeEntry(wrong)).toThrow(RangeError);
  });
});

function outcomeOf<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof PresentationError) return undefined;
    throw error;
  }
}
