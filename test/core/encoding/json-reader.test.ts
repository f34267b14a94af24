import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  isJsonArray,
  isJsonNumber,
  isJsonObject,
  JsonError,
  parseJson,
  type JsonValue,
} from "../../../src/core/encoding/json-reader.ts";

const LIMITS = { maxDepth: 32, maxMembers: 1000 };

const parseText = (text: string, limits = LIMITS): JsonValue => parseJson(new TextEncoder().encode(text), limits);

function refusal(bytes: Uint8Array | string, limits = LIMITS): JsonError["kind"] | "accepted" {
  try {
    parseJson(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes, limits);
    return "accepted";
  } catch (error) {
    if (error instanceof JsonError) return error.kind;
    throw error;
  }
}

/** What JSON.parse would have made of the same text. */
function plain(value: JsonValue): unknown {
  if (isJsonNumber(value)) return Number(value.text);
  if (isJsonArray(value)) return value.map(plain);
  if (isJsonObject(value)) return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
  return value;
}

describe("parseJson", () => {
  it("keeps numbers as they were written", () => {
    const texts = ["0", "-0", "1e400", "12345678901234567890", "1.50", "1E+2", "-0.0e-7", "9".repeat(400)];
    expect(parseText(`[${texts.join(",")}]`)).toEqual(texts.map((text) => ({ kind: "number", text })));
  });

  it("resolves every escape of RFC 8259 §7", () => {
    expect(parseText(String.raw`"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\uDE00 end"`)).toBe('"\\/\b\f\n\r\tAé😀 end');
  });

  it("takes whitespace of all four kinds around every token", () => {
    expect(parseText(' \t\r\n{ "a"\n:\t[ 1 ,\r2 ] , "b" : { } , "c":[ ] } ')).toEqual(
      new Map<string, unknown>([
        [
          "a",
          [
            { kind: "number", text: "1" },
            { kind: "number", text: "2" },
          ],
        ],
        ["b", new Map()],
        ["c", []],
      ]),
    );
  });

  it("B09: treats __proto__ and constructor as data and leaves Object.prototype alone", () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const value = parseText('{"__proto__":{"polluted":true},"constructor":1,"toString":null}');
    expect(isJsonObject(value) && [...value.keys()]).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect("polluted" in {}).toBe(false);
  });

  it.each([
    ["nothing", ""],
    ["whitespace only", " \n"],
    ["two values", "{} {}"],
    ["a trailing byte", "{}x"],
    ["a trailing NUL", "{}\0"],
    ["a trailing comma in an object", '{"a":1,}'],
    ["a trailing comma in an array", "[1,]"],
    ["a missing comma", '["a""b"]'],
    ["a missing colon", '{"a"1}'],
    ["a missing value", '{"a":}'],
    ["a bare name", "{a:1}"],
    ["a single-quoted string", "'a'"],
    ["a comment", "/**/{}"],
    ["an unclosed object", '{"a":1'],
    ["an unclosed array", "[1"],
    ["a mismatched bracket", "[1}"],
    ["an unclosed string", '"abc'],
    ["an unclosed string after an escape", String.raw`"a\n`],
    ["a backslash at the end", '"abc\\'],
    ["an unknown escape", String.raw`"\x41"`],
    ["an escape of three digits", String.raw`"\u041"`],
    ["an escape with a sign", String.raw`"\u+041"`],
    ["a raw newline in a string", '"a\nb"'],
    ["a raw NUL in a string", '"a\0b"'],
    ["a raw control character after an escape", '"\\n\u001f"'],
    ["a leading zero", "01"],
    ["a plus sign", "+1"],
    ["a number without integer part", ".5"],
    ["a number without fraction digits", "1."],
    ["a number without exponent digits", "1e"],
    ["a lone minus", "-"],
    ["hexadecimal", "0x10"],
    ["NaN", "NaN"],
    ["Infinity", "-Infinity"],
    ["a literal in capitals", "True"],
    ["a cut literal", "tru"],
    ["a lengthened literal", "nullx"],
    ["a no-break space", "\u00a0{}"],
    ["B03: a byte order mark", "\ufeff{}"],
  ])("B02: refuses %s", (_name, text) => {
    expect(refusal(text)).toBe("not-json");
  });

  it.each([
    ["an invalid byte", [0x22, 0xff, 0x22]],
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
    ["a cut sequence", [0x22, 0xe2, 0x82, 0x22]],
    ["an encoded surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["UTF-16 with its mark", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])("B03: refuses %s", (_name, bytes) => {
    expect(refusal(Uint8Array.from(bytes))).toBe("not-utf8");
  });

  it.each([
    ["a high surrogate alone", String.raw`"\ud83d"`],
    ["a low surrogate alone", String.raw`"\ude00"`],
    ["a reversed pair", String.raw`"\ude00\ud83d"`],
    ["two high surrogates", String.raw`"\ud83d\ud83d"`],
    ["a high surrogate before another escape", String.raw`"\ud83d\n"`],
    ["a lone surrogate in a member name", String.raw`{"\ud83d":1}`],
  ])("B03: refuses %s", (_name, text) => {
    expect(refusal(text)).toBe("not-utf8");
  });

  it.each([
    ["plainly", '{"a":1,"a":1}'],
    ["as an escape", '{"a":1,"\\u0061":2}'],
    ["at depth", '[{"x":{"y":[{"a":1,"b":2,"a":3}]}}]'],
    ["under the empty name", '{"":1,"":2}'],
    ["as __proto__", '{"__proto__":1,"__proto__":2}'],
  ])("B04: refuses a member given twice %s", (_name, text) => {
    expect(refusal(text)).toBe("duplicate-member");
  });

  it("tells names apart that only look or fold alike", () => {
    expect(refusal('{"a":1,"A":2,"\u00e9":3,"e\u0301":4,"a ":5}')).toBe("accepted");
  });

  it("B10: takes the permitted depth and refuses one more, without recursing into 100,000", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(refusal(nested(32))).toBe("accepted");
    expect(refusal(nested(33))).toBe("too-complex");
    expect(refusal("[".repeat(100_000))).toBe("too-complex");
    expect(refusal('{"a":'.repeat(100_000))).toBe("too-complex");
    expect(refusal(`[${"[],".repeat(99)}[[]]]`, { maxDepth: 2, maxMembers: 1000 })).toBe("too-complex");
    expect(refusal(`[${"[],".repeat(99)}[]]`, { maxDepth: 2, maxMembers: 1000 })).toBe("accepted");
  });

  it("B17: counts members and elements over the whole text", () => {
    const limits = { maxDepth: 4, maxMembers: 5 };
    expect(refusal('{"a":[1,2],"b":{"c":null}}', limits)).toBe("accepted");
    expect(refusal('{"a":[1,2],"b":{"c":null,"d":1}}', limits)).toBe("too-complex");
    expect(refusal(`[${"1,".repeat(10_000)}1]`)).toBe("too-complex");
  });

  it("accepts no limit that would let it recurse without bound", () => {
    expect(() => parseText("1", { maxDepth: 65, maxMembers: 1 })).toThrow(RangeError);
    expect(() => parseText("1", { maxDepth: 0, maxMembers: 1 })).toThrow(RangeError);
    expect(() => parseText("1", { maxDepth: Number.NaN, maxMembers: 1 })).toThrow(RangeError);
  });

  it("puts no input text into its messages", () => {
    expect(() => parseText('{"secret-name": secret}')).toThrow(/^the text is not JSON at position 16$/u);
  });

  it("reads whatever JSON.stringify writes", () => {
    const numbersAsWritten = (_key: string, value: unknown) => (Object.is(value, -0) ? 0 : value);
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "grapheme" }), fc.constantFrom("", " ", "\t"), (value, indent) => {
        const text = JSON.stringify(value, numbersAsWritten, indent);
        expect(plain(parseText(text, { maxDepth: 64, maxMembers: 10_000 }))).toEqual(JSON.parse(text));
      }),
      { seed: 20261122, numRuns: 1000 },
    );
  });

  it("accepts no text that JSON.parse refuses, and reads the same value where both accept", () => {
    const alphabet = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      "a",
      "\\",
      "u",
      "0041",
      "1",
      "0",
      "-",
      ".",
      "e",
      "true",
      "null",
      " ",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 10 }), (tokens) => {
        const text = tokens.join("");
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(refusal(text)).toBe("not-json");
          return;
        }
        const kind = refusal(text);
        if (kind === "duplicate-member") return;
        expect(kind).toBe("accepted");
        expect(plain(parseText(text))).toEqual(expected);
      }),
      { seed: 20261122, numRuns: 20_000 },
    );
  });
});
