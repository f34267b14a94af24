import { ConfigError } from "../config/load-config.ts";
import { readSettingsFile } from "../config/read-settings-file.ts";

/**
 * Reads a list of keys that are never certified: SHA-256 of each SubjectPublicKeyInfo in hex, one a line; empty lines and
 * lines that start with `#` say nothing.
 *
 * @returns the digests, lower-case hex
 * @throws ConfigError when the file cannot be read or a line is something else
 */
export function readBlocklist(file: string): ReadonlySet<string> {
  const text = new TextDecoder().decode(readSettingsFile(file, MAX_BLOCKLIST_BYTES));
  const digests = new Set<string>();
  for (const [at, line] of text.split(/\r?\n/u).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    if (!SHA256.test(line)) throw new ConfigError(`${file}:${String(at + 1)}: expected a SHA-256 in hex`);
    digests.add(line.toLowerCase());
  }
  return digests;
}

/** About a million keys. */
const MAX_BLOCKLIST_BYTES = 64 * 1024 * 1024;

const SHA256 = /^[0-9A-Fa-f]{64}$/u;
