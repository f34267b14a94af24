import { hash } from "node:crypto";
import type { Ceremony, CeremonyAuthority } from "../../config/ceremony.ts";
import { settingName } from "../../config/setting-name.ts";
import { MayflyError } from "../../core/errors.ts";
import type { Signer } from "../../ports/signer.ts";
import { developmentKeyFingerprints } from "../development-keys.ts";
import { openLogSigners } from "../open-log-signers.ts";
import type { LogSigners } from "../open-log-signers.ts";
import { openSigner } from "../open-signer.ts";
import type { Environment } from "../read-secret.ts";
import { SIGNER_ROLES } from "../signer-roles.ts";
import type { OpenSignerOptions } from "../signer-roles.ts";

/** An authority with its key. */
export interface KeyedAuthority extends CeremonyAuthority {
  readonly key: Signer;
  /** Hex SHA-256 of the key's SubjectPublicKeyInfo. */
  readonly keySha256: string;
}

/** The keys of a ceremony, all of them different. */
export interface CeremonyKeys {
  /** The root first. */
  readonly authorities: readonly KeyedAuthority[];
  readonly log: LogSigners | undefined;
  readonly close: () => Promise<void>;
}

/** Hex SHA-256 of a SubjectPublicKeyInfo: what people compare. */
export const fingerprintOf = (spki: Uint8Array): string => hash("sha256", spki, "hex");

/**
 * Opens every key of a ceremony; each proves that it signs.
 *
 * @throws MayflyError `signer_failed` or `signer_unavailable`, naming the setting; also for a development key, and for one key
 *   that stands in two places
 */
export async function openCeremonyKeys({ authorities, log }: Ceremony, env: Environment): Promise<CeremonyKeys> {
  const options: OpenSignerOptions = { env, development: false, onMismatch: fail };
  const opened: Signer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((signer) => signer.close()));
  };
  try {
    const keyed: KeyedAuthority[] = [];
    // One after the other: each key file takes its tens of megabytes while it is opened.
    for (const authority of authorities) {
      const role = { ...SIGNER_ROLES.ca, setting: settingName([authority.name, "signer"]) };
      const key = await openSigner(authority.signer, role, options);
      opened.push(key);
      keyed.push({ ...authority, key, keySha256: fingerprintOf(key.publicKey) });
    }
    const logKeys = log && (await openLogSigners({ ...log, place: ["log"] }, options));
    if (logKeys !== undefined) opened.push(logKeys.log, logKeys.checkpoint);
    requireOwnKeys(opened);
    return { authorities: keyed, log: logKeys, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Two names of one key are found by the key. */
function requireOwnKeys(signers: readonly Signer[]): void {
  const fingerprints = signers.map(({ publicKey }) => fingerprintOf(publicKey));
  const development = developmentKeyFingerprints();
  if (fingerprints.some((fingerprint) => development.has(fingerprint))) {
    throw new MayflyError("SIGNER_REFUSED", "one of these keys is a development key, whose private half everybody has");
  }
  if (new Set(fingerprints).size !== fingerprints.length) {
    throw new MayflyError("SIGNER_REFUSED", "one key stands in two places of the ceremony: each has a key of its own");
  }
}

/** A key that signs wrongly while it is used: the command fails with it. */
function fail(error: MayflyError): never {
  throw error;
}
