import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import * as asn1js from "asn1js";
import { assertCanonicalDer } from "../../../src/core/encoding/canonical-der.ts";
import {
  derChildren,
  parseBitString,
  parseDer,
  parseObjectIdentifier,
  parseUnsignedInteger,
} from "../../../src/core/encoding/der-reader.ts";
import * as der from "../../../src/core/encoding/der-writer.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));
const seeded = { seed: 20261122 };

/** What OpenSSL reads in `encoded`, one line per element. */
function asn1parse(encoded: Uint8Array): string {
  return execFileSync("openssl", ["asn1parse", "-inform", "DER"], { input: encoded, encoding: "utf8" });
}

describe("der-writer", () => {
  it.each([
    ["an empty SEQUENCE", der.sequence(), "3000"],
    ["TRUE as FF", der.boolean(true), "0101ff"],
    ["FALSE", der.boolean(false), "010100"],
    ["NULL", der.nullValue(), "0500"],
    ["INTEGER 0", der.integer(bytes("00")), "020100"],
    ["INTEGER 127", der.integer(bytes("7f")), "02017f"],
    ["INTEGER 128 with a zero octet before it", der.integer(bytes("80")), "02020080"],
    ["an INTEGER without its leading zero octets", der.integer(bytes("00000001")), "020101"],
    ["an INTEGER that keeps the one zero octet it needs", der.integer(bytes("0000ff")), "020200ff"],
    ["rsaEncryption", der.oid("1.2.840.113549.1.1.1"), "06092a864886f70d010101"],
    ["an arc above 2^31", der.oid("2.25.4294967295"), "0606698fffffff7f"],
    ["the top arc 2 with a large second arc", der.oid("2.999.3"), "0603883703"],
    ["keyUsage digitalSignature", der.bitString(bytes("80"), 7), "03020780"],
    ["an empty BIT STRING", der.bitString(bytes("")), "030100"],
    ["UTF-8", der.utf8String("é€😀"), "0c09c3a9e282acf09f9880"],
    ["IA5String", der.ia5String("a@b"), "1603614062"],
    ["PrintableString", der.printableString("Mayfly 1"), "13084d6179666c792031"],
    [
      "the last UTCTime",
      der.utcOrGeneralizedTime(Date.UTC(2049, 11, 31, 23, 59, 59)),
      "170d3439313233313233353935395a",
    ],
    ["the first GeneralizedTime", der.utcOrGeneralizedTime(Date.UTC(2050, 0, 1)), "180f32303530303130313030303030305a"],
    ["the first UTCTime", der.utcOrGeneralizedTime(Date.UTC(1950, 0, 1)), "170d3530303130313030303030305a"],
    ["the last GeneralizedTime", der.utcOrGeneralizedTime(253402300799000), "180f39393939313233313233353935395a"],
    ["[0] EXPLICIT", der.contextTag(0, der.integer(bytes("02"))), "a003020102"],
    ["[6] IMPLICIT over a primitive", der.contextPrimitive(6, der.ascii("a:b")), "8603613a62"],
  ])("writes %s", (_name, encoded, expected) => {
    expect(hex(encoded)).toBe(expected);
    assertCanonicalDer(encoded);
  });

  it("sorts a SET OF by its elements' encodings", () => {
    const set = der.set(der.utf8String("b"), der.oid("2.5.4.3"), der.utf8String("a"), der.boolean(true));
    expect(hex(set)).toBe("310e0101ff06035504030c01610c0162");
  });

  it.each([
    [127, "047f"],
    [128, "048180"],
    [255, "0481ff"],
    [256, "04820100"],
    [65535, "0482ffff"],
    [65536, "0483010000"],
  ])("writes the length %i in the fewest octets, as OpenSSL reads it", (length, header) => {
    const encoded = der.octetString(new Uint8Array(length));
    expect(hex(encoded.subarray(0, header.length / 2))).toBe(header);
    expect(encoded).toHaveLength(header.length / 2 + length);
    expect(asn1parse(encoded)).toContain(
      `hl=${String(header.length / 2)} l=${String(length).padStart(4)} prim: OCTET STRING`,
    );
  });

  it("writes a nested structure that OpenSSL reads element by element", () => {
    const encoded = der.sequence(
      der.set(der.sequence(der.oid("2.5.4.3"), der.utf8String("mayfly"))),
      der.utcOrGeneralizedTime(Date.UTC(2049, 0, 2, 3, 4, 5)),
      der.utcOrGeneralizedTime(Date.UTC(2050, 0, 2, 3, 4, 5)),
    );
    const lines = asn1parse(encoded);
    expect(lines).toContain(":commonName");
    expect(lines).toMatch(/UTF8STRING {8}:mayfly/u);
    expect(lines).toMatch(/UTCTIME {11}:490102030405Z/u);
    expect(lines).toMatch(/GENERALIZEDTIME {3}:20500102030405Z/u);
  });

  it.each<[string, () => unknown]>([
    ["an INTEGER without octets", () => der.integer(bytes(""))],
    ["a single-arc OID", () => der.oid("1")],
    ["an OID with a leading zero", () => der.oid("1.02")],
    ["an OID whose top arc is 3", () => der.oid("3.1")],
    ["an OID whose second arc is too large for its first", () => der.oid("1.40")],
    ["an OID with text", () => der.oid("1.2.x")],
    ["unused bits that are set", () => der.bitString(bytes("81"), 7)],
    ["eight unused bits", () => der.bitString(bytes("00"), 8)],
    ["unused bits of nothing", () => der.bitString(bytes(""), 1)],
    ["half of a surrogate pair", () => der.utf8String("a\ud800")],
    ["non-ASCII in an IA5String", () => der.ia5String("ä")],
    ["a character beyond Latin-1 in an IA5String", () => der.ia5String("ł")],
    ["@ in a PrintableString", () => der.printableString("a@b")],
    ["a fraction of a second", () => der.utcOrGeneralizedTime(1)],
    ["a time before 1950", () => der.utcOrGeneralizedTime(Date.UTC(1949, 11, 31))],
    ["a time after 9999", () => der.utcOrGeneralizedTime(253402300800000)],
    ["no time at all", () => der.utcOrGeneralizedTime(NaN)],
    ["tag number 31", () => der.contextTag(31)],
    ["a negative tag number", () => der.contextPrimitive(-1, bytes(""))],
    ["contents of 16 MiB", () => der.octetString(new Uint8Array(0x1000000))],
  ])("refuses %s", (_name, write) => {
    expect(write).toThrow(RangeError);
  });

  it("is read back by the strict reader and by asn1js, whatever the values", () => {
    const arcs = fc.array(fc.nat({ max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 6 });
    const text = fc.string({ unit: "grapheme", maxLength: 400 });
    const octets = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(arcs, text, octets, (rest, string, value) => {
        const dotted = ["1.3", ...rest].join(".");
        const encoded = der.sequence(der.oid(dotted), der.utf8String(string), der.integer(value), der.bitString(value));
        assertCanonicalDer(encoded);
        const [oid, utf8, integer, bits] = derChildren(parseDer(encoded));
        expect(parseObjectIdentifier(oid)).toBe(dotted);
        expect(Buffer.from(utf8!.content).toString("utf8")).toBe(string);
        expect(BigInt(`0x${hex(parseUnsignedInteger(integer))}`)).toBe(BigInt(`0x${hex(value)}`));
        expect(hex(parseBitString(bits))).toBe(hex(value));
        const foreign = asn1js.fromBER(encoded);
        expect(foreign.offset).toBe(encoded.length);
        expect(hex(new Uint8Array(foreign.result.toBER()))).toBe(hex(encoded));
      }),
      seeded,
    );
  });
});
