import { signToken } from "../../tokens.ts";
import type { TokenKey } from "../../tokens.ts";

/** Claims of a token; one that is undefined is not there. */
export type Claims = Readonly<Record<string, unknown>>;

/** A token that Fulcio and Mayfly get alike. */
export interface TokenCase {
  /** Unique in its group. */
  readonly name: string;
  readonly issuer: string;
  /** All claims but those that any token has, which may be among them: `iss aud iat nbf exp jti`. */
  readonly claims: (nowSeconds: number) => Claims;
  /** What the proof is over: the claim that a certificate of this kind is asked for with, unless told otherwise. */
  readonly challenge: string;
  /** The rows of `docs/divergences.md`, by their first cells, that say how answer or certificate differ; none: they do not. */
  readonly rows: readonly string[];
}

/** Tokens of one kind. */
export interface TokenGroup {
  readonly name: string;
  readonly cases: readonly TokenCase[];
}

/** What a good token of a kind is. */
export interface GoodToken {
  readonly issuer: string;
  readonly claims: Claims;
  /** The claim that the proof is over: `sub` when left out. */
  readonly challenge?: "email" | "sub";
}

/** What is special about a token beside its claims. */
export interface CaseOptions {
  readonly issuer?: string;
  readonly challenge?: string;
}

/** Changes of claims, which may depend on the time in seconds. */
type Changes = Claims | ((nowSeconds: number) => Claims);

/** Makes tokens that differ from a good one by a few claims. */
export type MakeCase = (
  name: string,
  changes?: Changes,
  more?: CaseOptions & { readonly rows?: readonly string[] },
) => TokenCase;

/** {@link MakeCase} for a kind. */
export function tokensLike(good: GoodToken): MakeCase {
  const proven = good.challenge ?? "sub";
  return (name, changes = {}, { issuer = good.issuer, challenge, rows = [] } = {}) => {
    const claims = (now: number): Claims => ({
      ...good.claims,
      ...(typeof changes === "function" ? changes(now) : changes),
    });
    const value = claims(0)[proven];
    return { name, issuer, claims, rows, challenge: challenge ?? (typeof value === "string" ? value : "") };
  };
}

const LIFETIME_SECONDS = 300;

/** The token of a case. */
export function mint({ issuer, claims }: TokenCase, key: TokenKey, nowMs = Date.now()): string {
  const now = Math.floor(nowMs / 1000);
  const times = { iat: now, nbf: now, exp: now + LIFETIME_SECONDS };
  const all = { iss: issuer, aud: "sigstore", jti: crypto.randomUUID(), ...times, ...claims(now) };
  return signToken(key, JSON.stringify(all).replaceAll(WRITTEN, "$1"));
}

const MARK = "as it is written: ";
const WRITTEN = new RegExp(`"${MARK}([^"]*)"`, "gu");

/** A JSON number in a spelling that JavaScript does not give it. */
export const written = (number: string): string => MARK + number;
