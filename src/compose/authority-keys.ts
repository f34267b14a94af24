import { createMemorySigner } from "../adapters/signers/memory.ts";
import type { AuthorityConfig } from "../config/ca-schema.ts";
import { settingName } from "../config/setting-name.ts";
import type { SignerConfig } from "../config/signer-schema.ts";
import type { Signer } from "../ports/signer.ts";
import { makeCaChain } from "./make-ca.ts";
import { openSigner } from "./open-signer.ts";
import { SIGNER_ROLES } from "./signer-roles.ts";
import type { OpenSignerOptions } from "./signer-roles.ts";

/** A key that is open for as long as somebody holds it. */
export interface HeldKey {
  readonly signer: Signer;
  /** Lets go of it, once; the last one who does closes it. Never rejects. */
  readonly release: () => Promise<void>;
}

interface OpenKey {
  readonly signer: Signer;
  /** Chain of a key that is forgotten at exit, PEM. */
  readonly memoryChain: string | undefined;
  holders: number;
}

/** With what the CA's keys are opened. */
export interface AuthorityKeysOptions {
  readonly opening: OpenSignerOptions;
  /** Throws for a key that must not be used here. */
  readonly judge: (signer: Signer) => void;
}

/**
 * The keys of issuing CAs that are open: configurations that follow each other and mean the same key share it, so that a change
 * of something else opens nothing. One opening at a time.
 */
export class AuthorityKeys {
  readonly #options: AuthorityKeysOptions;
  readonly #open = new Map<string, OpenKey>();

  constructor(options: AuthorityKeysOptions) {
    this.#options = options;
  }

  /**
   * Opens a key, or shares it with those who hold it.
   *
   * @throws MayflyError `signer_failed` or `signer_unavailable`, naming the setting and the key
   */
  async hold(
    config: SignerConfig,
    { place }: Pick<AuthorityConfig, "place">,
    nowMs: number,
  ): Promise<HeldKey & Pick<OpenKey, "memoryChain">> {
    const name = JSON.stringify(config);
    const known = this.#open.get(name) ?? (await this.#openKey(config, settingName([...place, "signer"]), nowMs));
    this.#open.set(name, known);
    known.holders++;
    let isHeld = true;
    const release = async (): Promise<void> => {
      if (!isHeld) return;
      isHeld = false;
      if (--known.holders > 0) return;
      this.#open.delete(name);
      await known.signer.close();
    };
    return { signer: known.signer, memoryChain: known.memoryChain, release };
  }

  async #openKey(config: SignerConfig, setting: string, nowMs: number): Promise<OpenKey> {
    const signer = await openSigner(config, { ...SIGNER_ROLES.ca, setting }, this.#options.opening);
    try {
      this.#options.judge(signer);
      const memoryChain = config.kind === "memory" ? await makeMemoryChain(signer, nowMs) : undefined;
      return { signer, memoryChain, holders: 0 };
    } catch (error) {
      await signer.close();
      throw error;
    }
  }
}

function makeMemoryChain(issuing: Signer, nowMs: number): Promise<string> {
  return makeCaChain({ organization: "Mayfly memory", root: createMemorySigner("ecdsa-p384-sha384"), issuing, nowMs });
}
