import type { SigningShardConfig } from "../config/log-schema.ts";
import { settingName } from "../config/setting-name.ts";
import type { Signer } from "../ports/signer.ts";
import { openSigner } from "./open-signer.ts";
import { SIGNER_ROLES } from "./signer-roles.ts";
import type { OpenSignerOptions } from "./signer-roles.ts";

/** The keys of a log. */
export interface LogSigners {
  /** P-256: SCTs and tree heads. */
  readonly log: Signer;
  /** Ed25519: checkpoints. */
  readonly checkpoint: Signer;
}

/** Where a shard's keys are, by the names of their settings. */
export type LogSignersConfig = Pick<SigningShardConfig, "signer" | "checkpointSigner" | "place">;

/**
 * Opens the keys of one shard, each after it proved itself.
 *
 * @throws MayflyError `signer_failed` or `signer_unavailable`, naming the setting and the key
 */
export async function openLogSigners(shard: LogSignersConfig, options: OpenSignerOptions): Promise<LogSigners> {
  const setting = (name: "signer" | "checkpointSigner"): string => settingName([...shard.place, name]);
  // One after the other: the key derivation of each file takes its tens of megabytes, which nothing later does.
  const log = await openSigner(shard.signer, { ...SIGNER_ROLES.log, setting: setting("signer") }, options);
  const role = { ...SIGNER_ROLES.checkpoint, setting: setting("checkpointSigner") };
  try {
    return { log, checkpoint: await openSigner(shard.checkpointSigner, role, options) };
  } catch (error) {
    await log.close();
    throw error;
  }
}
