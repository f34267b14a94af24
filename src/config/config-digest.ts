import { createHash } from "node:crypto";
import type { FilesRead } from "./read-settings-file.ts";
import type { Config } from "./schema.ts";

/**
 * SHA-256 of a configuration as it is in force, in lower-case hex: two files that mean the same have the same digest.
 * Defaults are in it, absolute paths, and what provider packs say.
 *
 * @param files what the other files hold that are named in it
 */
export function configDigest(config: Config, files: FilesRead = new Map()): string {
  const digest = createHash("sha256").update(JSON.stringify(config, canonically));
  for (const file of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) digest.update(JSON.stringify(file));
  return digest.digest("hex");
}

/** Objects have no order of members that could mean something; lists and maps keep theirs. */
function canonically(_name: string, value: unknown): unknown {
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
