import { constants, createECDH, privateEncrypt, type KeyObject } from "node:crypto";
import { integer, sequence } from "../../../src/core/encoding/der-writer.ts";

/** Orders of the curves (FIPS 186-5, SP 800-186 §3.2.1). */
const ORDERS: Readonly<Record<string, bigint>> = {
  prime256v1: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  secp384r1: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  secp521r1:
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};

/** DigestInfo up to the digest (RFC 8017 §9.2). */
const DIGEST_INFO: Readonly<Record<number, string>> = {
  32: "3031300d060960864801650304020105000420",
  48: "3041300d060960864801650304020205000430",
  64: "3051300d060960864801650304020305000440",
};

/**
 * Signs a digest that somebody else has computed, as key services do and `node:crypto` does not: ECDSA as r‖s
 * (FIPS 186-5 §6.4.1), RSA as PKCS#1 v1.5.
 */
export function signDigest(digest: Uint8Array, key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType === "rsa") {
    const info = Buffer.concat([Buffer.from(DIGEST_INFO[digest.length]!, "hex"), digest]);
    return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, info);
  }
  const curve = key.asymmetricKeyDetails!.namedCurve!;
  const order = ORDERS[curve]!;
  const { length } = Buffer.from(key.export({ format: "jwk" }).d!, "base64url");
  const d = toInteger(Buffer.from(key.export({ format: "jwk" }).d!, "base64url"));
  const nonce = createECDH(curve);
  const point = nonce.generateKeys();
  const k = toInteger(nonce.getPrivateKey());
  const r = toInteger(point.subarray(1, 1 + (point.length - 1) / 2)) % order;
  const bits = order.toString(2).length;
  const z = toInteger(digest) >> BigInt(Math.max(0, digest.length * 8 - bits));
  const s = (inverse(k, order) * (z + r * d)) % order;
  return Buffer.concat([toBytes(r, length), toBytes(s, length)]);
}

/** The same signature as DER Ecdsa-Sig-Value (RFC 3279 §2.2.3); what is no r‖s stays as it is. */
export function asDer(signature: Uint8Array, key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType !== "ec") return signature;
  const half = signature.length / 2;
  return sequence(integer(signature.subarray(0, half)), integer(signature.subarray(half)));
}

const toInteger = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);

const toBytes = (value: bigint, length: number): Buffer =>
  Buffer.from(value.toString(16).padStart(length * 2, "0"), "hex");

/** By the extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b] = [value % modulus, modulus];
  let [x, y] = [1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b] = [b % a, a];
    [x, y] = [y - quotient * x, x];
  }
  return ((x % modulus) + modulus) % modulus;
}
