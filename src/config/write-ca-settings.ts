import { stringify } from "yaml";
import type { CeremonyLog } from "./ceremony.ts";
import type { SignerConfig } from "./signer-schema.ts";

/** What a ceremony contributes to a configuration. */
export interface CaSettings {
  /** Path of the chain file. */
  readonly chain: string;
  readonly signer: SignerConfig;
  readonly log: CeremonyLog | undefined;
  readonly publicUrl: string | undefined;
}

/** The piece of a configuration file that uses a new CA, as YAML; no secret is in it. */
export function writeCaSettings({ chain, signer, log, publicUrl }: CaSettings): string {
  const settings = {
    ca: { chain, signer },
    ...(log === undefined ? {} : { log }),
    ...(publicUrl === undefined ? {} : { trust: { publicUrl } }),
  };
  const comment =
    "# The piece of a configuration that uses this CA: put it into mayfly.yaml, then mayfly ca check --config mayfly.yaml.\n";
  return comment + stringify(settings, { lineWidth: 0 });
}
