import { readFileSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { describeExposure } from "../adapters/signers/exposed-file.ts";
import { MayflyError } from "../core/errors.ts";
import type { SecretConfig } from "../config/secret-schema.ts";

/** Environment variables by name, as `main.ts` hands them in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a secret from where the configuration says; one final newline, as editors add it, is not part of it.
 *
 * @param exposedFile whether a file is taken that other accounts can read, or that is no regular file
 * @throws MayflyError `signer_failed` (SIGNER_KEY_UNREADABLE) naming the place, never the secret
 */
export function readSecret(from: SecretConfig, env: Environment, exposedFile: "refuse" | "allow"): string {
  if ("env" in from) {
    const value = env[from.env];
    if (value === undefined)
      throw new MayflyError("SIGNER_KEY_UNREADABLE", `environment variable ${from.env} is not set`);
    return value;
  }
  const file = `passphrase file ${from.file}`;
  try {
    if (exposedFile === "refuse") refuseExposed(statSync(from.file), file);
    return readFileSync(from.file, "utf8").replace(/\r?\n$/u, "");
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    throw new MayflyError("SIGNER_KEY_UNREADABLE", `${file} cannot be read`, { cause });
  }
}

/** A named pipe that nobody writes to would hold a start up for ever. */
function refuseExposed(status: Stats, file: string): void {
  const exposure = status.isFile() ? describeExposure(status) : "is not a regular file";
  if (exposure !== undefined) throw new MayflyError("SIGNER_KEY_UNREADABLE", `${file} ${exposure}`);
}
