import { createPublicKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { MayflyError } from "../../src/core/errors.ts";

/** A caller's key pair, as its client has it. */
export interface CallerKey {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Key types by the names the product has for them, and a few it refuses. */
export function makeKey(type: string): CallerKey {
  if (type.startsWith("rsa-")) return generateKeyPairSync("rsa", { modulusLength: Number(type.slice(4)) });
  if (type === "ed25519") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("ec", { namedCurve: type.replace("ecdsa-p", "P-") });
}

/** DER SubjectPublicKeyInfo as node writes it. */
export function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

/** PEM as node writes it. */
export function pemOf(key: KeyObject): Buffer {
  return Buffer.from(key.export({ type: "spki", format: "pem" }));
}

/** SubjectPublicKeyInfo of an RSA key with this modulus, valid or not, as node writes it. */
export function rsaSpki(modulus: bigint, exponent = 65537n): Buffer {
  const base64url = (n: bigint): string => {
    const hex = n.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex").toString("base64url");
  };
  const key = { kty: "RSA", n: base64url(modulus), e: base64url(exponent) };
  return spkiOf(createPublicKey({ key, format: "jwk" }));
}

/** Element of any tag, lengths in the shortest form: for structures that are wrong on purpose. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const hex = content.length.toString(16);
  const octets = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  const length = content.length < 0x80 ? octets : Buffer.concat([Buffer.of(0x80 + octets.length), octets]);
  return Buffer.concat([Buffer.of(tag), length, content]);
}

/** The bytes with one bit changed. */
export function flipBit(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** Why `run` was refused; "accepted" when it was not. Anything but a MayflyError passes through. */
export async function reasonOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return "accepted";
  } catch (error) {
    if (error instanceof MayflyError) return error.reason;
    throw error;
  }
}
