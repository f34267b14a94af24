import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parseJson } from "../../../src/core/encoding/json-reader.ts";
import type { JsonValue } from "../../../src/core/encoding/json-reader.ts";
import type { MayflyError } from "../../../src/core/errors.ts";
import { canonicalNumber, scalarClaim } from "../../../src/core/identity/scalar-claim.ts";

const read = (json: string): JsonValue => parseJson(Buffer.from(json), { maxDepth: 4, maxMembers: 10 });
const textOf = (json: string): string | undefined => scalarClaim(new Map([["claim", read(json)]]), "claim");

function refusalOf(json: string): string {
  try {
    textOf(json);
  } catch (error) {
    return (error as MayflyError).reason;
  }
  throw new Error("the claim was taken");
}

describe("a claim as text", () => {
  it.each([
    ['"bar"', "bar"],
    ['""', ""],
    ["true", "true"],
    ["false", "false"],
    ["1", "1"],
    ["1.0", "1"],
    ["1.4", "1.4"],
    ["1.7", "1.7"],
    ["1000000.0", "1000000"],
    ["1753000000.0", "1753000000"],
  ])("[FC215] is, of %s, %j", (json, text) => {
    expect(textOf(json)).toBe(text);
  });

  it.each([
    ["0", "0"],
    ["0.0", "0"],
    ["0e999999999", "0"],
    ["-1", "-1"],
    ["-0.50", "-0.5"],
    ["1e3", "1000"],
    ["1E+3", "1000"],
    ["12.5e1", "125"],
    ["12.5e-1", "1.25"],
    ["5e-3", "0.005"],
    ["0.0500", "0.05"],
    ["100e-2", "1"],
    ["1e15", "1000000000000000"],
    ["1e21", "1000000000000000000000"],
    ["9007199254740993", "9007199254740993"],
    ["18446744073709551615", "18446744073709551615"],
    ["0.10000000000000000555", "0.10000000000000000555"],
    ["9".repeat(64), "9".repeat(64)],
  ])("[G21] is exact and without exponent: %s is %s", (json, text) => {
    expect(textOf(json)).toBe(text);
  });

  it("is undefined when there is none", () => {
    expect(scalarClaim(new Map(), "claim")).toBeUndefined();
  });

  it.each([
    "null",
    "[]",
    '["a"]',
    "{}",
    '{"a":"b"}',
    "-0",
    "-0.0e5",
    "1e400",
    "1e-400",
    `1e${"9".repeat(400)}`,
    "9".repeat(65),
    `0.${"9".repeat(65)}`,
    '"a\\u0000b"',
    '"a\\nb"',
    `"${"x".repeat(1025)}"`,
  ])("[G20] is none, of %s", (json) => {
    expect(refusalOf(json)).toBe("TOKEN_CLAIM_INVALID");
  });

  it("[G21] is the number that JavaScript writes, where that writes it exactly", () => {
    const doubles = fc.double({ min: 1e-6, max: 1e20, noNaN: true });
    const numbers = fc.oneof(fc.integer(), doubles).filter((number) => !Object.is(number, -0));
    fc.assert(
      fc.property(numbers, fc.constantFrom("", "e0", "E+0", "e-0"), (number, exponent) => {
        const text = String(number);
        fc.pre(!text.includes("e"));
        expect(canonicalNumber({ kind: "number", text: text + exponent })).toBe(text);
        expect(canonicalNumber({ kind: "number", text: `${text}${text.includes(".") ? "" : "."}00` })).toBe(text);
      }),
      { seed: 20261122 },
    );
  });

  it("[G21] is the same for the same number by another exponent", () => {
    const digits = fc.stringMatching(/^[1-9][0-9]{0,9}$/u);
    fc.assert(
      fc.property(digits, fc.integer({ min: 0, max: 20 }), (whole, zeros) => {
        const plain = canonicalNumber({ kind: "number", text: whole + "0".repeat(zeros) });
        expect(canonicalNumber({ kind: "number", text: `${whole}e${String(zeros)}` })).toBe(plain);
        expect(canonicalNumber({ kind: "number", text: `0.${whole}e${String(zeros + whole.length)}` })).toBe(plain);
      }),
      { seed: 20261122 },
    );
  });
});
