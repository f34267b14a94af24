import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodeBase64, encodeBase64 } from "../../../src/core/encoding/base64.ts";
import { toHex } from "../../support/vectors.ts";

describe("base64", () => {
  it.each([
    ["", ""],
    ["AA==", "00"],
    ["+/+/", "fbffbf"],
  ])("reads %j", (text, hex) => {
    expect(toHex(decodeBase64(text) ?? fail())).toBe(hex);
  });

  it.each(["AA", "AA=", "AA===", "AB==", "-_-_", "AAAA\n", " AAAA", "AA AA", "A", "AAAA====", "äAAA", "AA==AA=="])(
    "refuses %j, which Node's decoder would take",
    (text) => {
      expect(decodeBase64(text)).toBeUndefined();
    },
  );

  it("reads what it wrote", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => toHex(decodeBase64(encodeBase64(bytes)) ?? fail()) === toHex(bytes)),
      { seed: 20261122 },
    );
  });
});

function fail(): never {
  throw new Error("not decoded");
}
