import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodeExtraData } from "../../../src/core/ct/decode-extra-data.ts";
import { encodeExtraData } from "../../../src/core/ct/encode-extra-data.ts";

describe("extra data of an entry", () => {
  it.each([
    [
      "a precertificate and its chain",
      Uint8Array.of(1, 2),
      [Uint8Array.of(3), Uint8Array.of(4, 5)],
      "000002010200000900000103000002" + "0405",
    ],
    ["a precertificate alone", Uint8Array.of(1), [], "00000101000000"],
    ["a certificate's chain", undefined, [Uint8Array.of(9)], "00000400000109"],
    ["a certificate's empty chain", undefined, [], "000000"],
  ])("of %s is as RFC 6962 §3.1 writes it", (_, preCertificate, chain, expected) => {
    expect(Buffer.from(encodeExtraData(preCertificate, chain)).toString("hex")).toBe(expected);
  });

  it("is read back as it was", () => {
    const der = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.option(der, { nil: undefined }), fc.array(der, { maxLength: 4 }), (preCertificate, chain) => {
        const kind = preCertificate === undefined ? "x509_entry" : "precert_entry";
        const read = decodeExtraData(kind, encodeExtraData(preCertificate, chain));
        expect(read).toEqual(preCertificate === undefined ? { chain } : { preCertificate, chain });
      }),
      { seed: 20261122 },
    );
  });

  it("refuses what does not fit", () => {
    const huge = new Uint8Array(2 ** 24);
    expect(() => encodeExtraData(huge, [])).toThrow(RangeError);
    expect(() => encodeExtraData(undefined, [huge])).toThrow(RangeError);
    expect(() => encodeExtraData(undefined, [huge.subarray(1), huge.subarray(1)])).toThrow(RangeError);
  });
});
