import { readFileSync } from "node:fs";
import { ConfigError } from "../config/load-config.ts";

/**
 * Reads a list of keys that are never certified: SHA-256 of each SubjectPublicKeyInfo in hex, one a line; empty lines and
 * lines that start with `#` say nothing.
 *
 * @returns the digests, lower-case hex
 * @throws ConfigError when the file cannot be read or a line is something else
 */
export function readBlocklist(file: string): ReadonlySet<string> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError(`${file}: cannot be read`, { cause });
  }
  const digests = new Set<string>();
  for (const [at, line] of text.split(/\r?\n/u).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    if (!SHA256.test(line)) throw new ConfigError(`${file}:${String(at + 1)}: expected a SHA-256 in hex`);
    digests.add(line.toLowerCase());
  }
  return digests;
}

const SHA256 = /^[0-9A-Fa-f]{64}$/u;
