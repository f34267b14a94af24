import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Reason } from "../../../src/core/errors.ts";
import { openDoor } from "../../support/door.ts";
import { badToken } from "../../support/refusal.ts";
import type { Door } from "../../support/door.ts";
import { base64url, signJws, signParts } from "../../support/tokens.ts";

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.close());

const HEADER = '{"alg":"ES256","kid":"ec-1"}';
const CLAIMS = (): string => JSON.stringify(door.claims());
const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le");

/** A truly signed token whose header has these members too. */
const withHeader = (members: object): string => door.token({}, members);
const withPayload = (payload: string | Uint8Array): string => signParts(door.key, HEADER, payload);
const parts = (): [string, string, string] => door.token().split(".") as [string, string, string];
const claimsAnd = (count: number): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`claim-${at}`, at]));

type Row = readonly [row: string, name: string, token: () => string, reason: Reason];

// prettier-ignore
const ROWS: readonly Row[] = [
  ["[D1]", "no dot", () => door.token().replaceAll(".", ""), "TOKEN_MALFORMED"],
  ["[D1]", "one dot", () => parts().slice(0, 2).join("."), "TOKEN_MALFORMED"],
  ["[D1]", "three dots", () => `${door.token()}.AAAA`, "TOKEN_MALFORMED"],
  ["[D1]", "four dots", () => `${door.token()}.AAAA.AAAA`, "TOKEN_MALFORMED"],
  ["[D1]", "16,384 dots and nothing else", () => ".".repeat(16_384), "TOKEN_MALFORMED"],
  ["[D1]", "100,000 dots", () => ".".repeat(100_000), "TOKEN_TOO_LONG"],

  ["[D2]", "more than 16 KiB", () => door.token({ filler: "x".repeat(12_000) }), "TOKEN_TOO_LONG"],
  ["[D2]", "a header part of more than 4 KiB", () => withHeader({ filler: "x".repeat(3_100) }), "TOKEN_TOO_LONG"],
  ["[D2]", "201 claims", () => door.token(claimsAnd(201 - 7)), "TOKEN_MALFORMED"],
  ["[D2]", "claims of depth 9", () => withPayload(`{"a":${"[".repeat(8)}${"]".repeat(8)}}`), "TOKEN_MALFORMED"],
  ["[D2]", "a header of depth 9", () => signParts(door.key, `{"a":${"[".repeat(8)}${"]".repeat(8)}}`, CLAIMS()), "TOKEN_HEADER_INVALID"],

  ["[D5]", "an empty header", () => `.${parts()[1]}.${parts()[2]}`, "TOKEN_MALFORMED"],
  ["[D5]", "an empty payload", () => `${parts()[0]}..${parts()[2]}`, "TOKEN_MALFORMED"],
  ["[D5]", "an empty signature", () => `${parts()[0]}.${parts()[1]}.`, "TOKEN_MALFORMED"],

  ...([
    ["an array", "[]"],
    ["a text", '"x"'],
    ["a number", "1"],
    ["null", "null"],
    ["a byte order mark before an object", `\ufeff{}`],
    ["invalid UTF-8", Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["UTF-16 with its mark", utf16("\ufeff{}")],
    ["UTF-16 without its mark", utf16("{}")],
    ["two objects", "{}{}"],
  ] as const).flatMap(([name, part]): Row[] => [
    ["[D6]", `a header that is ${name}`, () => signParts(door.key, part, CLAIMS()), "TOKEN_HEADER_INVALID"],
    ["[D6]", `a payload that is ${name}`, () => withPayload(part), "TOKEN_MALFORMED"],
  ]),

  ["[D7]", "a header member given twice", () => signParts(door.key, `${HEADER.slice(0, -1)},"kid":"ec-1"}`, CLAIMS()), "TOKEN_HEADER_INVALID"],
  ["[D7]", "a header member given twice, once escaped", () => signParts(door.key, String.raw`{"alg":"ES256","\u0061lg":"ES256"}`, CLAIMS()), "TOKEN_HEADER_INVALID"],
  ["[D7]", "a claim given twice", () => withPayload(`${CLAIMS().slice(0, -1)},"sub":"other"}`), "TOKEN_MALFORMED"],
  ["[D7]", "a claim given twice, once escaped", () => withPayload(`${CLAIMS().slice(0, -1)},"\\u0065mail":"b@example.com"}`), "TOKEN_MALFORMED"],
  ["[D7]", "a claim given twice inside another", () => withPayload(`${CLAIMS().slice(0, -1)},"x":{"y":1,"y":1}}`), "TOKEN_MALFORMED"],

  ["[D8]", "flattened JSON serialisation", () => JSON.stringify({ protected: parts()[0], payload: parts()[1], signature: parts()[2] }), "TOKEN_MALFORMED"],
  ["[D8]", "general JSON serialisation", () => JSON.stringify({ payload: parts()[1], signatures: [{ protected: parts()[0], signature: parts()[2] }] }), "TOKEN_MALFORMED"],
  ["[D8]", "the five parts of a JWE", () => `${base64url('{"alg":"dir","enc":"A128GCM"}')}.AAAA.AAAA.AAAA.AAAA`, "TOKEN_MALFORMED"],
  ["[D8]", "an SD-JWT", () => `${door.token()}~WyJzYWx0IiwiYSIsMV0~`, "TOKEN_MALFORMED"],
  ["[D8]", "a token within a token", () => signParts(door.key, '{"alg":"ES256","kid":"ec-1","cty":"JWT"}', door.token()), "TOKEN_HEADER_INVALID"],
  ["[D8]", "cty JWT over claims", () => withHeader({ cty: "JWT" }), "TOKEN_HEADER_INVALID"],

  ["[D9]", "zip in the header", () => withHeader({ zip: "DEF" }), "TOKEN_HEADER_INVALID"],
  ["[D9]", "enc in the header", () => withHeader({ enc: "A128GCM" }), "TOKEN_HEADER_INVALID"],
  ["[D9]", "p2c in the header", () => withHeader({ p2c: 2_147_483_647 }), "TOKEN_HEADER_INVALID"],
  ["[D9]", "epk in the header", () => withHeader({ epk: { kty: "EC", crv: "P-256", x: "AA", y: "AA" } }), "TOKEN_HEADER_INVALID"],

  ["[D11]", "an exp of 400 digits", () => withPayload(CLAIMS().replace(/"exp":\d+/u, `"exp":${"9".repeat(400)}`)), "TOKEN_CLAIM_INVALID"],
  ["[D11]", "an exp of 1e400", () => withPayload(CLAIMS().replace(/"exp":\d+/u, '"exp":1e400')), "TOKEN_CLAIM_INVALID"],
  ["[D11]", "an iat of -0", () => withPayload(CLAIMS().replace(/"iat":\d+/u, '"iat":-0')), "TOKEN_CLAIM_INVALID"],
];

describe("a token with a wrong structure is refused before anything is fetched", () => {
  it.each(ROWS)("%s %s", async (_row, _name, token, reason) => {
    const answer = await door.sign({ token: token() });
    door.expectRefused(answer, badToken(reason));
    expect(answer.used.fetches).toBe(0);
  });

  const strays = [
    " ",
    "\n",
    "\r",
    "\t",
    "\0",
    "\u007f",
    "\u0085",
    "=",
    "+",
    "/",
    "{",
    "~",
    "*",
    "é",
    "\u00a0",
    "\u{1f511}",
  ];
  it.each(strays)(
    "[D3] the character %j in the header, the payload, the signature, before and behind",
    async (stray) => {
      const [header, payload, signature] = parts();
      for (const token of [
        `${stray}${door.token()}`,
        `${header.slice(0, 4)}${stray}${header.slice(4)}.${payload}.${signature}`,
        `${header}.${payload}${stray}.${signature}`,
        `${header}.${payload}.${signature.slice(0, 9)}${stray}${signature.slice(9)}`,
        `${door.token()}${stray}`,
      ]) {
        const answer = await door.sign({ token });
        door.expectRefused(answer, badToken("TOKEN_MALFORMED"));
        expect(answer.used.fetches).toBe(0);
      }
    },
  );

  it("[D4] any other spelling of the last character of each part", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 64 bytes of signature and this payload end in characters with unused bits.
    const input = `${base64url(HEADER.padEnd(31))}.${base64url(CLAIMS().padEnd(301))}`;
    const token = `${input}.${base64url(signJws(door.key, input))}`;
    const ends = token.split(".").map((part) => token.indexOf(part) + part.length - 1);
    for (const end of ends) {
      const last = alphabet.indexOf(token.charAt(end));
      const respelled = token.slice(0, end) + alphabet.charAt(last + 1) + token.slice(end + 1);
      expect(respelled.split(".").map((part) => Buffer.from(part, "base64url"))).toEqual(
        token.split(".").map((part) => Buffer.from(part, "base64url")),
      );
      const answer = await door.sign({ token: respelled });
      door.expectRefused(answer, badToken("TOKEN_MALFORMED"));
      expect(answer.used.fetches).toBe(0);
    }
  });
});

describe("a token that only looks odd", () => {
  it("[D2] is taken at 200 claims and depth 8", async () => {
    const deep = "[".repeat(7) + "]".repeat(7);
    const { length } = Object.keys(door.claims());
    const text = JSON.stringify(door.claims(claimsAnd(200 - length - 1)));
    door.expectIssued(await door.sign({ token: withPayload(`${text.slice(0, -1)},"deep":${deep}}`) }));
  });

  it.each(["__proto__", "constructor", "hasOwnProperty", "toString"])(
    "[D10] is taken with a claim named %s, which is data and nothing else",
    async (name) => {
      const before = Object.getOwnPropertyNames(Object.prototype);
      const hostile = JSON.stringify({ email: "evil@example.com", email_verified: true, polluted: 1 });
      const payload = `${CLAIMS().slice(0, -1)},${JSON.stringify(name)}:${hostile}}`;
      const leaf = door.expectIssued(await door.sign({ token: withPayload(payload) }));
      expect(leaf.subjectAltName).toBe("email:canary.signer@example.com");
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    },
  );

  it.each(["email", "email_verified", "sub"])("[D10] takes no %s from a claim named __proto__", async (name) => {
    const value = JSON.stringify({ [name]: door.claims()[name] });
    const payload = `${JSON.stringify(door.claims({ [name]: undefined })).slice(0, -1)},"__proto__":${value}}`;
    const reason = name === "email_verified" ? "TOKEN_EMAIL_UNVERIFIED" : "TOKEN_CLAIM_MISSING";
    door.expectRefused(await door.sign({ token: withPayload(payload) }), badToken(reason));
  });

  it.each(["9".repeat(400), "1e400", "-0", "-1e-400", "0.1e1"])(
    "[D11] is taken with the number %s in a claim that is not used",
    async (number) => {
      door.expectIssued(await door.sign({ token: withPayload(`${CLAIMS().slice(0, -1)},"unused":${number}}`) }));
    },
  );

  it("[D12] is not known by its text: what was taken once is judged anew, and no other spelling of it is taken", async () => {
    const token = door.token();
    door.expectIssued(await door.sign({ token }));
    const [header, payload, signature] = token.split(".") as [string, string, string];
    for (const spelling of [
      `${token}=`,
      `${header}.${payload}.${Buffer.from(signature, "base64url").toString("base64")}`,
      `${header}=.${payload}.${signature}`,
      `${token} `,
    ]) {
      door.expectRefused(await door.sign({ token: spelling }), badToken("TOKEN_MALFORMED"));
    }
    door.clock.advance(600_000);
    door.expectRefused(await door.sign({ token }), badToken("TOKEN_EXPIRED"));
  });
});
