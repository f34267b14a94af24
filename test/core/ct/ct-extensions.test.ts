import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { CT_EXTENSIONS_LENGTH, decodeCtExtensions, encodeCtExtensions } from "../../../src/core/ct/ct-extensions.ts";
import { PresentationError } from "../../../src/core/encoding/tls-presentation.ts";
import { fromHex, readVector, toHex } from "../../support/vectors.ts";

const vector = readVector("valid/static-ct-entry.json") as { leafIndexExtensions: Record<string, string> };

describe("CtExtensions", () => {
  it.each(Object.entries(vector.leafIndexExtensions))("say leaf index %s as %s", (index, hex) => {
    expect(toHex(encodeCtExtensions(Number(index)))).toBe(hex);
    expect(decodeCtExtensions(fromHex(hex))).toBe(Number(index));
    expect(hex).toHaveLength(2 * CT_EXTENSIONS_LENGTH);
  });

  it("are exact inverses", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (n) => decodeCtExtensions(encodeCtExtensions(n % 2 ** 40)) === n % 2 ** 40),
      { seed: 20261122 },
    );
  });

  it("say 112 in an SCT of a static log of Sigstore's", () => {
    // The SCT of sigstore-conformance's bundle-with-sct-with-extensions.
    expect(decodeCtExtensions(fromHex("0000050000000070"))).toBe(112);
  });

  it.each([
    ["", undefined],
    ["01000100", undefined],
    ["ff0000", undefined],
    ["010001aa0000050000000007", 7],
    ["0000050000000007010001aa", 7],
  ])("of other types are skipped in %j", (hex, index) => {
    expect(decodeCtExtensions(fromHex(hex))).toBe(index);
  });

  it.each([
    ["a leaf index of four bytes", "00000400000000"],
    ["a leaf index of six bytes", "0000060000000000ff"],
    ["two leaf indexes", "00000500000000010000050000000001"],
    ["another type twice", "010000010000"],
    ["data cut short", "00000500000000"],
    ["a lone type", "00"],
    ["a length cut short", "0000"],
  ])("are refused with %s", (_, hex) => {
    expect(() => decodeCtExtensions(fromHex(hex))).toThrow(PresentationError);
  });

  it.each([-1, 0.5, 2 ** 40])("are not made for index %d", (index) => {
    expect(() => encodeCtExtensions(index)).toThrow(RangeError);
  });
});
