import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { encryptKeyFile } from "../adapters/signers/file.ts";
import { makeKeyObjectSigner } from "../adapters/signers/key-object-signer.ts";
import { generatePrivateKey } from "../adapters/signers/memory.ts";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { MayflyError } from "../core/errors.ts";
import type { SecretConfig } from "../config/secret-schema.ts";
import { makeCaChain } from "./make-ca.ts";
import { readSecret } from "./read-secret.ts";
import type { Environment } from "./read-secret.ts";
import { writeNewFile } from "./write-new-file.ts";

/** What `mayfly ca create` was asked for. */
export interface CreateCaOptions {
  readonly directory: string;
  readonly organization: string;
  readonly passphrase: SecretConfig;
  readonly env: Environment;
}

/**
 * Makes a root (P-384) and an issuing CA (P-256) in new encrypted key files, and their chain.
 *
 * @returns the files written
 * @throws MayflyError when the passphrase cannot be read, its file is open to other accounts, or a file exists
 */
export async function createCa(options: CreateCaOptions): Promise<readonly string[]> {
  const passphrase = readSecret(options.passphrase, options.env, "refuse");
  const rootKey = generatePrivateKey("ecdsa-p384-sha384");
  const issuingKey = generatePrivateKey("ecdsa-p256-sha256");
  const chain = await makeCaChain({
    organization: options.organization,
    root: makeKeyObjectSigner(rootKey),
    issuing: makeKeyObjectSigner(issuingKey),
    nowMs: systemClock.now(),
  });
  const files = [
    { name: "root.json", text: await encryptKeyFile(rootKey, passphrase) },
    { name: "issuing.json", text: await encryptKeyFile(issuingKey, passphrase) },
    { name: "chain.pem", text: chain },
  ];
  mkdirSync(options.directory, { recursive: true });
  const taken = files.find(({ name }) => existsSync(join(options.directory, name)));
  if (taken !== undefined) {
    throw new MayflyError("FILE_NOT_WRITTEN", `${join(options.directory, taken.name)} exists; nothing was written`);
  }
  return files.map(({ name, text }) => {
    const file = join(options.directory, name);
    writeNewFile(file, text);
    return file;
  });
}
