import { createPrivateKey, scryptSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { parsePem } from "../../core/encoding/pem.ts";
import { openSecretbox } from "./secretbox.ts";

/** The costs of scrypt that go-securesystemslib writes: whoever names another one wants something else of us. */
const COSTS = [2 ** 15, 2 ** 16, 2 ** 17];

/** Derivation, its block size and parallelization, cipher, bytes of salt and nonce. */
const KNOWN_FORM = ["scrypt", 8, 1, "nacl/secretbox", 32, 24];

interface Sealed {
  readonly cost: number;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Whether a PEM file holds a key as cosign, and Sigstore's libraries, encrypt it. */
export function isSigstoreKey(pem: string): boolean {
  return /-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----/u.test(pem);
}

/**
 * Opens a key as cosign encrypts it: JSON within PEM, with scrypt (RFC 7914) and NaCl's secretbox around PKCS#8
 * (go-securesystemslib, `encrypted`). The passphrase is taken byte for byte.
 *
 * @returns `damaged` for what is no such file, `closed` when the passphrase does not open it
 */
export function openSigstoreKey(pem: string, passphrase: string): KeyObject | "damaged" | "closed" {
  const sealed = parseSealed(pem);
  if (sealed === undefined) return "damaged";
  const { cost: N, salt, nonce, ciphertext } = sealed;
  const key = scryptSync(passphrase, salt, 32, { N, r: 8, p: 1, maxmem: 128 * 8 * (N + 4) });
  const pkcs8 = openSecretbox(ciphertext, key, nonce);
  key.fill(0);
  if (pkcs8 === undefined) return "closed";
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  } catch {
    return "damaged";
  } finally {
    pkcs8.fill(0);
  }
}

function parseSealed(pem: string): Sealed | undefined {
  try {
    const [block] = parsePem(pem);
    const file: unknown = JSON.parse(Buffer.from(block?.der ?? []).toString("utf8"));
    const [kdf, cipher] = [member(file, "kdf"), member(file, "cipher")];
    const params = member(kdf, "params");
    const cost = COSTS.find((one) => one === member(params, "N"));
    const salt = bytesOf(member(kdf, "salt"));
    const nonce = bytesOf(member(cipher, "nonce"));
    const form = [member(kdf, "name"), member(params, "r"), member(params, "p"), member(cipher, "name")];
    const isKnown = isDeepStrictEqual([...form, salt.length, nonce.length], KNOWN_FORM);
    if (!isKnown || cost === undefined) return undefined;
    return { cost, salt, nonce, ciphertext: bytesOf(member(file, "ciphertext")) };
  } catch {
    // What the parsers say would quote the file.
    return undefined;
  }
}

function bytesOf(base64: unknown): Uint8Array {
  return new Uint8Array(typeof base64 === "string" ? Buffer.from(base64, "base64") : []);
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}
