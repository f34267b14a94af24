import { describe, expect, it } from "@jest/globals";
import { checkClaims } from "../../../src/adapters/oidc/check-claims.ts";
import { isJsonObject, parseJson } from "../../../src/core/encoding/json-reader.ts";
import type { MayflyError, Reason } from "../../../src/core/errors.ts";
import { DEFAULT_TOKEN_CHECKS } from "../../../src/core/identity/issuer.ts";
import type { TokenChecks } from "../../../src/core/identity/issuer.ts";

const NOW = 1_800_000_000;

const GOOD = { aud: '"sigstore"', sub: '"subject"', iat: `${NOW}`, exp: `${NOW + 600}` };

/** Members are JSON text, so that numbers reach the code as a token would carry them. */
function outcome(
  changes: Readonly<Record<string, string | undefined>>,
  nowMs = NOW * 1000,
  checks: Partial<TokenChecks> = {},
): Reason | "accepted" {
  const values: Readonly<Record<string, string | undefined>> = { ...GOOD, ...changes };
  const members = Object.keys(values).flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`${JSON.stringify(name)}:${value}`];
  });
  const text = `{${members.join(",")}}`;
  const claims = parseJson(Buffer.from(text), { maxDepth: 8, maxMembers: 100 });
  if (!isJsonObject(claims)) throw new Error("no object");
  try {
    checkClaims(claims, { audience: "sigstore", tokenChecks: { ...DEFAULT_TOKEN_CHECKS, ...checks } }, nowMs);
    return "accepted";
  } catch (error) {
    return (error as MayflyError).reason;
  }
}

describe("checkClaims", () => {
  it.each<[string, Record<string, string | undefined>, Reason | "accepted"]>([
    ["F05 aud missing", { aud: undefined }, "TOKEN_CLAIM_MISSING"],
    ["F05 aud null", { aud: "null" }, "TOKEN_CLAIM_INVALID"],
    ["F05 aud empty list", { aud: "[]" }, "TOKEN_CLAIM_INVALID"],
    ["F05 aud number", { aud: "1" }, "TOKEN_CLAIM_INVALID"],
    ["F05 aud object", { aud: '{"sigstore":1}' }, "TOKEN_CLAIM_INVALID"],
    ["F05 aud nested", { aud: '[["sigstore"]]' }, "TOKEN_CLAIM_INVALID"],
    ["F05 aud with a number", { aud: '["sigstore",1]' }, "TOKEN_CLAIM_INVALID"],
    ["F05 aud of 21", { aud: `["sigstore"${',"x"'.repeat(20)}]` }, "TOKEN_CLAIM_INVALID"],
    ["F05 aud of 20", { aud: `["sigstore"${',"x"'.repeat(19)}]` }, "accepted"],
    ["F07 aud among others", { aud: '["a","sigstore"]' }, "accepted"],
    ["F06 aud in capitals", { aud: '"SIGSTORE"' }, "WRONG_AUDIENCE"],
    ["F06 aud prefix", { aud: '"sigstor"' }, "WRONG_AUDIENCE"],
    ["F06 aud suffix", { aud: '"sigstore2"' }, "WRONG_AUDIENCE"],
    ["F06 aud with a space", { aud: '" sigstore"' }, "WRONG_AUDIENCE"],
    ["F06 aud empty", { aud: '""' }, "WRONG_AUDIENCE"],
    ["F21 another audience", { aud: '"https://github.com/octo-org"' }, "WRONG_AUDIENCE"],
    ["F08 azp of another client", { azp: '"other"' }, "accepted"],
    ["F09 exp missing", { exp: undefined }, "TOKEN_CLAIM_MISSING"],
    ["F09 exp null", { exp: "null" }, "TOKEN_CLAIM_INVALID"],
    ["F09 exp text", { exp: `"${NOW + 600}"` }, "TOKEN_CLAIM_INVALID"],
    ["F09 exp boolean", { exp: "true" }, "TOKEN_CLAIM_INVALID"],
    ["F09 exp infinite", { exp: "1e400" }, "TOKEN_CLAIM_INVALID"],
    ["F09 exp huge", { exp: "9".repeat(400) }, "TOKEN_CLAIM_INVALID"],
    ["F09 exp 0", { exp: "0" }, "TOKEN_CLAIM_INVALID"],
    ["F09 exp -0", { exp: "-0" }, "TOKEN_CLAIM_INVALID"],
    ["F09 exp negative", { exp: "-1" }, "TOKEN_CLAIM_INVALID"],
    ["F10 exp now", { exp: `${NOW}` }, "TOKEN_EXPIRED"],
    ["F10 exp 1 s past", { exp: `${NOW - 1}` }, "TOKEN_EXPIRED"],
    ["F10 exp 1 s ahead", { exp: `${NOW + 1}` }, "accepted"],
    ["F11 24 h", { exp: `${NOW + 86_400}` }, "accepted"],
    ["F11 24 h and 1 s", { exp: `${NOW + 86_401}` }, "TOKEN_LIFETIME_TOO_LONG"],
    ["F12 nbf 60 s ahead", { nbf: `${NOW + 60}` }, "accepted"],
    ["F12 nbf 61 s ahead", { nbf: `${NOW + 61}` }, "TOKEN_NOT_YET_VALID"],
    ["F12 nbf text", { nbf: `"${NOW}"` }, "TOKEN_CLAIM_INVALID"],
    ["F12 nbf null", { nbf: "null" }, "TOKEN_CLAIM_INVALID"],
    ["F13 iat missing", { iat: undefined }, "TOKEN_CLAIM_MISSING"],
    ["F13 iat 60 s ahead", { iat: `${NOW + 60}` }, "accepted"],
    ["F13 iat 61 s ahead", { iat: `${NOW + 61}` }, "TOKEN_ISSUED_IN_FUTURE"],
    ["F13 iat after exp", { iat: `${NOW + 30}`, exp: `${NOW + 20}` }, "TOKEN_CLAIM_INVALID"],
    ["F13 iat text", { iat: '"yesterday"' }, "TOKEN_CLAIM_INVALID"],
    ["F14 fractions", { iat: `${NOW}.25`, exp: `${NOW}.5`, nbf: `${NOW}.75` }, "accepted"],
    ["F14 an exponent", { exp: "1.8000001e9" }, "accepted"],
    ["F15 sub missing", { sub: undefined }, "TOKEN_CLAIM_MISSING"],
    ["F15 sub empty", { sub: '""' }, "TOKEN_CLAIM_INVALID"],
    ["F15 sub number", { sub: "1" }, "TOKEN_CLAIM_INVALID"],
    ["F15 sub of 1,024 bytes", { sub: `"${"é".repeat(512)}"` }, "accepted"],
    ["F15 sub of 1,026 bytes", { sub: `"${"é".repeat(513)}"` }, "TOKEN_CLAIM_INVALID"],
    ["F16 sub with NUL", { sub: String.raw`"a\u0000b"` }, "TOKEN_CLAIM_INVALID"],
    ["F16 sub with a newline", { sub: String.raw`"a\n"` }, "TOKEN_CLAIM_INVALID"],
    ["F16 sub with DEL", { sub: '"a\u007f"' }, "TOKEN_CLAIM_INVALID"],
    ["F16 sub with a bidi override", { sub: '"a\u202eb"' }, "TOKEN_CLAIM_INVALID"],
    ["F16 sub with a line separator", { sub: '"a\u2028b"' }, "TOKEN_CLAIM_INVALID"],
    [
      "F18 distributed claims",
      { _claim_names: '{"a":"b"}', _claim_sources: '{"b":{"endpoint":"https://x"}}' },
      "accepted",
    ],
    ["F19 unknown claims", { nonce: "1", at_hash: "{}", cnf: "[]" }, "accepted"],
  ])("%s", (_name, changes, expected) => {
    expect(outcome(changes)).toBe(expected);
  });

  it("F14: compares times as real numbers", () => {
    expect(outcome({ exp: `${NOW}.5` }, NOW * 1000 + 499)).toBe("accepted");
    expect(outcome({ exp: `${NOW}.5` }, NOW * 1000 + 500)).toBe("TOKEN_EXPIRED");
  });
});

describe("an issuer's own checks", () => {
  it.each<[string, Partial<TokenChecks>, Record<string, string | undefined>, Reason | "accepted"]>([
    ["[F7b] ours alone, as a text", { isAudienceAlone: true }, { aud: '"sigstore"' }, "accepted"],
    ["[F7b] ours alone, as a list", { isAudienceAlone: true }, { aud: '["sigstore"]' }, "accepted"],
    ["[F7b] ours among others", { isAudienceAlone: true }, { aud: '["sigstore","other"]' }, "WRONG_AUDIENCE"],
    ["[F7b] ours twice", { isAudienceAlone: true }, { aud: '["sigstore","sigstore"]' }, "WRONG_AUDIENCE"],
    ["[F8b] azp that is ours", { isPartyRequired: true }, { azp: '"sigstore"' }, "accepted"],
    ["[F8b] azp of another client", { isPartyRequired: true }, { azp: '"other"' }, "TOKEN_AUTHORIZED_PARTY"],
    ["[F8b] azp in a list", { isPartyRequired: true }, { azp: '["sigstore"]' }, "TOKEN_AUTHORIZED_PARTY"],
    ["[F8b] no azp", { isPartyRequired: true }, {}, "TOKEN_CLAIM_MISSING"],
    ["[F11b] up to a shorter lifetime", { maxLifetimeSeconds: 600 }, { exp: `${NOW + 600}` }, "accepted"],
    [
      "[F11b] beyond a shorter lifetime",
      { maxLifetimeSeconds: 600 },
      { exp: `${NOW + 601}` },
      "TOKEN_LIFETIME_TOO_LONG",
    ],
    ["[F11b] up to a longer lifetime", { maxLifetimeSeconds: 172_800 }, { exp: `${NOW + 172_800}` }, "accepted"],
    ["[F12b] nbf within 300 s", { leewaySeconds: 300 }, { nbf: `${NOW + 300}` }, "accepted"],
    ["[F12b] nbf beyond 300 s", { leewaySeconds: 300 }, { nbf: `${NOW + 301}` }, "TOKEN_NOT_YET_VALID"],
    ["[F12b] iat within 300 s", { leewaySeconds: 300 }, { iat: `${NOW + 300}` }, "accepted"],
    ["[F12b] nbf a second ahead, and no leeway", { leewaySeconds: 0 }, { nbf: `${NOW + 1}` }, "TOKEN_NOT_YET_VALID"],
    ["[F12b] exp a second past, and leeway", { leewaySeconds: 300 }, { exp: `${NOW - 1}` }, "TOKEN_EXPIRED"],
  ])("%s", (_, checks, changes, expected) => {
    expect(outcome(changes, NOW * 1000, checks)).toBe(expected);
  });
});
