import { generateKeyPairSync, sign } from "node:crypto";
import type { JsonWebKey, KeyObject } from "node:crypto";

/** A signing key of an issuer, and how it shows in the issuer's key set. */
export interface TokenKey {
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly jwk: JsonWebKey & { readonly kid?: string };
}

const CURVES: Readonly<Record<string, string>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };

/** A fresh key for a JWS algorithm (RFC 7518 §3.1, RFC 8037), RSA with 2,048 bits. */
export function makeTokenKey(alg: string, kid?: string): TokenKey {
  const curve = CURVES[alg];
  const { publicKey, privateKey } =
    curve !== undefined
      ? generateKeyPairSync("ec", { namedCurve: curve })
      : alg === "EdDSA"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { alg, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), ...(kid === undefined ? {} : { kid }) } };
}

/** Base64url of text or bytes, without padding. */
export const base64url = (part: string | Uint8Array): string => Buffer.from(part).toString("base64url");

/** A compact JWS of any two parts, truly signed by the key, so that nothing but the parts can be wrong with it. */
export function signParts(key: TokenKey, header: string | Uint8Array, payload: string | Uint8Array): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(signJws(key, input))}`;
}

/** The signature of a JWS signing input by the key, under the key's own algorithm. */
export function signJws({ alg, privateKey }: TokenKey, input: string): Buffer {
  const data = Buffer.from(input);
  if (alg === "EdDSA") return sign(null, data, privateKey);
  const digest = `sha${alg.slice(2)}`;
  if (alg.startsWith("ES")) return sign(digest, data, { key: privateKey, dsaEncoding: "ieee-p1363" });
  // 6: RSA_PKCS1_PSS_PADDING, 1: RSA_PKCS1_PADDING
  return sign(digest, data, {
    key: privateKey,
    padding: alg.startsWith("PS") ? 6 : 1,
    ...(alg.startsWith("PS") ? { saltLength: Number(alg.slice(2)) / 8 } : {}),
  });
}

/** A compact JWS of JSON claims; `undefined` leaves a member out. Claims given as text are taken as they are. */
export function signToken(key: TokenKey, claims: object | string, header: object = {}): string {
  const { kid } = key.jwk;
  const fields = { alg: key.alg, typ: "JWT", ...(kid === undefined ? {} : { kid }), ...header };
  return signParts(key, JSON.stringify(fields), typeof claims === "string" ? claims : JSON.stringify(claims));
}

/** Values of `typ` that no ID token has (RFC 8725 §3.11). */
export const WRONG_TOKEN_TYPES = [
  "at+jwt",
  "logout+jwt",
  "secevent+jwt",
  "dpop+jwt",
  "JWE",
  "JOSE",
  "application/jwt",
  "JWT ",
  "",
  null,
  1,
  ["JWT"],
] as const;
