import { readFileSync } from "node:fs";
import { MayflyError } from "../core/errors.ts";
import type { SecretConfig } from "../config/schema.ts";

/** Environment variables by name, as `main.ts` hands them in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a secret from where the configuration says; one final newline, as editors add it, is not part of it.
 *
 * @throws MayflyError `signer_failed` (SIGNER_KEY_UNREADABLE) naming the place, never the secret
 */
export function readSecret(from: SecretConfig, env: Environment): string {
  if ("env" in from) {
    const value = env[from.env];
    if (value === undefined)
      throw new MayflyError("SIGNER_KEY_UNREADABLE", `environment variable ${from.env} is not set`);
    return value;
  }
  try {
    return readFileSync(from.file, "utf8").replace(/\r?\n$/u, "");
  } catch (cause) {
    throw new MayflyError("SIGNER_KEY_UNREADABLE", `passphrase file ${from.file} cannot be read`, { cause });
  }
}
