import { isJsonArray, isJsonObject, JsonError, parseJson, type JsonValue } from "../../core/encoding/json-reader.ts";
import { IssuerFailure } from "./issuer-failure.ts";
import { importJwk, isSecretJwk, type VerificationKey } from "./jwk.ts";
import type { TokenHeader } from "./parse-token.ts";

/** How many members of a JWK Set are not as they should be. */
export interface KeySetFaults {
  /** Left out because they may not verify ID tokens; some issuers have encryption keys there. */
  readonly skipped: number;
  /** Of those, private and symmetric keys: somebody told the world a secret. */
  readonly secrets: number;
  /** Names (`kid`) that stand for more than one key. */
  readonly sharedNames: number;
}

/** An issuer's keys as fetched, all vetted and imported. */
export interface KeySet extends KeySetFaults {
  /** At least one. */
  readonly keys: readonly VerificationKey[];
  /** The keys of each `kid`; more than one where the issuer gave two keys one name. */
  readonly byKid: ReadonlyMap<string, readonly VerificationKey[]>;
}

/** Key sets are one to five KiB; with certificates beside the keys some reach 50. */
export const MAX_JWKS_BYTES = 131_072;

const MAX_KEYS = 100;
const MAX_TRIED_KEYS = 10;

const JSON_LIMITS = { maxDepth: 8, maxMembers: 4000 };

/**
 * Reads a JWK Set (RFC 7517 §5). Members that are no key for ID tokens are left out and counted; a set that has none
 * left is a failure, not a rotation.
 *
 * @throws IssuerFailure
 */
export function parseJwks(bytes: Uint8Array): KeySet {
  const members = readMembers(bytes);
  const imported = members.map((member) => (isJsonObject(member) ? importJwk(member) : undefined));
  const keys = withoutRepeats(imported.filter((key) => key !== undefined));
  if (keys.length === 0) refuse("the key set has no key that can verify ID tokens");
  const named = keys.filter((key): key is VerificationKey & { kid: string } => key.kid !== undefined);
  const byKid = Map.groupBy(named, ({ kid }) => kid);
  return {
    keys,
    byKid,
    skipped: imported.filter((key) => key === undefined).length,
    secrets: members.filter((member) => isJsonObject(member) && isSecretJwk(member)).length,
    sharedNames: Array.from(byKid.values()).filter(hasSeveralKeys).length,
  };
}

/** One key may stand there twice, once for each of its algorithms. */
function hasSeveralKeys([first, ...others]: readonly VerificationKey[]): boolean {
  return first !== undefined && others.some(({ keyObject }) => !keyObject.equals(first.keyObject));
}

/**
 * The keys to try on a token: those that its `kid` names, or all when it names none, as far as they can verify its
 * algorithm. Nothing else in the token has a say.
 *
 * @returns at most 10 keys
 */
export function selectKeys(set: KeySet, header: TokenHeader): readonly VerificationKey[] {
  const candidates = header.kid === undefined ? set.keys : (set.byKid.get(header.kid) ?? []);
  return candidates.filter(({ algorithms }) => algorithms.includes(header.alg)).slice(0, MAX_TRIED_KEYS);
}

function readMembers(bytes: Uint8Array): readonly JsonValue[] {
  try {
    const set = parseJson(bytes, JSON_LIMITS);
    const members = isJsonObject(set) ? set.get("keys") : undefined;
    if (!isJsonArray(members)) return refuse("the key set has no keys");
    if (members.length > MAX_KEYS) return refuse("the key set has more than 100 keys");
    return members;
  } catch (cause) {
    if (cause instanceof JsonError) return refuse(cause.message);
    throw cause;
  }
}

function withoutRepeats(keys: readonly VerificationKey[]): readonly VerificationKey[] {
  return keys.filter((key, index) => {
    const first = keys.findIndex((other) => other.kid === key.kid && other.keyObject.equals(key.keyObject));
    return first === index || keys[first]?.algorithms.join() !== key.algorithms.join();
  });
}

function refuse(detail: string): never {
  throw new IssuerFailure("persistent", detail);
}
