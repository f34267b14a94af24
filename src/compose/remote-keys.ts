import { readFileSync } from "node:fs";
import type { RemoteKey } from "../adapters/signers/remote/remote-key.ts";
import type { VaultCredentials } from "../adapters/signers/vault/vault-session.ts";
import type { SecretConfig } from "../config/secret-schema.ts";
import { regionOf } from "../config/signers/aws-kms-signer.ts";
import type { RemoteSignerConfig } from "../config/signers/remote-signer.ts";
import { MayflyError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** What a remote key is opened with beside its configuration. */
export interface RemoteKeyContext {
  /** Which key it is, for messages. */
  readonly name: string;
  readonly clock: Pick<Clock, "monotonic">;
  /** Reads a secret from where the configuration says, anew each time. Throws MayflyError SIGNER_KEY_UNREADABLE. */
  readonly readSecret: (from: SecretConfig) => string;
}

/** Opens keys of one kind; nothing is asked of the service yet. */
export type OpenRemoteKey<C extends RemoteSignerConfig = RemoteSignerConfig> = (
  config: C,
  context: RemoteKeyContext,
) => Promise<RemoteKey>;

type VaultConfig = Extract<RemoteSignerConfig, { kind: "vault" }>;

type Openers = { readonly [K in RemoteSignerConfig["kind"]]: OpenRemoteKey<Extract<RemoteSignerConfig, { kind: K }>> };

/** Every kind of remote key. What a service does not use is not loaded: each adapter is imported by the key that needs it. */
export const REMOTE_KEYS: Openers = {
  vault: async ({ caCertificate, auth, ...config }, context) => {
    const { openVaultKey } = await import("../adapters/signers/vault/vault-key.ts");
    const ca = caCertificate === undefined ? undefined : readCertificates(caCertificate);
    return openVaultKey({ ...config, caCertificatePem: ca, credentials: vaultCredentials(auth, context) }, context);
  },
  "aws-kms": async ({ key, region, endpoint }, context) => {
    const { openAwsKmsKey } = await import("../adapters/signers/aws-kms/aws-kms-key.ts");
    return openAwsKmsKey({ key, region: region ?? regionOf(key) ?? "", endpoint }, context);
  },
  "google-kms": notInThisRelease,
  "azure-key-vault": notInThisRelease,
  pkcs11: notInThisRelease,
};

function vaultCredentials(auth: VaultConfig["auth"], { readSecret }: RemoteKeyContext): VaultCredentials {
  switch (auth.kind) {
    case "token":
      return { kind: "token", readToken: () => readSecret(auth.token) };
    case "app-role": {
      const { kind, mount, roleId, secretId } = auth;
      return { kind, mount, roleId, readSecretId: () => readSecret(secretId) };
    }
    case "kubernetes": {
      const { kind, mount, role, tokenFile } = auth;
      return { kind, mount, role, readJwt: () => readServiceAccountToken(tokenFile) };
    }
  }
}

/** Kubernetes hands it to every account of the pod, so its permissions say nothing. */
function readServiceAccountToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new MayflyError("SIGNER_KEY_UNREADABLE", `the service account's token ${file} cannot be read`, { cause });
  }
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new MayflyError("SIGNER_KEY_UNREADABLE", `caCertificate ${file} cannot be read`, { cause });
  }
}

function notInThisRelease({ kind }: RemoteSignerConfig): Promise<never> {
  return Promise.reject(new MayflyError("SIGNER_PACKAGE_MISSING", `this build has no signer of kind ${kind}`));
}
