import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MayflyError } from "../../src/core/errors.ts";
import { Query } from "../../src/http/query.ts";

const PARAMETERS = { seed: 20261122 };

/** What `read` gives, or the reason for which it refuses. */
function outcome<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof MayflyError) return error.reason;
    throw error;
  }
}

const encoded = (value: string): string => new URLSearchParams({ n: value }).toString();

describe("the parameters of a query", () => {
  it("are numbers in their one spelling", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(new Query(encoded(String(value))).decimal("n")).toBe(value);
        expect(outcome(() => new Query(encoded(`0${value}`)).decimal("n"))).toBe("PARAMETER_INVALID");
        expect(outcome(() => new Query(encoded(`+${value}`)).decimal("n"))).toBe("PARAMETER_INVALID");
      }),
      PARAMETERS,
    );
  });

  it("are no numbers when their text is not what the number is written as", () => {
    const nearly = fc.string({
      unit: fc.constantFrom(...Array.from("0123456789.eExX+-_ \n\u0661\u00a0")),
      maxLength: 18,
    });
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: "binary", maxLength: 5 })), (text) => {
        const value = Number(text);
        const expected =
          Number.isSafeInteger(value) && value >= 0 && String(value) === text ? value : "PARAMETER_INVALID";
        expect(outcome(() => new Query(encoded(text)).decimal("n"))).toBe(expected);
      }),
      { ...PARAMETERS, numRuns: 500 },
    );
  });

  it("are bytes in their one spelling, escaped", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64");
        expect(new Query(encoded(text)).base64("n", 32)).toEqual(bytes);
        expect(outcome(() => new Query(encoded(text)).base64("n", 31))).toBe("PARAMETER_INVALID");
        expect(outcome(() => new Query(encoded(text.slice(0, -1))).base64("n", 32))).toBe("PARAMETER_INVALID");
        // A plus sign that is not escaped is a space.
        const raw = outcome(() => new Query(`n=${text}`).base64("n", 32));
        expect(raw).toEqual(text.includes("+") ? "PARAMETER_INVALID" : bytes);
      }),
      PARAMETERS,
    );
  });

  it.each(["", "m=1", "N=1", "n=1&n=1", "n=1&n=2", "n=1&%6e=1", "n", "n=", "=1", "n[]=1", "n=1;m=2", "&&", "%n=1"])(
    "%j has no single number n",
    (text) => {
      expect(outcome(() => new Query(text).decimal("n"))).toBe("PARAMETER_INVALID");
      expect(outcome(() => new Query(text).base64("n", 1))).toBe("PARAMETER_INVALID");
    },
  );

  it.each(["n=7", "&n=7&", "m=1&n=7&m=2", "%6e=7", "n=%37", "?=1&n=7"])("%j has", (text) => {
    expect(new Query(text).decimal("n")).toBe(7);
  });
});
