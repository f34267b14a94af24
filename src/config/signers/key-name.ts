import { posix } from "node:path";
import type { SignerConfig } from "../signer-schema.ts";

/**
 * Which key it is, for operators and to tell two keys apart: the same text for the same key, as far as names tell. No secret
 * is in it.
 *
 * @returns undefined for a key in memory, which is another one at each start
 */
export function keyName(signer: SignerConfig): string | undefined {
  switch (signer.kind) {
    case "memory":
      return undefined;
    case "file":
      return posix.normalize(signer.path);
    case "vault": {
      const { address, namespace, mount, key, version } = signer;
      const where = [...(namespace === undefined ? [] : [namespace]), mount].join("/");
      return `${address.replace(/\/$/u, "")} ${where}/keys/${key} version ${version}`;
    }
    case "aws-kms":
      return [signer.region, signer.key].filter((part) => part !== undefined).join(" ");
    case "google-kms":
      return signer.keyVersion;
    case "azure-key-vault":
      return `${signer.vault.replace(/\/$/u, "")}/keys/${signer.key}/${signer.version}`;
    case "pkcs11": {
      const { token, key } = signer;
      const words = [
        ["token", token.label],
        ["serial", token.serial],
        ["slot", token.slot],
        ["key", key.label],
        ["id", key.id],
      ].filter(([, value]) => value !== undefined);
      return `${signer.module} ${words.flat().join(" ")}`;
    }
  }
}
