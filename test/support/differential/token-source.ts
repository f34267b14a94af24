import { generateKeyPairSync } from "node:crypto";
import { startDevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import type { DevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import { tokenClaims } from "../../../dev/token-claims.ts";
import type { TokenClaims, TokenKind } from "../../../dev/token-claims.ts";
import { ask } from "../ask.ts";
import { signToken } from "../tokens.ts";
import type { TokenKey } from "../tokens.ts";

/** The development issuer, and tokens of it that are right or wrong in any part. */
export interface TokenSource {
  readonly issuer: DevelopmentIssuer;
  /** The key that signs them (RS256), as it stands in the issuer's key set. */
  readonly key: TokenKey;
  /** Seconds since 1970. */
  readonly now: () => number;
  /** All claims of a good token but for the changes; `undefined` leaves one out. */
  readonly claims: (kind: TokenKind, changes?: TokenClaims) => TokenClaims;
  /** A token whose signature is right, but for changes of claims and header. */
  readonly token: (kind?: TokenKind, changes?: TokenClaims, header?: object) => string;
}

const LIFETIME_SECONDS = 300;

/** Starts a development issuer whose key the test has as well. */
export async function startTokenSource(): Promise<TokenSource> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const issuer = await startDevelopmentIssuer({ key: privateKey });
  const { body } = await ask(`${issuer.url}/jwks`);
  const jwk = (body as { readonly keys: readonly TokenKey["jwk"][] }).keys.find(({ alg }) => alg === "RS256")!;
  const key: TokenKey = { alg: "RS256", privateKey, jwk };
  const now = (): number => Math.floor(Date.now() / 1000);
  const claims: TokenSource["claims"] = (kind, changes = {}) => {
    const iss = kind === "github" ? issuer.githubUrl : issuer.url;
    const times = { iat: now(), nbf: now(), exp: now() + LIFETIME_SECONDS };
    return { iss, aud: "sigstore", jti: crypto.randomUUID(), ...times, ...tokenClaims(kind, changes) };
  };
  const token: TokenSource["token"] = (kind = "email", changes = {}, header = {}) =>
    signToken(key, claims(kind, changes), header);
  return { issuer, key, now, claims, token };
}
