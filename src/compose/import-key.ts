import { createPrivateKey, createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { encryptKeyFile } from "../adapters/signers/file.ts";
import { isSigstoreKey, openSigstoreKey } from "../adapters/signers/sigstore-key.ts";
import type { SecretConfig } from "../config/secret-schema.ts";
import { encodePem } from "../core/encoding/pem.ts";
import { MayflyError } from "../core/errors.ts";
import { readSecret } from "./read-secret.ts";
import type { Environment } from "./read-secret.ts";
import { writeNewFile } from "./write-new-file.ts";

/** What `mayfly key import` was asked for. */
export interface ImportKeyOptions {
  /** PEM file of another program's. */
  readonly from: string;
  /** What opens it; undefined for a key in clear. */
  readonly fromPassphrase: SecretConfig | undefined;
  readonly file: string;
  readonly passphrase: SecretConfig;
  readonly env: Environment;
}

/** The largest key, RSA with 8192 bits, takes 7 KiB. */
const MAX_PEM_BYTES = 64 * 1024;
const WITHOUT_PASSPHRASE = "is encrypted: --from-passphrase-file says with what";
const WRONG_PASSPHRASE = "does not open: the passphrase is wrong, or it is damaged";

/**
 * Writes the private key of a PEM file into a new encrypted file of ours. PKCS#8, encrypted (RFC 5958, PBES2) or not, PKCS#1
 * and SEC 1 are read, the two older ones also as RFC 1421 encrypts them (`DEK-Info`), and what cosign encrypts.
 *
 * @returns the public key, PEM without a final newline
 * @throws MayflyError `signer_failed`: SIGNER_KEY_UNREADABLE when the PEM file or a passphrase cannot be read or does not fit,
 *   SIGNER_KEY_MISMATCH for a key that Mayfly does not sign with; `internal` (FILE_NOT_WRITTEN) when the new file exists
 */
export async function importKey(options: ImportKeyOptions): Promise<string> {
  const { from, fromPassphrase, passphrase, env } = options;
  const opened = fromPassphrase === undefined ? undefined : readSecret(fromPassphrase, env, "refuse");
  const privateKey = openPem(readPem(from), opened, from);
  writeNewFile(options.file, await encryptKeyFile(privateKey, readSecret(passphrase, env, "refuse")));
  return encodePem("PUBLIC KEY", createPublicKey(privateKey).export({ type: "spki", format: "der" }));
}

function unreadable(file: string, what: string, cause?: unknown): MayflyError {
  return new MayflyError("SIGNER_KEY_UNREADABLE", `key file ${file} ${what}`, { cause });
}

function readPem(file: string): string {
  try {
    const status = statSync(file);
    if (!status.isFile()) throw unreadable(file, "is not a regular file");
    if (status.size > MAX_PEM_BYTES) throw unreadable(file, `is longer than ${MAX_PEM_BYTES} bytes`);
    return readFileSync(file, "latin1");
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    throw unreadable(file, "cannot be read", cause);
  }
}

/** OpenSSL's words are not repeated: they name its routines, and no reason that an operator could act on. */
function openPem(pem: string, passphrase: string | undefined, file: string): KeyObject {
  if (isSigstoreKey(pem)) return openSigstorePem(pem, passphrase, file);
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/u.test(pem)) throw unreadable(file, "holds no private key as PEM");
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4,ENCRYPTED/mu.test(pem);
  if (isEncrypted && passphrase === undefined) throw unreadable(file, WITHOUT_PASSPHRASE);
  try {
    return createPrivateKey({ key: pem, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    throw unreadable(file, isEncrypted ? WRONG_PASSPHRASE : "is damaged");
  }
}

function openSigstorePem(pem: string, passphrase: string | undefined, file: string): KeyObject {
  if (passphrase === undefined) throw unreadable(file, WITHOUT_PASSPHRASE);
  const opened = openSigstoreKey(pem, passphrase);
  if (typeof opened !== "string") return opened;
  throw unreadable(file, opened === "closed" ? WRONG_PASSPHRASE : "is damaged, or not as cosign encrypts keys");
}
