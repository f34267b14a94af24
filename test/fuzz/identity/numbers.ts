import fc from "fast-check";
import { canonicalNumber } from "../../../src/core/identity/scalar-claim.ts";
import { comparison, requireSame } from "../comparison.ts";

/** A number as numerator over a power of ten, exactly. */
interface Decimal {
  readonly numerator: bigint;
  readonly power: bigint;
}

/** More digits than any number has that is taken; beyond them nothing is worked out. */
const MOST_DIGITS = 300n;

const MAX_DIGITS = 64;

function readDecimal(text: string): Decimal {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return { numerator: BigInt(whole + fraction), power: BigInt(fraction.length) - BigInt(exponent) };
}

/** Long division by ten, digit by digit; undefined for what has far too many of them. */
function slowlyWrite({ numerator, power }: Decimal): string | undefined {
  if (numerator === 0n) return "0";
  if (power > MOST_DIGITS || power < -MOST_DIGITS) return undefined;
  const scale = 10n ** (power < 0n ? -power : power);
  const size = numerator < 0n ? -numerator : numerator;
  const whole = power < 0n ? size * scale : size / scale;
  let rest = power < 0n ? 0n : size % scale;
  let decimals = "";
  while (rest !== 0n) {
    rest *= 10n;
    decimals += String(rest / scale);
    rest %= scale;
  }
  return `${numerator < 0n ? "-" : ""}${String(whole)}${decimals === "" ? "" : `.${decimals}`}`;
}

const digits = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from("0001359")), minLength, maxLength });

/** Numbers as JSON has them (RFC 8259 §6). */
const numbers = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom("", "-"),
      fc.oneof({ weight: 5, arbitrary: digits(1, 6) }, digits(60, 68)),
      fc.oneof({ weight: 5, arbitrary: digits(0, 6) }, digits(60, 68)),
      fc.constantFrom("", "e", "E", "e+", "e-", "E-"),
      fc.oneof(
        { weight: 8, arbitrary: fc.nat(70).map(String) },
        fc.constantFrom("00", "007", "999999999", "9".repeat(30)),
      ),
    )
    .map(([sign, whole, fraction, e, exponent]) => {
      const point = fraction === "" ? "" : ".";
      return `${sign}${whole.replace(/^0+(?=.)/u, "")}${point}${fraction}${e}${e === "" ? "" : exponent}`;
    });

/** Numbers in certificates. */
export const NUMBERS = comparison({
  name: "numbers as text",
  weight: 1,
  needed: ["taken", "refused"],
  inputs: numbers(),
  compare: (text) => {
    const ours = canonicalNumber({ kind: "number", text });
    const expected = slowlyWrite(readDecimal(text));
    const isNegativeZero = expected === "0" && text.startsWith("-");
    requireSame(ours !== undefined && isNegativeZero, false);
    if (ours !== undefined) {
      requireSame(ours, expected);
      requireSame(canonicalNumber({ kind: "number", text: ours }), ours);
      return "taken";
    }
    // Nothing is refused but a negative zero, and what is too long either as it is written or in the end.
    const written = text.replace(/e.*/iu, "").replaceAll(/[-.]/gu, "").replace(/^0+/u, "");
    const [, whole = "", decimals = ""] = /^-?(\d+)(?:\.(\d+))?$/u.exec(expected ?? "") ?? [];
    const isLong = [written, whole, decimals].some((digitsOf) => digitsOf.length > MAX_DIGITS);
    requireSame(isNegativeZero || isLong || expected === undefined, true);
    return "refused";
  },
});
