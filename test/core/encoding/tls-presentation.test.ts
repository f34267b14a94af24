import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  PresentationError,
  PresentationReader,
  PresentationWriter,
} from "../../../src/core/encoding/tls-presentation.ts";
import { fromHex, toHex } from "../../support/vectors.ts";

const SEED = { seed: 20261122 };

describe("TLS presentation language", () => {
  it("writes numbers big-endian and vectors behind their length", () => {
    const writer = new PresentationWriter(19 + 2 + 4 + 4 + 2);
    writer.u8(0x01).u16(0x0203).u24(0x040506).u40(0x0708090a0b).u64(0x0c0d0e0f101112);
    writer.vec8(fromHex("aa")).vec16(fromHex("bbcc")).vec24(fromHex("dd")).bytes(fromHex("eeff"));
    expect(toHex(writer.finish())).toBe("0102030405060708090a0b000c0d0e0f10111201aa0002bbcc000001ddeeff");
  });

  it.each([
    ["u8", 256],
    ["u8", -1],
    ["u16", 2 ** 16],
    ["u24", 2 ** 24],
    ["u40", 2 ** 40],
    ["u40", 0.5],
    ["u64", 2 ** 53],
    ["u64", Number.NaN],
    ["u64", Number.POSITIVE_INFINITY],
  ] as const)("refuses to write %s %d", (method, value) => {
    expect(() => new PresentationWriter(16)[method](value)).toThrow(RangeError);
  });

  it("refuses a structure that is longer or shorter than announced", () => {
    expect(() => new PresentationWriter(1).u16(1)).toThrow(RangeError);
    expect(() => new PresentationWriter(1).bytes(new Uint8Array(2))).toThrow(RangeError);
    expect(() => new PresentationWriter(3).u16(1).finish()).toThrow(RangeError);
    expect(() => new PresentationWriter(300).vec8(new Uint8Array(256))).toThrow(RangeError);
  });

  it.each([
    ["a number cut short", "0102", (reader: PresentationReader) => reader.u24()],
    ["a field cut short", "0102", (reader: PresentationReader) => reader.bytes(3)],
    ["a vector cut short", "0003aabb", (reader: PresentationReader) => reader.vec16()],
    ["a vector whose length is cut short", "00", (reader: PresentationReader) => reader.vec16()],
    ["a number above 2^53 - 1", "0020000000000000", (reader: PresentationReader) => reader.u64()],
    ["the largest number", "ffffffffffffffff", (reader: PresentationReader) => reader.u64()],
  ])("refuses to read %s", (_, hex, read) => {
    expect(() => read(new PresentationReader(fromHex(hex)))).toThrow(PresentationError);
  });

  it("refuses bytes after the end", () => {
    const reader = new PresentationReader(fromHex("0102"));
    reader.u8();
    expect(() => {
      reader.finish();
    }).toThrow(PresentationError);
  });

  it("returns copies, so that a change of the input changes nothing that was read", () => {
    const input = fromHex("01aa");
    const value = new PresentationReader(input).vec8();
    input[1] = 0xbb;
    expect(toHex(value)).toBe("aa");
  });

  it("reads what it wrote", () => {
    const vector = fc.uint8Array({ maxLength: 255 });
    const fields = fc.tuple(
      fc.nat(255),
      fc.nat(65535),
      fc.nat(2 ** 24 - 1),
      fc.nat({ max: 2 ** 31 - 1 }),
      fc.maxSafeNat(),
    );
    fc.assert(
      fc.property(fields, fc.tuple(vector, vector, vector), ([a, b, c, d, e], [x, y, z]) => {
        const writer = new PresentationWriter(19 + 6 + x.length + y.length + z.length);
        const bytes = writer
          .u8(a)
          .u16(b)
          .u24(c)
          .u40(d * 512)
          .u64(e)
          .vec8(x)
          .vec16(y)
          .vec24(z)
          .finish();
        const reader = new PresentationReader(bytes);
        const read = [reader.u8(), reader.u16(), reader.u24(), reader.u40(), reader.u64()];
        const vectors = [reader.vec8(), reader.vec16(), reader.vec24()].map(toHex);
        reader.finish();
        expect(read).toEqual([a, b, c, d * 512, e]);
        expect(vectors).toEqual([x, y, z].map(toHex));
        expect(reader.offset).toBe(bytes.length);
      }),
      SEED,
    );
  });
});
