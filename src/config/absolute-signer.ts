import type { SecretConfig } from "./secret-schema.ts";
import type { SignerConfig } from "./signer-schema.ts";

type Absolute = (path: string) => string;

/** A signer whose files are named by absolute paths. */
export function withAbsoluteSigner(from: SignerConfig, absolute: Absolute): SignerConfig {
  return Object.freeze(absoluteSigner(from, absolute));
}

function absoluteSigner(from: SignerConfig, absolute: Absolute): SignerConfig {
  const secret = (place: SecretConfig): SecretConfig =>
    "file" in place ? Object.freeze({ file: absolute(place.file) }) : place;
  switch (from.kind) {
    case "file":
      return { ...from, path: absolute(from.path), passphrase: secret(from.passphrase) };
    case "vault":
      return {
        ...from,
        ...(from.caCertificate === undefined ? {} : { caCertificate: absolute(from.caCertificate) }),
        auth: Object.freeze(absoluteAuth(from.auth, absolute, secret)),
      };
    case "pkcs11":
      return { ...from, module: absolute(from.module), pin: secret(from.pin) };
    case "google-kms":
      return from.credentials === undefined ? from : { ...from, credentials: absolute(from.credentials) };
    case "azure-key-vault":
      return { ...from, auth: Object.freeze(absoluteAzureAuth(from.auth, absolute, secret)) };
    case "memory":
    case "aws-kms":
      return from;
  }
}

type VaultAuth = Extract<SignerConfig, { kind: "vault" }>["auth"];

function absoluteAuth(auth: VaultAuth, absolute: Absolute, secret: (place: SecretConfig) => SecretConfig): VaultAuth {
  switch (auth.kind) {
    case "token":
      return { ...auth, token: secret(auth.token) };
    case "app-role":
      return { ...auth, secretId: secret(auth.secretId) };
    case "kubernetes":
      return { ...auth, tokenFile: absolute(auth.tokenFile) };
  }
}

type AzureAuth = Extract<SignerConfig, { kind: "azure-key-vault" }>["auth"];

function absoluteAzureAuth(
  auth: AzureAuth,
  absolute: Absolute,
  secret: (place: SecretConfig) => SecretConfig,
): AzureAuth {
  switch (auth.kind) {
    case "workload-identity":
      return auth.tokenFile === undefined ? auth : { ...auth, tokenFile: absolute(auth.tokenFile) };
    case "managed-identity":
      return auth;
    case "client-secret":
      return { ...auth, secret: secret(auth.secret) };
  }
}
