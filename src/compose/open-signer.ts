import { openFileSigner } from "../adapters/signers/file.ts";
import { createMemorySigner } from "../adapters/signers/memory.ts";
import { proveSigner } from "../adapters/signers/prove-signer.ts";
import type { SignerConfig } from "../config/signer-schema.ts";
import { keyName } from "../config/signers/key-name.ts";
import { MayflyError } from "../core/errors.ts";
import type { Signer } from "../ports/signer.ts";
import { openRemote } from "./open-remote-signer.ts";
import { readSecret } from "./read-secret.ts";
import type { OpenSignerOptions, SignerRole } from "./signer-roles.ts";

/**
 * Opens a signer and proves that it holds its key.
 *
 * @throws MayflyError `signer_failed` or `signer_unavailable`, naming the setting and the key
 */
export async function openSigner(config: SignerConfig, role: SignerRole, options: OpenSignerOptions): Promise<Signer> {
  try {
    const signer = await open(config, role, options);
    if (role.algorithms.includes(signer.algorithm)) return signer;
    await signer.close();
    throw new MayflyError(
      "SIGNER_KEY_MISMATCH",
      `the key is ${signer.algorithm}; expected ${role.algorithms.join(" or ")}`,
    );
  } catch (cause) {
    if (!(cause instanceof MayflyError)) throw cause;
    const key = keyName(config);
    throw new MayflyError(cause.reason, key === undefined ? role.setting : `${role.setting} ${key}`, { cause });
  }
}

async function open(config: SignerConfig, role: SignerRole, options: OpenSignerOptions): Promise<Signer> {
  switch (config.kind) {
    case "memory":
      return proveSigner(createMemorySigner(role.algorithms[0]), options);
    case "file": {
      const exposedFile = options.development ? "allow" : "refuse";
      const passphrase = readSecret(config.passphrase, options.env, exposedFile);
      return proveSigner(await openFileSigner({ path: config.path, passphrase, exposedFile }), options);
    }
    default:
      return openRemote(config, role, options);
  }
}
