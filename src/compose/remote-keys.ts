import { readFileSync } from "node:fs";
import type { AzureCredentials } from "../adapters/signers/azure-key-vault/azure-access.ts";
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
    const ca = caCertificate === undefined ? undefined : readText(caCertificate, "caCertificate");
    return openVaultKey({ ...config, caCertificatePem: ca, credentials: vaultCredentials(auth, context) }, context);
  },
  "aws-kms": async ({ key, region, endpoint }, context) => {
    const { openAwsKmsKey } = await import("../adapters/signers/aws-kms/aws-kms-key.ts");
    return openAwsKmsKey({ key, region: region ?? regionOf(key) ?? "", endpoint }, context);
  },
  "google-kms": async ({ attemptSeconds, credentials, ...config }, context) => {
    const { openGoogleKey } = await import("../adapters/signers/google-kms/google-key.ts");
    const readCredentials =
      credentials === undefined ? undefined : () => readGoogleCredentials(credentials, context.readSecret);
    return openGoogleKey({ ...config, readCredentials, attemptMs: attemptSeconds * 1_000 }, context);
  },
  "azure-key-vault": async ({ auth, ...config }, { name, readSecret }) => {
    const { openAzureKey } = await import("../adapters/signers/azure-key-vault/azure-key.ts");
    const credentials: AzureCredentials =
      auth.kind === "client-secret" ? { ...auth, readSecret: () => readSecret(auth.secret) } : auth;
    return openAzureKey({ ...config, credentials }, { name });
  },
  pkcs11: async ({ pin, ...config }, context) => {
    const { openPkcs11Key } = await import("../adapters/signers/pkcs11/pkcs11-key.ts");
    return openPkcs11Key({ ...config, readPin: () => context.readSecret(pin) }, context);
  },
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

/** Those of a workload identity name where a token is found, and are no secret; those with a key of their own are. */
function readGoogleCredentials(file: string, readSecret: RemoteKeyContext["readSecret"]): string {
  const text = readText(file, "credentials");
  return /"(?:private_key|client_secret|refresh_token)"/u.test(text) ? readSecret({ file }) : text;
}

/** Kubernetes hands it to every account of the pod, so its permissions say nothing. */
function readServiceAccountToken(file: string): string {
  return readText(file, "the service account's token").trim();
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new MayflyError("SIGNER_KEY_UNREADABLE", `${what} ${file} cannot be read`, { cause });
  }
}
