import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodeExtraData } from "../../../src/core/ct/decode-extra-data.ts";
import { encodeExtraData } from "../../../src/core/ct/encode-extra-data.ts";
import { PresentationError } from "../../../src/core/encoding/tls-presentation.ts";
import { fromHex } from "../../support/vectors.ts";

const certificate = fc.uint8Array({ minLength: 1, maxLength: 300 });

describe("extra_data", () => {
  it("is read as it was written, of either kind", () => {
    fc.assert(
      fc.property(certificate, fc.array(certificate, { maxLength: 5 }), (preCertificate, chain) => {
        expect(decodeExtraData("precert_entry", encodeExtraData(preCertificate, chain))).toEqual({
          preCertificate,
          chain,
        });
        expect(decodeExtraData("x509_entry", encodeExtraData(undefined, chain))).toEqual({ chain });
      }),
      { seed: 20261122 },
    );
  });

  it("is refused when it is cut anywhere or continued", () => {
    const whole = encodeExtraData(fromHex("aabb"), [fromHex("cc"), fromHex("ddee")]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeExtraData("precert_entry", whole.subarray(0, length))).toThrow(PresentationError);
    }
    expect(() => decodeExtraData("precert_entry", Buffer.concat([whole, Uint8Array.of(0)]))).toThrow(PresentationError);
  });

  it.each<[string, "x509_entry" | "precert_entry", string]>([
    ["without a chain", "x509_entry", ""],
    ["with an empty precertificate", "precert_entry", "000000000000"],
    ["with an empty certificate", "x509_entry", "000003000000"],
    ["with a certificate that is longer than the chain", "x509_entry", "000004000002aa"],
    ["with a chain that is longer than it says", "x509_entry", "000004000001aabb"],
    ["of a precertificate, read as a certificate's", "x509_entry", "000001aa000000"],
  ])("is refused %s", (_, kind, hex) => {
    expect(() => decodeExtraData(kind, fromHex(hex))).toThrow(PresentationError);
  });
});
