import { openFileSigner } from "../adapters/signers/file.ts";
import { createMemorySigner } from "../adapters/signers/memory.ts";
import { proveSigner } from "../adapters/signers/prove-signer.ts";
import type { SignerConfig } from "../config/signer-schema.ts";
import type { SignatureAlgorithm } from "../core/certificate/algorithms.ts";
import { MayflyError } from "../core/errors.ts";
import type { Signer } from "../ports/signer.ts";
import { readSecret } from "./read-secret.ts";
import type { Environment } from "./read-secret.ts";

/** How signers of one process are opened. */
export interface OpenSignerOptions {
  readonly env: Environment;
  /** Development keys lie in a repository, where every account may read them. */
  readonly development: boolean;
  /** Called when a key of this process signs wrongly: nothing it does can be trusted any more. */
  readonly onMismatch: (error: MayflyError) => void;
}

/** A signer's place in the configuration, and what may stand there. */
export interface SignerRole {
  /** For messages: `ca.signer`. */
  readonly setting: string;
  /** Acceptable algorithms; the first is what a memory signer gets. */
  readonly algorithms: readonly [SignatureAlgorithm, ...SignatureAlgorithm[]];
}

/** The roles of the keys Mayfly holds. */
export const SIGNER_ROLES = {
  ca: {
    setting: "ca.signer",
    algorithms: ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ecdsa-p521-sha512", "rsa-pkcs1-sha256"],
  },
  log: { setting: "log.signer", algorithms: ["ecdsa-p256-sha256"] },
  checkpoint: { setting: "log.checkpointSigner", algorithms: ["ed25519"] },
} as const satisfies Record<string, SignerRole>;

/**
 * Opens a signer and proves that it holds its key.
 *
 * @throws MayflyError `signer_failed`, naming the setting and the file
 */
export async function openSigner(config: SignerConfig, role: SignerRole, options: OpenSignerOptions): Promise<Signer> {
  try {
    const signer = await open(config, role, options);
    if (!role.algorithms.includes(signer.algorithm)) {
      throw new MayflyError(
        "SIGNER_KEY_MISMATCH",
        `the key is ${signer.algorithm}; expected ${role.algorithms.join(" or ")}`,
      );
    }
    return await proveSigner(signer, { onMismatch: options.onMismatch });
  } catch (cause) {
    if (!(cause instanceof MayflyError)) throw cause;
    const file = config.kind === "file" ? ` ${config.path}` : "";
    throw new MayflyError(cause.reason, `${role.setting}${file}`, { cause });
  }
}

function open(config: SignerConfig, role: SignerRole, options: OpenSignerOptions): Promise<Signer> {
  if (config.kind === "memory") return Promise.resolve(createMemorySigner(role.algorithms[0]));
  const exposedFile = options.development ? "allow" : "refuse";
  const passphrase = readSecret(config.passphrase, options.env, exposedFile);
  return openFileSigner({ path: config.path, passphrase, exposedFile });
}
