import { createPublicKey } from "node:crypto";
import { encryptKeyFile } from "../adapters/signers/file.ts";
import { generatePrivateKey } from "../adapters/signers/memory.ts";
import type { SecretConfig } from "../config/secret-schema.ts";
import type { SignatureAlgorithm } from "../core/certificate/algorithms.ts";
import { encodePem } from "../core/encoding/pem.ts";
import { readSecret } from "./read-secret.ts";
import type { Environment } from "./read-secret.ts";
import { writeNewFile } from "./write-new-file.ts";

/** What `mayfly key create` was asked for. */
export interface CreateKeyOptions {
  readonly algorithm: "ecdsa-p256" | "ecdsa-p384" | "ed25519";
  readonly file: string;
  readonly passphrase: SecretConfig;
  readonly env: Environment;
}

const ALGORITHMS = {
  "ecdsa-p256": "ecdsa-p256-sha256",
  "ecdsa-p384": "ecdsa-p384-sha384",
  ed25519: "ed25519",
} as const satisfies Record<CreateKeyOptions["algorithm"], SignatureAlgorithm>;

/**
 * Makes a key and writes it into a new encrypted file.
 *
 * @returns the public key, PEM without a final newline
 * @throws MayflyError when the passphrase cannot be read, its file is open to other accounts, or the key's file exists
 */
export async function createKey(options: CreateKeyOptions): Promise<string> {
  const privateKey = generatePrivateKey(ALGORITHMS[options.algorithm]);
  const text = await encryptKeyFile(privateKey, readSecret(options.passphrase, options.env, "refuse"));
  writeNewFile(options.file, text);
  return encodePem("PUBLIC KEY", createPublicKey(privateKey).export({ type: "spki", format: "der" }));
}
