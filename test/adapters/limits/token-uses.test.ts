import { describe, expect, it } from "@jest/globals";
import { TokenUses } from "../../../src/adapters/limits/token-uses.ts";
import { parseJson } from "../../../src/core/encoding/json-reader.ts";
import type { JsonObject } from "../../../src/core/encoding/json-reader.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { EMAIL_TOKEN, NOW_MS } from "../../support/issuance.ts";

const JSON_LIMITS = { maxDepth: 2, maxMembers: 10 };
const URL_A = "https://a.example.com";

/** Uses a token of `url` up: "used", or the reason that it is not. */
function makeUse(capacity?: number) {
  const uses = new TokenUses(capacity);
  return (claims: object, atMs = NOW_MS, { url = URL_A, pattern }: { url?: string; pattern?: string } = {}): string => {
    const issuer = { ...EMAIL_TOKEN.issuer, url, ...(pattern === undefined ? {} : { pattern }) };
    const text = JSON.stringify({ exp: NOW_MS / 1000 + 600, ...claims });
    try {
      uses.use({ ...EMAIL_TOKEN, issuer, claims: parseJson(Buffer.from(text), JSON_LIMITS) as JsonObject }, atMs);
      return "used";
    } catch (error) {
      if (error instanceof MayflyError) return error.reason;
      throw error;
    }
  };
}

describe("tokens for one use", () => {
  it("[F20b] are used once, by issuer and jti, whatever else they say", () => {
    const use = makeUse();
    expect(use({ jti: "id-1" })).toBe("used");
    expect(use({ jti: "id-1", exp: NOW_MS / 1000 + 900, sub: "another" })).toBe("TOKEN_USED");
    expect(use({ jti: "id-2" })).toBe("used");
    expect(use({ jti: "id-1" }, NOW_MS, { url: "https://b.example.com" })).toBe("used");
  });

  it.each([
    [undefined, "TOKEN_CLAIM_MISSING"],
    ["", "TOKEN_CLAIM_MISSING"],
    [7, "TOKEN_CLAIM_INVALID"],
    [["a"], "TOKEN_CLAIM_INVALID"],
    ["é".repeat(513), "TOKEN_CLAIM_INVALID"],
  ])("[F20b] need a jti: %j is none", (jti, reason) => {
    expect(makeUse()({ jti })).toBe(reason);
  });

  it("[F20b] are remembered until they expire, and no more than so many", () => {
    const use = makeUse(2);
    const early = { exp: NOW_MS / 1000 + 100 };
    expect(use({ jti: "id-1", ...early })).toBe("used");
    expect(use({ jti: "id-2" })).toBe("used");
    expect(use({ jti: "id-3" })).toBe("USED_TOKENS_FULL");
    expect(use({ jti: "id-3" }, NOW_MS + 99_999)).toBe("USED_TOKENS_FULL");
    expect(use({ jti: "id-3" }, NOW_MS + 101_000)).toBe("used");
    expect(use({ jti: "id-2" }, NOW_MS + 101_000)).toBe("TOKEN_USED");
  });

  it("of one issuer take no room from those of another, and all of one pattern have one room", () => {
    const use = makeUse(2);
    for (const jti of ["id-1", "id-2"]) expect(use({ jti })).toBe("used");
    expect(use({ jti: "id-3" })).toBe("USED_TOKENS_FULL");
    const tenants = ["https://t1.example.com", "https://t2.example.com", "https://t3.example.com"];
    const verdicts = tenants.map((url) => use({ jti: "id-1" }, NOW_MS, { url, pattern: "https://*.example.com" }));
    expect(verdicts).toEqual(["used", "used", "USED_TOKENS_FULL"]);
    expect(use({ jti: "id-1" }, NOW_MS, { url: "https://t1.example.com", pattern: "https://*.example.com" })).toBe(
      "TOKEN_USED",
    );
  });
});
