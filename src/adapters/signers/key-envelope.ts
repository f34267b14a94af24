import type { SignatureAlgorithm } from "../../core/certificate/algorithms.ts";
import { MayflyError } from "../../core/errors.ts";
import { SIGNATURE_DIGEST } from "./signature-digest.ts";

/** Cost of scrypt (RFC 7914 §2): memory is 128 · n · r bytes. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** What an encrypted key file says in clear; all of it is authenticated together with the ciphertext. */
export interface KeyEnvelope {
  readonly algorithm: SignatureAlgorithm;
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly cost: ScryptCost;
  /** 32 bytes. */
  readonly salt: Uint8Array;
  /** 12 bytes (NIST SP 800-38D §5.2.1.1). */
  readonly nonce: Uint8Array;
}

/** The envelope and the AES-256-GCM ciphertext it closes: PKCS#8 DER, then the tag of 16 bytes. */
export interface SealedKey {
  readonly envelope: KeyEnvelope;
  readonly ciphertext: Uint8Array;
}

const FORMAT = "mayfly-encrypted-key";
const VERSION = 1;
const KDF = "scrypt";
const CIPHER = "aes-256-gcm";
const MAX_SCRYPT_BYTES = 2 ** 30;

/**
 * Additional authenticated data: the clear part as it stands in the file. Public key, algorithm and cost cannot be
 * exchanged under a ciphertext without the passphrase failing.
 */
export function encodeAssociatedData(envelope: KeyEnvelope): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(clearMembers(envelope)));
}

/** The key file's text: JSON in one fixed layout, ending in a newline. */
export function encodeSealedKey(sealed: SealedKey): string {
  const ciphertext = Buffer.from(sealed.ciphertext).toString("base64");
  return `${JSON.stringify({ ...clearMembers(sealed.envelope), ciphertext }, null, 2)}\n`;
}

/**
 * Reads a key file's text strictly: only what {@link encodeSealedKey} writes is taken, so nothing can hide in the file, and
 * a cost that would exhaust memory, or hardly slow a guesser down, is refused before it is paid.
 *
 * @throws MayflyError `signer_failed` (SIGNER_KEY_UNREADABLE), naming the member that is wrong and never its value
 */
export function parseSealedKey(text: string): SealedKey {
  const file = members(parseJson(text), "the file");
  requireEqual(file["format"], FORMAT, "format");
  requireEqual(file["version"], VERSION, "version");
  const kdf = members(file["kdf"], "kdf");
  requireEqual(kdf["name"], KDF, "kdf.name");
  const cipher = members(file["cipher"], "cipher");
  requireEqual(cipher["name"], CIPHER, "cipher.name");
  const sealed: SealedKey = {
    envelope: {
      algorithm: parseAlgorithm(file["algorithm"]),
      publicKey: parseBytes(file["publicKey"], "publicKey"),
      cost: parseCost(kdf),
      salt: parseBytes(kdf["salt"], "kdf.salt", 32),
      nonce: parseBytes(cipher["nonce"], "cipher.nonce", 12),
    },
    ciphertext: parseBytes(file["ciphertext"], "ciphertext"),
  };
  if (encodeSealedKey(sealed).trimEnd() !== text.trimEnd()) {
    throw unreadable("has unknown or repeated members, or a layout that Mayfly does not write");
  }
  return sealed;
}

/** The refusal of a key file; `detail` completes "the key file …". */
export function unreadable(detail: string, cause?: unknown): MayflyError {
  return new MayflyError("SIGNER_KEY_UNREADABLE", `the key file ${detail}`, { cause });
}

function clearMembers({ algorithm, publicKey, cost, salt, nonce }: KeyEnvelope): Record<string, unknown> {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return {
    format: FORMAT,
    version: VERSION,
    algorithm,
    publicKey: base64(publicKey),
    kdf: { name: KDF, n: cost.n, r: cost.r, p: cost.p, salt: base64(salt) },
    cipher: { name: CIPHER, nonce: base64(nonce) },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, so it is not kept as the cause.
    throw unreadable("is not JSON");
  }
}

function members(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw unreadable(`is wrong: ${name} is not a JSON object`);
  return { ...value };
}

function requireEqual(value: unknown, expected: string | number, name: string): void {
  if (value !== expected) throw unreadable(`is not one this release reads: ${name} is not ${expected}`);
}

function parseAlgorithm(value: unknown): SignatureAlgorithm {
  const known = Object.keys(SIGNATURE_DIGEST) as SignatureAlgorithm[];
  const algorithm = known.find((candidate) => candidate === value);
  if (algorithm === undefined) throw unreadable(`is wrong: algorithm is none of ${known.join(", ")}`);
  return algorithm;
}

function parseBytes(value: unknown, name: string, length?: number): Uint8Array {
  if (typeof value !== "string") throw unreadable(`is wrong: ${name} is not a string`);
  const bytes = Buffer.from(value, "base64");
  // Node skips what is not base64; only the canonical writing may stand for bytes.
  if (bytes.toString("base64") !== value) throw unreadable(`is wrong: ${name} is not canonical base64`);
  if (bytes.length !== (length ?? bytes.length)) throw unreadable(`is wrong: ${name} has not ${length ?? 0} bytes`);
  return new Uint8Array(bytes);
}

function parseCost(kdf: Readonly<Record<string, unknown>>): ScryptCost {
  const cost = { n: kdf["n"], r: kdf["r"], p: kdf["p"] };
  if (!isCost(cost)) throw unreadable("is wrong: kdf.n, kdf.r and kdf.p are not integers");
  return requireCost(cost);
}

function isCost(cost: Readonly<Record<"n" | "r" | "p", unknown>>): cost is ScryptCost {
  return [cost.n, cost.r, cost.p].every((value) => Number.isSafeInteger(value));
}

/**
 * Gives the cost back when it is neither negligible nor ruinous: n a power of two from 2^14, r from 8 to 32, p from 1 to
 * 16, at most 1 GiB of memory.
 *
 * @throws MayflyError `signer_failed` (SIGNER_KEY_UNREADABLE)
 */
export function requireCost(cost: ScryptCost): ScryptCost {
  const { n, r, p } = cost;
  const isPowerOfTwo = Number.isInteger(Math.log2(n));
  const inRange = n >= 2 ** 14 && n <= 2 ** 20 && r >= 8 && r <= 32 && p >= 1 && p <= 16;
  if (!isPowerOfTwo || !inRange || 128 * n * r > MAX_SCRYPT_BYTES) {
    throw unreadable("asks for a scrypt cost outside of what Mayfly takes (n 2^14 to 2^20, at most 1 GiB)");
  }
  return cost;
}
