import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodeTileLeaf, encodeTileLeaf, leafInputOfTileLeaf } from "../../../src/core/ct/static-entry.ts";
import { leafInputOfView, viewTileLeaf } from "../../../src/core/ct/tile-leaf-view.ts";
import { PresentationError } from "../../../src/core/encoding/tls-presentation.ts";
import { tileLeaves } from "../../support/arbitrary-entries.ts";
import { toHex } from "../../support/vectors.ts";

const outcome = (read: () => unknown): unknown => {
  try {
    return read();
  } catch (error) {
    if (error instanceof PresentationError) return "refused";
    throw error;
  }
};

/** The fields that both readers have. */
const decoded = (bytes: Uint8Array) => {
  const { timestampedEntry, preCertificate, certificateChain } = decodeTileLeaf(bytes);
  const { timestampMs, signedEntry, extensions } = timestampedEntry;
  return {
    timestampMs,
    kind: signedEntry.kind,
    certificate: toHex(signedEntry.kind === "x509_entry" ? signedEntry.certificate : signedEntry.tbsCertificate),
    issuerKeyHash: signedEntry.kind === "x509_entry" ? "" : toHex(signedEntry.issuerKeyHash),
    preCertificate: toHex(preCertificate ?? new Uint8Array(0)),
    extensions: toHex(extensions),
    fingerprints: certificateChain.map(toHex).join(""),
    leafInput: toHex(leafInputOfTileLeaf(bytes)),
  };
};
const viewed = (bytes: Uint8Array) => {
  const view = viewTileLeaf(bytes);
  const { timestampMs, signedEntry, extensions, fingerprints } = view;
  return {
    timestampMs,
    kind: signedEntry.kind,
    certificate: toHex(signedEntry.kind === "x509_entry" ? signedEntry.certificate : signedEntry.tbsCertificate),
    issuerKeyHash: signedEntry.kind === "x509_entry" ? "" : toHex(signedEntry.issuerKeyHash),
    preCertificate: toHex(signedEntry.kind === "x509_entry" ? new Uint8Array(0) : signedEntry.preCertificate),
    extensions: toHex(extensions),
    fingerprints: toHex(fingerprints),
    leafInput: toHex(leafInputOfView(view)),
  };
};

describe("a TileLeaf that is read where it stands", () => {
  it("has the fields that the decoder finds", () => {
    fc.assert(
      fc.property(tileLeaves, (leaf) => {
        const bytes = encodeTileLeaf(leaf);
        expect(viewed(bytes)).toEqual(decoded(bytes));
      }),
      { seed: 20261122 },
    );
  });

  it("is refused exactly when the decoder refuses it", () => {
    const changed = fc
      .tuple(tileLeaves, fc.nat(), fc.nat(255), fc.integer({ min: -3, max: 3 }))
      .map(([leaf, position, value, longer]) => {
        const bytes = Buffer.concat([encodeTileLeaf(leaf), Buffer.alloc(Math.max(0, longer))]);
        bytes[position % bytes.length] = value;
        return bytes.subarray(0, bytes.length + Math.min(0, longer));
      });
    let refused = 0;
    fc.assert(
      fc.property(changed, (bytes) => {
        const expected = outcome(() => decoded(bytes));
        if (expected === "refused") refused += 1;
        expect(outcome(() => viewed(bytes))).toEqual(expected);
      }),
      { seed: 20261122, numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
