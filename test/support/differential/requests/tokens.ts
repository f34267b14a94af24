import { createHmac, sign } from "node:crypto";
import { pemOf } from "../../caller-keys.ts";
import { keys } from "../../refused-proofs.ts";
import { proofBy } from "../../signing-body.ts";
import { base64url, makeTokenKey, signParts, signToken, WRONG_TOKEN_TYPES } from "../../tokens.ts";
import { signing } from "../request.ts";
import type { DifferentialRequest, Rows } from "../request.ts";
import type { TokenSource } from "../token-source.ts";

const p256 = keys["ecdsa-p256"];

/** A request with a good key and proof, for which only the token can be at fault. */
function byToken(name: string, token: (source: TokenSource) => string, rows: Rows = []): DifferentialRequest {
  const publicKey = pemOf(p256.publicKey);
  return signing(name, (source) => ({ token: token(source), publicKey, proof: proofBy(p256) }), { rows });
}

type Claims = Readonly<Record<string, unknown>>;

const claim = (
  name: string,
  changes: Claims | ((source: TokenSource) => Claims),
  rows: Rows = [],
): DifferentialRequest =>
  byToken(name, (source) => source.token("email", typeof changes === "function" ? changes(source) : changes), rows);

const header = (name: string, fields: object, rows: Rows = []): DifferentialRequest =>
  byToken(name, (source) => source.token("email", {}, fields), rows);

/** A token whose claims are this JSON text after the good ones, so that names may stand twice. */
const withText = (name: string, text: string, rows: Rows = []): DifferentialRequest =>
  byToken(
    name,
    (source) => signToken(source.key, `${JSON.stringify(source.claims("email")).slice(0, -1)},${text}}`),
    rows,
  );

const foreignKey = makeTokenKey("RS256", "foreign");
const ecKey = makeTokenKey("ES256", "foreign");

const parts = (source: TokenSource): [string, string, string] => source.token().split(".") as [string, string, string];

/** RFC 4648 §3.5: of 256 octets the last character has four bits that mean nothing; here one of them is set. */
const withBitsLeftOver = (token: string): string =>
  token.replace(/[AQgw]$/u, (last) => String.fromCharCode(last.charCodeAt(0) + 1));

/** Tokens that are built wrongly. */
export const STRUCTURE: readonly DifferentialRequest[] = [
  byToken("a token that is one word", () => "nonsense"),
  byToken("two parts", (source) => parts(source).slice(0, 2).join(".")),
  byToken("four parts", (source) => `${source.token()}.x`),
  byToken("dots alone", () => ".."),
  byToken("a thousand dots", () => ".".repeat(1000)),
  byToken("a header that is no base64url", (source) => ["*", ...parts(source).slice(1)].join(".")),
  byToken("a header that is no JSON", (source) =>
    signParts(source.key, "nonsense", JSON.stringify(source.claims("email"))),
  ),
  byToken("claims that are no JSON", (source) => signParts(source.key, '{"alg":"RS256"}', "nonsense")),
  byToken("claims that are a list", (source) => signParts(source.key, '{"alg":"RS256"}', "[]")),
  byToken("claims that are null", (source) => signParts(source.key, '{"alg":"RS256"}', "null")),
  byToken("no signature", (source) => `${parts(source).slice(0, 2).join(".")}.`),
  byToken("a signature of another token", (source) => [...parts(source).slice(0, 2), parts(source)[2]].join(".")),
  byToken("a signature that is no base64url", (source) => `${parts(source).slice(0, 2).join(".")}.*`),
  byToken("a signature by a key that the issuer does not have", (source) =>
    signToken(foreignKey, source.claims("email")),
  ),
  byToken("the same under the name of the issuer's key", (source) =>
    signToken(foreignKey, source.claims("email"), { kid: source.key.jwk.kid }),
  ),
  byToken(
    "alg none",
    (source) => `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(source.claims("email")))}.`,
  ),
  byToken("HS256 by the public key", (source) => {
    const input = `${base64url('{"alg":"HS256"}')}.${base64url(JSON.stringify(source.claims("email")))}`;
    const secret = source.key.jwk.n ?? "";
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  }),
  byToken("an algorithm that the issuer does not offer", (source) => {
    const input = `${base64url(JSON.stringify({ alg: "RS512", kid: source.key.jwk.kid }))}.${base64url(JSON.stringify(source.claims("email")))}`;
    return `${input}.${sign("sha512", Buffer.from(input), source.key.privateKey).toString("base64url")}`;
  }),
  byToken("ES256 by a foreign key", (source) => signToken(ecKey, source.claims("email"))),
  byToken("bits left over in the signature", (source) => withBitsLeftOver(source.token()), ["base64url"]),
  byToken("padding on the signature", (source) => `${source.token()}=`),
  byToken("a space in front", (source) => ` ${source.token()}`, ["white space"]),
  byToken("a space in the middle", (source) => source.token().replace(".", " ."), ["white space"]),
  header("no kid", { kid: undefined }),
  header("an empty kid", { kid: "" }),
  header("an unknown kid", { kid: "unknown" }),
  header("a kid that is a number", { kid: 1 }),
  header("a jku of somebody's", { jku: "http://127.0.0.1:9/keys" }),
  header("a jwk of its own", { jwk: foreignKey.jwk }),
  header("an unknown header member", { unknown: true }),
  header("crit", { crit: ["b64"], b64: true }, ["header members"]),
  header("no typ", { typ: undefined }),
  header("typ in small letters", { typ: "jwt" }),
  ...WRONG_TOKEN_TYPES.map((typ) => header(`typ ${JSON.stringify(typ)}`, { typ }, ["`typ`"])),
];

/** Claims that every token has, right and wrong. */
export const CLAIMS: readonly DifferentialRequest[] = [
  claim("no iss", { iss: undefined }),
  claim("an unknown iss", { iss: "https://unknown.example" }),
  claim("an empty iss", { iss: "" }),
  claim("an iss with a final slash", ({ issuer }) => ({ iss: `${issuer.url}/` })),
  claim("an iss in capitals", ({ issuer }) => ({ iss: issuer.url.toUpperCase() })),
  claim("an iss that is a number", { iss: 1 }),
  claim("an iss that is null", { iss: null }),
  claim("an iss that is a list", ({ issuer }) => ({ iss: [issuer.url] })),
  claim("the iss of the other issuer", ({ issuer }) => ({ iss: issuer.githubUrl }), ["claims unfit for a certificate"]),
  claim("no aud", { aud: undefined }),
  claim("another aud", { aud: "other" }),
  claim("aud in capitals", { aud: "SIGSTORE" }),
  claim("an empty aud", { aud: "" }),
  claim("aud null", { aud: null }),
  claim("aud as a number", { aud: 1 }),
  claim("aud as an object", { aud: { sigstore: true } }),
  claim("a list of the one aud", { aud: ["sigstore"] }),
  claim("a list of two", { aud: ["other", "sigstore"] }),
  claim("a list of others", { aud: ["other", "another"] }),
  claim("an empty list", { aud: [] }),
  claim("a list with a number", { aud: ["sigstore", 1] }),
  claim("a list of 20", { aud: ["sigstore", ...Array.from({ length: 19 }, String)] }),
  claim("a list of 21", { aud: ["sigstore", ...Array.from({ length: 20 }, String)] }, ["`aud`"]),
  claim("azp of somebody else", { azp: "other" }),
  claim("a nonce", { nonce: "x" }),
  claim("no exp", { exp: undefined }),
  claim("exp an hour ago", ({ now }) => ({ exp: now() - 3600, iat: now() - 7200, nbf: now() - 7200 })),
  claim("exp a minute ago", ({ now }) => ({ exp: now() - 60, iat: now() - 120, nbf: now() - 120 })),
  claim("exp 0", { exp: 0 }),
  claim("exp below 0", { exp: -1 }),
  claim("exp as text", ({ now }) => ({ exp: String(now() + 300) }), ["`exp`"]),
  claim("exp null", { exp: null }),
  claim("exp with a fraction", ({ now }) => ({ exp: now() + 300.5 })),
  withText("exp with an exponent", '"exp":1e11', ["`exp`"]),
  claim("nbf in ten minutes", ({ now }) => ({ nbf: now() + 600 })),
  claim("nbf in four minutes", ({ now }) => ({ nbf: now() + 240 }), ["`nbf`"]),
  claim("nbf in half a minute", ({ now }) => ({ nbf: now() + 30 })),
  claim("no nbf", { nbf: undefined }),
  claim("nbf as text", ({ now }) => ({ nbf: String(now()) }), ["`nbf`"]),
  claim("no iat", { iat: undefined }, ["`iat`"]),
  claim("iat in an hour", ({ now }) => ({ iat: now() + 3600, exp: now() + 7200 }), ["`iat`"]),
  claim("iat in half a minute", ({ now }) => ({ iat: now() + 30 })),
  claim("iat as text", ({ now }) => ({ iat: String(now()) }), ["`iat`"]),
  claim("iat two days ago", ({ now }) => ({ iat: now() - 172_800 }), ["lifetime"]),
  claim("a lifetime of a day and an hour", ({ now }) => ({ exp: now() + 90_000 }), ["lifetime"]),
  claim("no sub", { sub: undefined }, ["`sub`"]),
  claim("an empty sub", { sub: "" }, ["`sub`"]),
  claim("sub as a number", { sub: 1 }),
  claim("sub null", { sub: null }, ["`sub`"]),
  claim("a sub with a line break", { sub: "a\nb" }, ["`sub`"]),
  claim("a sub beyond ASCII", { sub: "jürgen" }),
  claim("a sub of 2 KiB", { sub: "s".repeat(2048) }, ["`sub`"]),
  claim("no jti", { jti: undefined }),
  claim("distributed claims without source", { _claim_names: { groups: "src1" } }, ["distributed claims"]),
  claim("distributed claims with a source", { _claim_names: { groups: "s" }, _claim_sources: { s: { JWT: "x" } } }),
  withText("aud twice, the same", '"aud":"sigstore"', ["claim and header names"]),
  withText("aud twice, the last one wrong", '"aud":"other"'),
  withText("another claim twice", '"x":1,"x":2', ["claim and header names"]),
  withText("AUD beside aud", '"AUD":"other"', ["claim and header names"]),
  byToken(
    "Email in place of email",
    (source) => source.token("email", { email: undefined, Email: "dev@example.com" }),
    ["claim and header names"],
  ),
  claim("300 claims more", Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`claim${String(at)}`, at])), [
    "size",
  ]),
  claim("claims nested ten deep", { deep: JSON.parse(`${"[".repeat(10)}${"]".repeat(10)}`) as unknown }, ["size"]),
  claim("a claim of 10 KiB", { x: "x".repeat(10_240) }),
  claim(
    "a claim of 20 KiB",
    { x: "x".repeat(20_480) },
    {
      "http-v2": ["request target and header"],
      "http-v1": ["request target and header"],
      "grpc-v2": ["size"],
      "grpc-v1": ["size"],
    },
  ),
];
