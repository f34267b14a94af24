import { describe, expect, it } from "@jest/globals";
import { buildTrustBundle } from "../../src/wire/trust-bundle.ts";

describe("the trust bundle message", () => {
  it("ends every PEM with one newline and keeps chains and certificates in order", () => {
    expect(
      buildTrustBundle([
        ["issuing", "root"],
        ["old issuing", "old root"],
      ]),
    ).toEqual({
      chains: [{ certificates: ["issuing\n", "root\n"] }, { certificates: ["old issuing\n", "old root\n"] }],
    });
  });

  it("writes an empty list when there is no chain", () => {
    expect(JSON.stringify(buildTrustBundle([]))).toBe('{"chains":[]}');
  });
});
