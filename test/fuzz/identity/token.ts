import fc from "fast-check";
import { parseToken } from "../../../src/adapters/oidc/parse-token.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { comparison, requireSame } from "../comparison.ts";
import { armouredMutationsOf } from "../mutate.ts";
import { seeds, text } from "../reader.ts";
import { slowlyParseToken } from "./slow-token.ts";
import type { SlowToken } from "./slow-token.ts";

const SIGNATURE = "c2lnbmF0dXJl";
const HEADER = '{"alg":"RS256","kid":"k","typ":"JWT"}';
const CLAIMS = '{"iss":"https://issuer.example","aud":["sigstore"],"sub":"s","exp":1753000000,"iat":1.7e9}';

const close = (part: Uint8Array | string): string => Buffer.from(part).toString("base64url");

/** JSON and what is nearly JSON; names and texts that are the same but for their escapes. */
const json = (): fc.Arbitrary<string> => {
  const name = fc.constantFrom(
    '"iss"',
    '"\\u0069ss"',
    '"aud"',
    '"alg"',
    '"kid"',
    '"__proto__"',
    '""',
    '"\\ud83d\\ude00"',
  );
  const scalar = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('"RS256"', '"x"', '""', '"ü"', "null", "true", "0", "-0", "1e5", "1E+0") },
    { weight: 2, arbitrary: fc.constantFrom('"\\ud800"', '"\\udc00\\ud800"', '"\\ud800\\u0041"', '"\\ud83d\\ude00"') },
    { weight: 1, arbitrary: fc.constantFrom('"\n"', '"\u0000"', "nul", "01", "1.", ".5", "-", "+1", "NaN") },
  );
  const space = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom("", " ", "\n", "\t") },
    fc.constantFrom("\u00a0", "\ufeff", "/**/"),
  );
  const { value } = fc.letrec<{ value: string; object: string }>((tie) => ({
    object: fc
      .array(fc.tuple(name, space, tie("value")), { maxLength: 4 })
      .map((members) => `{${members.map(([one, blank, member]) => `${one}${blank}:${member}`).join(",")}}`),
    value: fc.oneof(
      { maxDepth: 9 },
      scalar,
      tie("object"),
      fc.array(tie("value"), { maxLength: 3 }).map((elements) => `[${elements.join()}]`),
    ),
  }));
  return fc.tuple(space, value, space).map((parts) => parts.join(""));
};

/** Parts about as long, as deep and as full as they may be. */
const large = (): fc.Arbitrary<string> => {
  const many = (most: number): fc.Arbitrary<number> => fc.integer({ min: most - 2, max: most + 2 });
  const named = (count: number, member: string): string =>
    `{${Array.from({ length: count }, (_, at) => `"${String(at)}":${member}`).join()}}`;
  return fc.oneof(
    many(200).map((count) => named(count, "0")),
    many(1999).map((count) => `{"a":[${"0,".repeat(count - 1)}0]}`),
    many(7).map((depth) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`),
    many(3000).map((length) => `{"alg":"RS256","x":"${"x".repeat(length)}"}`),
    many(12_190).map((length) => `{"x":"${"x".repeat(length)}"}`),
  );
};

const mutatedPart = (): fc.Arbitrary<string> => {
  const inner = seeds("token")
    .flatMap((token) => text(token).split(".").slice(0, 2))
    .map((part) => new Uint8Array(Buffer.from(part, "base64url")));
  return armouredMutationsOf(
    inner,
    (part) => part,
    (part) => part,
  ).map(close);
};

/** A header with a member more or less. */
const headers = (): fc.Arbitrary<string> => {
  const more = fc.constantFrom(
    ...["b64", "crit", "cty", "enc", "epk", "p2c", "p2s", "zip"].map((name) => `,"${name}":[]`),
    ...['"kid":""', '"kid":7', '"typ":""', '"typ":null', '"alg":"RS256"', '"\\u0061lg":"x"', '"x":{}'].map(
      (one) => `,${one}`,
    ),
    `,"kid":"${"k".repeat(256)}"`,
    `,"kid":"${"k".repeat(257)}"`,
    "",
  );
  const alg = fc.constantFrom("RS256", "RS256", "RS256", "ES256", "EdDSA", "HS256", "none", "rs256");
  return fc.tuple(alg, more).map(([name, member]) => `{"alg":"${name}"${member}}`);
};

/** Changes of the compact form itself. */
const respelled = (token: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(token, fc.nat(), fc.constantFrom("", "=", ".", "A", "_", "+", "/", " ", "\n", "B", "e30", "ü", "\u0100"))
    .map(([whole, at, what]) => {
      const place = at % (whole.length + 1);
      return whole.slice(0, place) + what + whole.slice(place + (at % 2));
    });

const tokens = (): fc.Arbitrary<string> => {
  const part = fc.oneof(mutatedPart(), json().map(close), large().map(close));
  const header = fc.oneof(
    { weight: 3, arbitrary: fc.constant(close(HEADER)) },
    { weight: 3, arbitrary: headers().map(close) },
    part,
  );
  const claims = fc.oneof({ weight: 2, arbitrary: fc.constant(close(CLAIMS)) }, { weight: 4, arbitrary: part });
  const signature = fc.oneof(
    { weight: 6, arbitrary: fc.constant(SIGNATURE) },
    fc.string({ unit: fc.constantFrom("A", "Q", "g", "-", "_", "9"), maxLength: 6 }),
  );
  const whole = fc.tuple(header, claims, signature).map((parts) => parts.join("."));
  return fc.oneof({ weight: 3, arbitrary: whole }, respelled(whole));
};

function parsed(token: string): SlowToken | undefined {
  try {
    return parseToken(token);
  } catch (error) {
    if (error instanceof MayflyError && error.code === "invalid_token") return undefined;
    throw error;
  }
}

/** What is read of a token before anything in it is believed. */
export const TOKEN = comparison({
  name: "tokens before they are verified",
  weight: 1,
  needed: ["taken", "refused"],
  inputs: tokens(),
  compare: (token) => {
    const ours = parsed(token);
    requireSame(ours, slowlyParseToken(token));
    return ours === undefined ? "refused" : "taken";
  },
});
