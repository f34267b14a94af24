import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { isJsonArray, type JsonObject, type JsonValue } from "../../core/encoding/json-reader.ts";
import { isWeakEd25519 } from "../../core/proof/ed25519-weakness.ts";
import { findRsaWeakness } from "../../core/proof/rsa-weakness.ts";
import type { JwsAlgorithm } from "../../core/identity/jws-algorithms.ts";

/** An issuer's public key, vetted and imported once. */
export interface VerificationKey {
  /** Absent when the issuer names no key. */
  readonly kid?: string;
  /** Algorithms this key may verify: those of its type, or the one its `alg` names. */
  readonly algorithms: readonly JwsAlgorithm[];
  readonly keyObject: KeyObject;
}

/** Members that only a private or a symmetric key has (RFC 7518 §6). */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] as const;

const MAX_KID = 256;
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
const MAX_RSA_EXPONENT_BYTES = 8;
const MIN_RSA_EXPONENT = 65_537n;

const RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const;

/** `crv` → length of a coordinate in bytes, and what the curve can verify (RFC 7518 §3.4: one hash for each curve). */
const EC_CURVES: ReadonlyMap<JsonValue | undefined, { bytes: number; algorithm: JwsAlgorithm }> = new Map([
  ["P-256", { bytes: 32, algorithm: "ES256" }],
  ["P-384", { bytes: 48, algorithm: "ES384" }],
  ["P-521", { bytes: 66, algorithm: "ES512" }],
]);

/** The members that make up a public key, and what it can verify. */
interface KeyMaterial {
  readonly members: JsonWebKey;
  readonly algorithms: readonly JwsAlgorithm[];
}

/**
 * Imports one member of a JWK Set (RFC 7517 §4) when it is a public key that may verify ID tokens: RSA of 2,048 to
 * 8,192 bits that nobody else can factor (as far as callers' keys are judged), with an odd exponent from 65,537, a point on P-256, P-384 or P-521, or an Ed25519 point that is not weak.
 * Certificates beside the key (`x5c`, `x5u`) are not looked at.
 *
 * @returns undefined for any other key
 */
export function importJwk(jwk: JsonObject): VerificationKey | undefined {
  if (!isForSignatures(jwk)) return undefined;
  const material = readMaterial(jwk);
  if (material === undefined) return undefined;
  const alg = jwk.get("alg");
  const algorithms = alg === undefined ? material.algorithms : material.algorithms.filter((name) => name === alg);
  const kid = jwk.get("kid");
  if (algorithms.length === 0 || !isKid(kid)) return undefined;
  const keyObject = importMembers(material.members);
  if (keyObject === undefined) return undefined;
  return kid === undefined ? { algorithms, keyObject } : { kid, algorithms, keyObject };
}

function isKid(kid: JsonValue | undefined): kid is string | undefined {
  return kid === undefined || (typeof kid === "string" && kid.length <= MAX_KID);
}

/** Whether a member of a JWK Set is a private or a symmetric key: no issuer should ever have told it. */
export function isSecretJwk(jwk: JsonObject): boolean {
  return jwk.get("kty") === "oct" || PRIVATE_MEMBERS.some((name) => jwk.has(name));
}

/** Whether a key says that it verifies signatures, or says nothing, and is no private or symmetric key. */
function isForSignatures(jwk: JsonObject): boolean {
  if (isSecretJwk(jwk)) return false;
  const use = jwk.get("use");
  const operations = jwk.get("key_ops");
  if (use !== undefined && use !== "sig") return false;
  return operations === undefined || (isJsonArray(operations) && operations.includes("verify"));
}

function readMaterial(jwk: JsonObject): KeyMaterial | undefined {
  switch (jwk.get("kty")) {
    case "RSA":
      return readRsa(jwk);
    case "EC":
      return readEc(jwk);
    case "OKP":
      return readEd25519(jwk);
    default:
      return undefined;
  }
}

function readRsa(jwk: JsonObject): KeyMaterial | undefined {
  const modulus = decodeMember(jwk, "n");
  const exponent = decodeMember(jwk, "e");
  if (modulus === undefined || exponent === undefined) return undefined;
  return isSoundModulus(modulus) && isSoundExponent(exponent) && findRsaWeakness(modulus) === undefined
    ? { members: { kty: "RSA", n: encodeMember(modulus), e: encodeMember(exponent) }, algorithms: RSA_ALGORITHMS }
    : undefined;
}

/** Base64urlUInt has no leading zero octet (RFC 7518 §2), so the first octet counts the bits. */
function isSoundModulus(modulus: Uint8Array): boolean {
  const first = modulus[0] ?? 0;
  const bits = modulus.length * 8 - (Math.clz32(first) - 24);
  const odd = ((modulus.at(-1) ?? 0) & 1) === 1;
  return first !== 0 && odd && bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS;
}

function isSoundExponent(exponent: Uint8Array): boolean {
  if (exponent[0] === 0 || exponent.length === 0 || exponent.length > MAX_RSA_EXPONENT_BYTES) return false;
  const value = BigInt(`0x${Buffer.from(exponent).toString("hex")}`);
  return value >= MIN_RSA_EXPONENT && value % 2n === 1n;
}

/** That the point lies on its curve is proved by OpenSSL's import. */
function readEc(jwk: JsonObject): KeyMaterial | undefined {
  const crv = jwk.get("crv");
  const curve = EC_CURVES.get(crv);
  const x = decodeMember(jwk, "x");
  const y = decodeMember(jwk, "y");
  if (curve === undefined || typeof crv !== "string" || x?.length !== curve.bytes || y?.length !== curve.bytes) {
    return undefined;
  }
  return { members: { kty: "EC", crv, x: encodeMember(x), y: encodeMember(y) }, algorithms: [curve.algorithm] };
}

function readEd25519(jwk: JsonObject): KeyMaterial | undefined {
  const x = decodeMember(jwk, "x");
  if (jwk.get("crv") !== "Ed25519" || x?.length !== 32 || isWeakEd25519(x)) return undefined;
  return { members: { kty: "OKP", crv: "Ed25519", x: encodeMember(x) }, algorithms: ["EdDSA", "Ed25519"] };
}

function importMembers(members: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: members, format: "jwk" });
  } catch {
    return undefined; // a point off its curve
  }
}

/** A member that is canonical base64url (RFC 7515 §2). */
function decodeMember(jwk: JsonObject, name: string): Uint8Array | undefined {
  const text = jwk.get(name);
  if (typeof text !== "string") return undefined;
  const bytes = Buffer.from(text, "base64url");
  return encodeMember(bytes) === text ? bytes : undefined;
}

function encodeMember(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
