import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { assertCanonicalDer } from "../../../src/core/encoding/canonical-der.ts";
import {
  derChildren,
  derContent,
  DER_TAG,
  DerError,
  parseBitString,
  parseDer,
  parseObjectIdentifier,
  parseUnsignedInteger,
  readDerElement,
} from "../../../src/core/encoding/der-reader.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const repeat = (text: string, times: number): string => Array.from({ length: times }, () => text).join("");
const ascii = (tag: string, text: string): string =>
  tag + Buffer.from([text.length]).toString("hex") + Buffer.from(text, "latin1").toString("hex");

describe("readDerElement", () => {
  it("gives tag, content and whole element as views, and leaves what follows alone", () => {
    const bytes = hex("ffff 0403010203 ff");
    const element = readDerElement(bytes, 2);
    expect(element.tag).toBe(0x04);
    expect(toHex(element.content)).toBe("010203");
    expect(toHex(element.bytes)).toBe("0403010203");
    bytes[4] = 9;
    expect(toHex(element.content)).toBe("090203");
  });

  it.each([
    [0x7f, "047f"],
    [0x80, "048180"],
    [0xff, "0481ff"],
    [0x100, "04820100"],
    [0x10000, "0483010000"],
  ])("reads a length of %i octets", (length, header) => {
    const bytes = Buffer.concat([hex(header), new Uint8Array(length)]);
    expect(parseDer(bytes).content.length).toBe(length);
  });

  it.each([
    ["nothing", ""],
    ["a tag alone", "30"],
    ["content that is cut off", "040301 02"],
    ["an indefinite length", "3080 0000"],
    ["a long form for a short length", "04810100"],
    ["a long form with a leading zero", `04820080${repeat("00", 128)}`],
    ["length octets that are cut off", "0482 01"],
    ["a length of five octets", "04850000000001 00"],
    ["the reserved length octet FF", "04ff00"],
    ["a length beyond 2^31", "0484ffffffff00"],
    ["a high tag number", "1f810100"],
    ["a high tag number of the context-specific class", "bf2000"],
    ["end-of-contents", "0000"],
  ])("refuses %s", (_name, text) => {
    expect(() => readDerElement(hex(text), 0)).toThrow(DerError);
  });

  it("refuses an offset at or beyond the end", () => {
    expect(() => readDerElement(hex("0500"), 2)).toThrow(DerError);
    expect(() => readDerElement(hex("0500"), 7)).toThrow(DerError);
  });
});

describe("parseDer", () => {
  it("refuses trailing bytes", () => {
    expect(() => parseDer(hex("050000"))).toThrow("trailing bytes");
  });
});

describe("derChildren", () => {
  it("gives the elements in their order", () => {
    expect(derChildren(parseDer(hex("3007 0201 01 0500 0400"))).map((child) => toHex(child.bytes))).toEqual([
      "020101",
      "0500",
      "0400",
    ]);
  });

  it("gives none for an empty SEQUENCE", () => {
    expect(derChildren(parseDer(hex("3000")))).toEqual([]);
  });

  it.each([
    ["a primitive element", "04020500"],
    ["a child that is cut off by its parent", "3003 0202 01"],
    ["half a child", "3001 02"],
  ])("refuses %s", (_name, text) => {
    expect(() => derChildren(parseDer(hex(text)))).toThrow(DerError);
  });
});

describe("typed readers", () => {
  it.each([
    ["020100", "00"],
    ["02017f", "7f"],
    ["02020080", "80"],
    ["0203010001", "010001"],
  ])("reads the unsigned INTEGER %s", (text, magnitude) => {
    expect(toHex(parseUnsignedInteger(parseDer(hex(text))))).toBe(magnitude);
  });

  it.each([
    ["negative", "020180"],
    ["padded", "02020001"],
    ["empty", "0200"],
    ["of another type", "0a0101"],
  ])("refuses an unsigned INTEGER that is %s", (_name, text) => {
    expect(() => parseUnsignedInteger(parseDer(hex(text)))).toThrow(DerError);
  });

  it("reads a BIT STRING of whole octets and refuses any other", () => {
    expect(toHex(parseBitString(parseDer(hex("0303000102"))))).toBe("0102");
    expect(() => parseBitString(parseDer(hex("0303010102")))).toThrow(DerError);
    expect(() => parseBitString(parseDer(hex("0300")))).toThrow(DerError);
    expect(() => parseBitString(parseDer(hex("0403000102")))).toThrow(DerError);
  });

  it.each([
    ["06082a8648ce3d030107", "1.2.840.10045.3.1.7"],
    ["0603550403", "2.5.4.3"],
    ["060100", "0.0"],
    ["060127", "0.39"],
    ["06014f", "1.39"],
    ["060150", "2.0"],
    ["0603883703", "2.999.3"],
    ["060a2b0601040183bf300101", "1.3.6.1.4.1.57264.1.1"],
    ["060b6983ffffffffffffffff7f", `2.25.${String(2n ** 65n - 1n)}`],
  ])("reads the OBJECT IDENTIFIER %s as %s", (text, dotted) => {
    expect(parseObjectIdentifier(parseDer(hex(text)))).toBe(dotted);
  });

  it.each([
    ["is empty", "0600"],
    ["is cut off", "0602 5588"],
    ["has a padded arc", "0603558003"],
    ["is of another type", "0d0155"],
  ])("refuses an OBJECT IDENTIFIER that %s", (_name, text) => {
    expect(() => parseObjectIdentifier(parseDer(hex(text)))).toThrow(DerError);
  });

  it("refuses an OBJECT IDENTIFIER too long to be one", () => {
    expect(parseObjectIdentifier(parseDer(hex(`0640${repeat("01", 64)}`)))).toMatch(/^0\.1(\.1){63}$/);
    expect(() => parseObjectIdentifier(parseDer(hex(`0641${repeat("01", 65)}`)))).toThrow(DerError);
  });

  it("refuses an absent element by name of the tag", () => {
    expect(() => derContent(undefined, DER_TAG.sequence)).toThrow("expected tag 48, found nothing");
  });
});

describe("assertCanonicalDer", () => {
  it.each([
    ["BOOLEAN false", "010100"],
    ["BOOLEAN true", "0101ff"],
    ["zero", "020100"],
    ["minus one", "0201ff"],
    ["minus 129", "0202ff7f"],
    ["an ENUMERATED", "0a0103"],
    ["an empty BIT STRING", "030100"],
    ["a BIT STRING of one bit", "03020780"],
    ["an OCTET STRING whose content is not DER", "0402ffff"],
    ["a UTF8String", "0c0161"],
    ["a PrintableString", "130161"],
    ["NULL", "0500"],
    ["a UTCTime", ascii("17", "260101000000Z")],
    ["a GeneralizedTime", ascii("18", "20500101000000Z")],
    ["a GeneralizedTime with a fraction", ascii("18", "20500101000000.05Z")],
    ["a SET in order", "3106 020101 020102"],
    ["a SET with equal elements", "3106 020101 020101"],
    ["an empty context-specific element", "a000"],
    ["an opaque context-specific primitive", "8002ffff"],
  ])("accepts %s", (_name, text) => {
    expect(() => {
      assertCanonicalDer(hex(text));
    }).not.toThrow();
  });

  it.each([
    ["BOOLEAN 01", "010101"],
    ["an empty BOOLEAN", "0100"],
    ["a BOOLEAN of two octets", "0102ffff"],
    ["a padded positive INTEGER", "02020001"],
    ["a padded negative INTEGER", "0202ff80"],
    ["an empty INTEGER", "0200"],
    ["a padded ENUMERATED", "0a020001"],
    ["a BIT STRING without a first octet", "0300"],
    ["a BIT STRING with eight unused bits", "03020800"],
    ["an empty BIT STRING with unused bits", "030101"],
    ["a BIT STRING whose unused bits are set", "03020181"],
    ["a NULL with content", "050100"],
    ["an empty OBJECT IDENTIFIER", "0600"],
    ["a padded arc", "0603558003"],
    ["a padded first arc", "0602802a"],
    ["an arc that is cut off", "060255 84"],
    ["a constructed OCTET STRING", "2403040101"],
    ["a constructed BIT STRING", "230403020001"],
    ["a constructed UTF8String", "2c030c0161"],
    ["a primitive SEQUENCE", "1000"],
    ["a primitive SET", "1100"],
    ["a SET out of order", "3106 020102 020101"],
    ["a SET out of order by length", "3107 02020100 020101"],
    ["a UTCTime without seconds", ascii("17", "2601010000Z")],
    ["a UTCTime with an offset", ascii("17", "260101000000+0100")],
    ["a UTCTime with a fraction", ascii("17", "260101000000.1Z")],
    ["a UTCTime in month 13", ascii("17", "261301000000Z")],
    ["a UTCTime at hour 24", ascii("17", "260101240000Z")],
    ["a UTCTime on day 0", ascii("17", "260100000000Z")],
    ["a GeneralizedTime with a fraction that ends in zero", ascii("18", "20500101000000.50Z")],
    ["a GeneralizedTime with an empty fraction", ascii("18", "20500101000000.Z")],
    ["a GeneralizedTime with a comma", ascii("18", "20500101000000,5Z")],
    ["a GeneralizedTime without Z", ascii("18", "20500101000000")],
    ["an endless GeneralizedTime", ascii("18", `20500101000000.${repeat("1", 60)}Z`)],
    ["a REAL", "090100"],
    ["an EXTERNAL", "2800"],
    ["a fault three levels down", "3007 3005 a003 010101"],
    ["trailing bytes inside", "3003 0500 00"],
    ["trailing bytes outside", "0500 00"],
    ["an indefinite length inside", "3006 3080 0500 0000"],
  ])("refuses %s", (_name, text) => {
    expect(() => {
      assertCanonicalDer(hex(text));
    }).toThrow(DerError);
  });

  it("accepts 32 levels and refuses 33", () => {
    expect(() => {
      assertCanonicalDer(nested(32));
    }).not.toThrow();
    expect(() => {
      assertCanonicalDer(nested(33));
    }).toThrow("nested too deeply");
  });

  it("refuses more than 10 000 elements", () => {
    const sequence = (count: number): Uint8Array =>
      Buffer.concat([hex(`3082${(count * 2).toString(16).padStart(4, "0")}`), hex(repeat("0500", count))]);
    expect(() => {
      assertCanonicalDer(sequence(9_999));
    }).not.toThrow();
    expect(() => {
      assertCanonicalDer(sequence(10_000));
    }).toThrow("too many elements");
  });

  it("throws nothing but DerError, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          assertCanonicalDer(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { seed: 20261122, numRuns: 2_000 },
    );
  });
});

/** SEQUENCEs inside each other, `levels` of them, each in the shortest encoding. */
function nested(levels: number): Uint8Array {
  let bytes = hex("3000");
  for (let i = 1; i < levels; i++) bytes = Buffer.concat([Uint8Array.of(0x30, bytes.length), bytes]);
  return bytes;
}
