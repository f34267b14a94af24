import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Config } from "../config/schema.ts";
import { MayflyError } from "../core/errors.ts";
import type { Signer } from "../ports/signer.ts";

/** The list lies in the package, two folders up both from `src/` and from `dist/`. */
const FINGERPRINTS = new URL("../../keys-dev/fingerprints.json", import.meta.url);

/** SHA-256 of the SubjectPublicKeyInfo of every development key, lower-case hex. Their private keys are public. */
export function developmentKeyFingerprints(): ReadonlySet<string> {
  const list: unknown = JSON.parse(readFileSync(FINGERPRINTS, "utf8"));
  if (typeof list !== "object" || list === null) throw new TypeError("keys-dev/fingerprints.json is not an object");
  return new Set(Object.values(list).map(String));
}

/**
 * Refuses the keys of the repository's `keys-dev/` outside development: anyone can sign with them.
 *
 * @throws MayflyError `signer_failed` (SIGNER_REFUSED)
 */
export function refuseDevelopmentKeys(config: Config, signers: readonly Signer[]): void {
  if (config.environment === "development") return;
  const known = developmentKeyFingerprints();
  for (const { publicKey } of signers) {
    if (known.has(hash("sha256", publicKey, "hex"))) {
      throw new MayflyError(
        "SIGNER_REFUSED",
        "this key is one of Mayfly's development keys, whose private half everybody has; it needs environment: development",
      );
    }
  }
}
