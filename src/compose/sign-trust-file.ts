import type { SecretConfig } from "../config/secret-schema.ts";
import { openSigner } from "./open-signer.ts";
import type { Environment } from "./read-secret.ts";
import type { SignerRole } from "./signer-roles.ts";

/** An operator's key, which vouches for trust files and for nothing else. */
export interface SignTrustFileOptions {
  /** Made by `mayfly key create`. */
  readonly keyFile: string;
  readonly passphrase: SecretConfig;
  readonly env: Environment;
}

const OPERATOR: SignerRole = { setting: "--sign-with", use: "trust", algorithms: ["ed25519", "ecdsa-p256-sha256"] };

/**
 * Signs the bytes of a trust file.
 *
 * @returns 64 bytes of Ed25519 (RFC 8032), or for P-256 an ECDSA signature over SHA-256 in DER, as OpenSSL verifies them
 * @throws MayflyError `signer_failed`, naming the key file, when it cannot be opened or is of another kind
 */
export async function signTrustFile(bytes: Uint8Array, options: SignTrustFileOptions): Promise<Uint8Array> {
  const { keyFile, passphrase, env } = options;
  const key = { kind: "file", path: keyFile, passphrase } as const;
  // A signature that is wrong is refused by itself.
  const signer = await openSigner(key, OPERATOR, { env, development: false, onMismatch: () => undefined });
  try {
    return await signer.sign(bytes);
  } finally {
    await signer.close();
  }
}
