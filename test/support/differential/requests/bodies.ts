import { sign } from "node:crypto";
import type { Reason } from "../../../../src/core/errors.ts";
import { pemOf } from "../../caller-keys.ts";
import { keys } from "../../refused-proofs.ts";
import { CALLER, proofBy } from "../../signing-body.ts";
import { readVector } from "../../vectors.ts";
import { http } from "../request.ts";
import type { DifferentialRequest, HttpParts } from "../request.ts";
import type { TokenSource } from "../token-source.ts";

const p256 = keys["ecdsa-p256"];
const CONTENT = pemOf(p256.publicKey).toString();
const PROOF = proofBy(p256);
const PROOF64 = PROOF.toString("base64");

/** A good body of version 2 without token, as what `JSON.stringify` is given. */
const good = (): GoodBody => ({
  publicKeyRequest: { publicKey: { algorithm: "ECDSA", content: CONTENT }, proofOfPossession: PROOF64 },
});

interface GoodBody {
  readonly publicKeyRequest: {
    readonly publicKey: { readonly algorithm: unknown; readonly content: string };
    readonly proofOfPossession: string;
  };
}

/** A signing call with a good token in its header field, whose body is this text or value. */
function body(name: string, content: string | object | Uint8Array, rows: readonly string[] = []): DifferentialRequest {
  const text = typeof content === "string" || content instanceof Uint8Array ? content : JSON.stringify(content);
  return http(name, (source): HttpParts => ({ headers: withToken(source), body: text }), rows);
}

const withToken = (source: TokenSource): NonNullable<HttpParts["headers"]> => [
  ["Content-Type", "application/json"],
  ["Authorization", `Bearer ${source.token()}`],
];

/** The good body with another proof, which is given as JSON text. */
const proofText = (name: string, text: string, rows: readonly string[] = []): DifferentialRequest =>
  body(name, JSON.stringify(good()).replace(JSON.stringify(PROOF64), text), rows);

const algorithm = (name: string, value: unknown, rows: readonly string[] = []): DifferentialRequest =>
  body(
    name,
    { publicKeyRequest: { ...good().publicKeyRequest, publicKey: { algorithm: value, content: CONTENT } } },
    rows,
  );

const GOOD = JSON.stringify(good());
const MALFORMED = ["text of a malformed request"];

/** Forms of JSON, by the rules of ProtoJSON. */
export const BODIES: readonly DifferentialRequest[] = [
  body("a good body", good()),
  body("white space between all tokens", JSON.stringify(good(), undefined, 3)),
  body("the names of the .proto file", {
    public_key_request: { public_key: { algorithm: "ECDSA", content: CONTENT }, proof_of_possession: PROOF64 },
  }),
  body("both names of a field", GOOD.replace("{", `{"public_key_request":{},`), MALFORMED),
  body("a field twice", GOOD.replace("{", `{"publicKeyRequest":{},`), MALFORMED),
  body("a field twice, once with an escape", GOOD.replace("{", `{"\\u0070ublicKeyRequest":{},`), MALFORMED),
  body("unknown fields of all kinds", { ...good(), a: 1, b: [null, true], c: { d: "e" } }),
  body("an unknown field in the key", {
    publicKeyRequest: { ...good().publicKeyRequest, publicKey: { content: CONTENT, unknown: {} } },
  }),
  body("an unknown field twice", GOOD.replace("{", `{"x":1,"x":2,`), ["duplicate members"]),
  body("a field in other letters", { PublicKeyRequest: good().publicKeyRequest }),
  body("credentials null", { ...good(), credentials: null }),
  body("credentials {}", { ...good(), credentials: {} }),
  body("a token null", { ...good(), credentials: { oidcIdentityToken: null } }),
  body("a token that is a number", { ...good(), credentials: { oidcIdentityToken: 1 } }, MALFORMED),
  body("credentials that are a text", { ...good(), credentials: "x" }, MALFORMED),
  body("credentials that are a list", { ...good(), credentials: [] }, MALFORMED),
  body("a null certification request beside the key", { ...good(), certificateSigningRequest: null }),
  body("a null key request beside a certification request", {
    publicKeyRequest: null,
    certificateSigningRequest: "AQID",
  }),
  body("both keys", { ...good(), certificateSigningRequest: "AQID" }, MALFORMED),
  body("an empty certification request beside the key", { ...good(), certificateSigningRequest: "" }, MALFORMED),
  body("publicKey null", { publicKeyRequest: { publicKey: null, proofOfPossession: PROOF64 } }),
  body("content null", { publicKeyRequest: { publicKey: { content: null }, proofOfPossession: PROOF64 } }),
  body("content a number", { publicKeyRequest: { publicKey: { content: 1 }, proofOfPossession: PROOF64 } }, MALFORMED),
  body("content with an escaped surrogate pair", {
    publicKeyRequest: { publicKey: { content: "\u{1F600}" }, proofOfPossession: PROOF64 },
  }),
  body("a lone surrogate in the content", GOOD.replace("-----BEGIN", String.raw`\ud800-----BEGIN`), MALFORMED),
  body("a lone surrogate in an unknown field", GOOD.replace("{", String.raw`{"x":"\ud800",`), MALFORMED),
  body("a NUL in the content", GOOD.replace("-----BEGIN", String.raw`\u0000-----BEGIN`), ["control characters"]),
  body(
    "bytes that are no UTF-8",
    Buffer.concat([Buffer.from(`{"x":"`), Buffer.of(0xff), Buffer.from(`",${GOOD.slice(1)}`)]),
    MALFORMED,
  ),
  algorithm("algorithm null", null),
  algorithm("algorithm 0", 0),
  algorithm("algorithm 2", 2),
  algorithm("algorithm 99", 99),
  algorithm("algorithm −1", -1),
  algorithm("algorithm 1.0", 1),
  algorithm("algorithm 1.5", 1.5, MALFORMED),
  algorithm("algorithm true", true, MALFORMED),
  algorithm("algorithm {}", {}, MALFORMED),
  algorithm("algorithm []", [], MALFORMED),
  algorithm("an unknown algorithm", "DILITHIUM"),
  body("algorithm 2^40", GOOD.replace('"ECDSA"', "1099511627776"), MALFORMED),
  body("algorithm 2e0", GOOD.replace('"ECDSA"', "2e0")),
  body("algorithm 2.0", GOOD.replace('"ECDSA"', "2.0")),
  body('algorithm "2"', GOOD.replace('"ECDSA"', '"2"')),
  proofText("a proof in the URL-safe alphabet", JSON.stringify(PROOF.toString("base64url"))),
  proofText("a proof with bits left over in its base64", JSON.stringify(withBitsLeftOver()), ["base64"]),
  proofText("a proof without padding", JSON.stringify(PROOF64.replaceAll("=", ""))),
  proofText("a proof with line breaks", JSON.stringify(PROOF64.replaceAll(/(.{20})/gu, "$1\r\n"))),
  proofText("a proof with spaces", JSON.stringify(PROOF64.replaceAll(/(.{20})/gu, "$1 ")), MALFORMED),
  proofText("a proof in a mixture of alphabets", JSON.stringify(mixed()), MALFORMED),
  proofText("a proof with a star", JSON.stringify(`*${PROOF64}`), MALFORMED),
  proofText("a proof with padding alone", '"===="', MALFORMED),
  proofText("a proof of one character", '"A"', MALFORMED),
  proofText("a proof with too much padding", JSON.stringify(`${PROOF64.replaceAll("=", "")}====`), MALFORMED),
  proofText("a proof that is null", "null"),
  proofText("a proof that is a number", "1", MALFORMED),
  proofText("a proof that is a list of bytes", "[1,2,3]", MALFORMED),
  proofText("a proof that is true", "true", MALFORMED),
  body("an empty body", "", ["empty body"]),
  body("white space", " \n", ["empty body"]),
  body("{}", "{}"),
  body("null", "null", MALFORMED),
  body("a list", "[]", MALFORMED),
  body("a text", '"x"', MALFORMED),
  body("a number", "1", MALFORMED),
  body("half a body", GOOD.slice(0, -10), MALFORMED),
  body("a trailing comma", `${GOOD.slice(0, -1)},}`, MALFORMED),
  body("single quotes", GOOD.replaceAll('"', "'"), MALFORMED),
  body("a comment", `/* x */${GOOD}`, MALFORMED),
  body("a comment behind it", `${GOOD}// x`, ["bytes behind the JSON value"]),
  body("a line break behind it", `${GOOD}\n`),
  body("a second body behind it", GOOD + GOOD, ["bytes behind the JSON value"]),
  body("a letter behind it", `${GOOD}x`, ["bytes behind the JSON value"]),
  body("a byte order mark", Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(GOOD)]), MALFORMED),
  body("UTF-16", Buffer.from(GOOD, "utf16le"), MALFORMED),
  body("NaN", GOOD.replace("{", '{"x":NaN,'), MALFORMED),
  body("a number with a leading zero", GOOD.replace("{", '{"x":01,'), MALFORMED),
  body("a raw line break in a text", GOOD.replace("{", '{"x":"a\nb",'), MALFORMED),
  body("an unknown escape", GOOD.replace("{", String.raw`{"x":"\x41",`), MALFORMED),
  body("nesting of 30", GOOD.replace("{", `{"x":${"[".repeat(29)}${"]".repeat(29)},`)),
  body("nesting of 40", GOOD.replace("{", `{"x":${"[".repeat(40)}${"]".repeat(40)},`), ["depth and members"]),
  body(
    "1,001 members",
    { ...good(), ...Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`x${String(at)}`, 1])) },
    ["depth and members"],
  ),
  body("a proof of 3 KiB", { publicKeyRequest: { ...good().publicKeyRequest, proofOfPossession: "A".repeat(4096) } }, [
    "field sizes",
  ]),
  body(
    "a key of 9 KiB",
    { publicKeyRequest: { publicKey: { content: CONTENT + "\n".repeat(9000) }, proofOfPossession: PROOF64 } },
    ["field sizes"],
  ),
  body("a certification request of 17 KiB", {
    certificateSigningRequest: Buffer.alloc(17 * 1024, 0x41).toString("base64"),
  }),
];

interface SigningVector {
  readonly name: string;
  readonly body?: string;
  readonly bodyHex?: string;
  readonly authorization?: readonly string[];
  readonly reason: Reason;
}

/** What Fulcio does not find wrong, so that it refuses these for their tokens. */
const OVERLOOKED: readonly (readonly [names: RegExp, row: string])[] = [
  [/^(?:an empty body|white space)$/u, "empty body"],
  [/^(?:trailing bytes|two objects|a comment)$/u, "bytes behind the JSON value"],
  [/^a duplicate member of an unknown object$/u, "duplicate members"],
  [/^(?:nesting of 33 in an unknown field|10 000 small members)$/u, "depth and members"],
  [/^a proof with bits left over$/u, "base64"],
  [/^Authorization with a (?:tab|token with bytes above 0x7f)$/u, "token with bytes that cannot be printed"],
];

const ROW_OF_REASON: Readonly<Partial<Record<Reason, string>>> = {
  BODY_NOT_JSON: "text of a malformed request",
  BODY_NOT_UTF8: "text of a malformed request",
  WRONG_TYPE: "text of a malformed request",
  DUPLICATE_MEMBER: "text of a malformed request",
  ONEOF_CONFLICT: "text of a malformed request",
  INVALID_BASE64: "text of a malformed request",
  JSON_TOO_COMPLEX: "text of a malformed request",
  FIELD_TOO_LONG: "field sizes",
  KEY_TOO_LONG: "field sizes",
  CSR_TOO_LONG: "field sizes",
  CONTROL_CHARACTER: "control characters",
};

/** The refusals of the threat catalogue, whose tokens are nobody's: what is left to differ are bodies that Fulcio does not take either. */
export const REFUSED_VECTORS: readonly DifferentialRequest[] = (
  readVector("invalid/signing-requests.json") as { readonly vectors: readonly SigningVector[] }
).vectors.map(({ name, body: text, bodyHex, authorization = [], reason }) =>
  http(
    name,
    {
      headers: [
        ["Content-Type", "application/json"],
        ...authorization.map((value) => ["Authorization", value] as const),
      ],
      body: text ?? Buffer.from(bodyHex ?? "", "hex"),
    },
    vectorRows(name, reason),
  ),
);

function vectorRows(name: string, reason: Reason): readonly string[] {
  const row = OVERLOOKED.find(([names]) => names.test(name))?.[1] ?? ROW_OF_REASON[reason];
  return row === undefined ? [] : [row];
}

/** RFC 4648 §3.5: of 64 octets the last character has four bits that mean nothing; here one of them is set. */
function withBitsLeftOver(): string {
  const raw = sign("sha256", Buffer.from(CALLER), { key: p256.privateKey, dsaEncoding: "ieee-p1363" });
  return raw.toString("base64").replace(/[AQgw](?===$)/u, (last) => String.fromCharCode(last.charCodeAt(0) + 1));
}

function mixed(): string {
  const text = "-_+/";
  return text + PROOF64.slice(4);
}
