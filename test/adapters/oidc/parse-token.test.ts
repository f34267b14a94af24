import { describe, expect, it } from "@jest/globals";
import { parseToken } from "../../../src/adapters/oidc/parse-token.ts";
import type { MayflyError, Reason } from "../../../src/core/errors.ts";
import { WRONG_TOKEN_TYPES } from "../../support/tokens.ts";

const encode = (part: string | Uint8Array): string => Buffer.from(part).toString("base64url");

const HEADER = '{"alg":"RS256","kid":"k","typ":"JWT"}';
const CLAIMS = '{"iss":"https://issuer.example","sub":"s"}';

const token = (header: string | Uint8Array = HEADER, claims: string | Uint8Array = CLAIMS): string =>
  `${encode(header)}.${encode(claims)}.AAAA`;

function reasonOf(text: string): Reason | "accepted" {
  try {
    parseToken(text);
    return "accepted";
  } catch (error) {
    return (error as MayflyError).reason;
  }
}

const utf16 = (text: string): Uint8Array => Buffer.from(`\ufeff${text}`, "utf16le");

describe("parseToken", () => {
  it("reads header and claims", () => {
    expect(parseToken(token())).toEqual({
      header: { alg: "RS256", kid: "k", typ: "JWT" },
      claims: new Map([
        ["iss", "https://issuer.example"],
        ["sub", "s"],
      ]),
    });
  });

  it.each(['{"alg":"ES256"}', '{"alg":"ES256","kid":""}'])("takes %s as a header without kid", (header) => {
    expect(parseToken(token(header)).header).toEqual({ alg: "ES256" });
  });

  it.each<[string, string, Reason]>([
    ["nothing", "", "TOKEN_MISSING"],
    ["D01: no dot", "aaaa", "TOKEN_MALFORMED"],
    ["D01: one dot", "aaaa.bbbb", "TOKEN_MALFORMED"],
    ["D01, D08: four dots", "aaaa.bbbb.cccc.dddd.eeee", "TOKEN_MALFORMED"],
    ["D01: three dots", `${token()}.AAAA`, "TOKEN_MALFORMED"],
    ["D01: 16,384 dots", ".".repeat(16_384), "TOKEN_MALFORMED"],
    ["D01: 100,000 dots", ".".repeat(100_000), "TOKEN_TOO_LONG"],
    ["D02: more than 16 KiB", token(HEADER, `{"a":"${"x".repeat(12_300)}"}`), "TOKEN_TOO_LONG"],
    ["D02: a header part of more than 4 KiB", token(`{"alg":"RS256","x":"${"x".repeat(3060)}"}`), "TOKEN_TOO_LONG"],
    ["D05: an empty header", `.${encode(CLAIMS)}.AAAA`, "TOKEN_MALFORMED"],
    ["D05: an empty payload", `${encode(HEADER)}..AAAA`, "TOKEN_MALFORMED"],
    ["D05: an empty signature", `${encode(HEADER)}.${encode(CLAIMS)}.`, "TOKEN_MALFORMED"],
    ["D08: JSON serialisation", `{"payload":"${encode(CLAIMS)}"}`, "TOKEN_MALFORMED"],
    ["D08: SD-JWT", `${token()}~`, "TOKEN_MALFORMED"],
  ])("refuses %s", (_name, text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });

  it.each([" ", "\n", "\r", "\t", "=", "+", "/", "{", "~", "\0", "é", "\u00a0"])(
    "D03: refuses the character %j at every place",
    (character) => {
      const good = token();
      for (let at = 0; at <= good.length; at++) {
        expect(reasonOf(good.slice(0, at) + character + good.slice(at))).toBe("TOKEN_MALFORMED");
      }
    },
  );

  it("D04: takes exactly one spelling of each part", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const signature of ["AA", "AAA", "AAAA"]) {
      const spellings = Array.from(alphabet, (last) => signature.slice(0, -1) + last);
      const taken = spellings.filter((part) => reasonOf(token().replace(/AAAA$/u, part)) === "accepted");
      expect(taken).toEqual(spellings.filter((part) => Buffer.from(part, "base64url").toString("base64url") === part));
    }
    expect(reasonOf(token().replace(/AAAA$/u, "AAAAA"))).toBe("TOKEN_MALFORMED");
  });

  it.each<[string, string | Uint8Array]>([
    ["D06: an array", "[]"],
    ["D06: a string", '"x"'],
    ["D06: null", "null"],
    ["D06: nothing but a space", " "],
    ["D06: a byte order mark", `\ufeff{}`],
    ["D06: invalid UTF-8", Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["D06: UTF-16", utf16("{}")],
    ["D07: a member given twice", '{"alg":"RS256","alg":"none"}'],
    ["D07: a member given twice, once escaped", String.raw`{"alg":"RS256","\u0061lg":"RS256"}`],
    ["D02: depth 9", `{"a":${"[".repeat(8)}${"]".repeat(8)}}`],
    ["trailing data", `${HEADER}{}`],
  ])("refuses a part that is %s", (_name, part) => {
    expect(reasonOf(token(part))).toBe("TOKEN_HEADER_INVALID");
    expect(reasonOf(token(HEADER, part))).toBe("TOKEN_MALFORMED");
  });

  it("D02: takes 200 claims at depth 8 and not one more", () => {
    const claims = (count: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, index])));
    expect(reasonOf(token(HEADER, claims(200)))).toBe("accepted");
    expect(reasonOf(token(HEADER, claims(201)))).toBe("TOKEN_MALFORMED");
    expect(reasonOf(token(HEADER, `{"a":${"[".repeat(7)}${"]".repeat(7)}}`))).toBe("accepted");
  });

  it.each(["b64", "crit", "cty", "enc", "epk", "p2c", "p2s", "zip"])(
    "D08–D09, E09–E10: refuses %s in the header",
    (name) => {
      for (const value of [null, false, "", "JWT", [], ["exp"], {}, 1]) {
        expect(reasonOf(token(JSON.stringify({ alg: "RS256", [name]: value })))).toBe("TOKEN_HEADER_INVALID");
      }
    },
  );

  it.each(WRONG_TOKEN_TYPES.filter((typ) => typeof typ !== "string"))("E11: refuses typ %j", (typ) => {
    expect(reasonOf(token(JSON.stringify({ alg: "RS256", typ })))).toBe("TOKEN_HEADER_INVALID");
  });

  it.each([
    "none",
    "None",
    "nOnE",
    "",
    undefined,
    ["RS256"],
    1,
    null,
    "HS256",
    "HS384",
    "HS512",
    "RS1",
    "ES256K",
    "RSA1_5",
    "ML-DSA-44",
    "rs256",
    "RS256 ",
    "constructor",
  ])("E01–E03: refuses alg %j", (alg) => {
    expect(reasonOf(token(JSON.stringify({ alg, kid: "k" })))).toBe("TOKEN_ALGORITHM");
  });

  it.each([1, null, true, ["k"], { k: 1 }, "k".repeat(257)])("E06: refuses kid %j", (kid) => {
    expect(reasonOf(token(JSON.stringify({ alg: "RS256", kid })))).toBe("TOKEN_HEADER_INVALID");
  });

  it("D10–D11: keeps odd names and numbers of unused claims as data", () => {
    const { claims } = parseToken(
      token(HEADER, `{"__proto__":1,"hasOwnProperty":2,"n":${"9".repeat(400)},"z":-0,"i":1e400}`),
    );
    expect([...claims.keys()]).toEqual(["__proto__", "hasOwnProperty", "n", "z", "i"]);
    expect(claims.get("i")).toEqual({ kind: "number", text: "1e400" });
  });

  it("S: puts nothing of the token into its messages", () => {
    const secret = "s3cr3t-value";
    const texts = [
      token(`{"alg":"${secret}"}`),
      token(HEADER, `{"a":${secret}}`),
      token(`{"alg":"RS256","crit":["${secret}"]}`),
    ];
    for (const text of texts) {
      let message = "";
      try {
        parseToken(text);
      } catch (error) {
        message = (error as MayflyError).message;
      }
      expect(message).not.toBe("");
      expect(message).not.toContain(secret);
    }
  });
});
