import { createPublicKey } from "node:crypto";
import type { CryptographyClient, JsonWebKey, KeyClient, KeyClientOptions, KeyVaultKey } from "@azure/keyvault-keys";
import type { SignatureAlgorithm } from "../../../core/certificate/algorithms.ts";
import { encodeEcdsaSignature } from "../remote/ecdsa-signature.ts";
import { importPackage } from "../remote/import-package.ts";
import { KeyFailure } from "../remote/key-failure.ts";
import type { RemoteKey, SignRequest } from "../remote/remote-key.ts";
import { untilAborted } from "../remote/until-aborted.ts";
import { AzureAccess } from "./azure-access.ts";
import type { AzureCredentials } from "./azure-access.ts";
import { azureFailure } from "./azure-failure.ts";
import { judgeAnswers } from "./judge-answers.ts";

/** One version of a key. */
export interface AzureKeyOptions {
  /** URL of a vault, or of a Managed HSM. */
  readonly vault: string;
  readonly key: string;
  readonly version: string;
  readonly credentials: AzureCredentials;
}

/** Names of RFC 7518 §3.1, which the service takes. */
const ALGORITHMS: ReadonlyMap<SignatureAlgorithm, string> = new Map<SignatureAlgorithm, string>([
  ["ecdsa-p256-sha256", "ES256"],
  ["ecdsa-p384-sha384", "ES384"],
  ["ecdsa-p521-sha512", "ES512"],
  ["rsa-pkcs1-sha256", "RS256"],
]);

/**
 * A key version of Azure Key Vault or Managed HSM, over its REST API. The version that an answer names is compared; the
 * service has no checksums. Nothing is asked before the first call.
 *
 * @throws MayflyError SIGNER_PACKAGE_MISSING
 */
export async function openAzureKey(options: AzureKeyOptions, { name }: { readonly name: string }): Promise<RemoteKey> {
  const identity = await importPackage("@azure/identity", () => import("@azure/identity"));
  const { KeyClient: Client } = await importPackage("@azure/keyvault-keys", () => import("@azure/keyvault-keys"));
  const { vault, key, version } = options;
  const id = `${new URL(vault).origin}/keys/${key}/${version}`;
  const access = new AzureAccess(options.credentials, identity);
  let clients: Clients | undefined;
  let isClosed = false;
  return {
    name,
    fetchPublicKey: (signal) =>
      ask(signal, async ({ keys }) => publicKeyOf(await keys.getKey(key, { version, abortSignal: signal }), id)),
    sign: (request, signal) => ask(signal, ({ signer }) => sign(signer, request, signal)),
    renewCredentials: async (signal) => {
      access.forget();
      clients = undefined;
      // The first call of a new client is challenged and gets a token for what it is asked for.
      await ask(signal, ({ keys }) => keys.getKey(key, { version, abortSignal: signal }));
    },
    renewals: () => access.renewals,
    close: () => {
      isClosed = true;
      clients = undefined;
      return Promise.resolve();
    },
  };

  async function ask<T>(signal: AbortSignal, how: (clients: Clients) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (isClosed) throw new KeyFailure("closed", "the key is closed");
    clients ??= makeClients(new Client(vault, access, clientOptions(id)), options);
    try {
      return await untilAborted(how(clients), signal);
    } catch (error) {
      if (signal.aborted) {
        // The library lets all callers wait for one token: one that hangs would be waited for by every later caller.
        access.forget();
        clients = undefined;
        throw signal.reason;
      }
      const failure = azureFailure(error);
      // It remembers until when a key may be used, which can change.
      if (failure.kind === "key-unusable") clients = undefined;
      throw failure;
    }
  }
}

interface Clients {
  readonly keys: KeyClient;
  readonly signer: CryptographyClient;
}

const makeClients = (keys: KeyClient, { key, version }: AzureKeyOptions): Clients => ({
  keys,
  signer: keys.getCryptographyClient(key, { keyVersion: version }),
});

/** Attempts are made by those who call, and redirects are answers: tokens go nowhere else. */
const clientOptions = (id: string): KeyClientOptions => ({
  retryOptions: { maxRetries: 0 },
  redirectOptions: { maxRetries: 0 },
  additionalPolicies: [{ policy: judgeAnswers(id), position: "perCall" }],
});

/** The service gets digests, and never sees what a certificate says. */
async function sign(signer: CryptographyClient, request: SignRequest, signal: AbortSignal): Promise<Uint8Array> {
  const algorithm = ALGORITHMS.get(request.algorithm);
  if (request.kind === "message" || algorithm === undefined) {
    throw new KeyFailure("refused", `the service does not sign with ${request.algorithm}`);
  }
  const { result } = await signer.sign(algorithm, request.digest, { abortSignal: signal });
  if (!((result as unknown) instanceof Uint8Array) || result.length === 0) {
    throw new KeyFailure("wrong-answer", "no signature in the answer");
  }
  return request.algorithm === "rsa-pkcs1-sha256" ? result : encodeEcdsaSignature(result, request.algorithm);
}

function publicKeyOf({ id, key, keyOperations, properties }: KeyVaultKey, pinned: string): Uint8Array {
  if (id !== pinned) throw new KeyFailure("wrong-answer", `an answer about another key than ${pinned}`);
  if (properties.enabled === false) throw new KeyFailure("key-unusable", "this version of the key is disabled");
  if (keyOperations?.includes("sign") === false) throw new KeyFailure("key-unusable", "the key may not sign");
  const members = publicMembers(key ?? {});
  try {
    return createPublicKey({ format: "jwk", key: members }).export({ type: "spki", format: "der" });
  } catch {
    throw new KeyFailure("wrong-answer", "a public key that cannot be read");
  }
}

/** Of types and curves that Mayfly signs with (RFC 7518 §6.2.1, §6.3.1); those of an HSM have a name of their own. */
function publicMembers({ kty, crv, x, y, n, e }: JsonWebKey): Readonly<Record<string, string>> {
  switch (kty) {
    case "EC":
    case "EC-HSM":
      if (crv === "P-256" || crv === "P-384" || crv === "P-521") return { kty: "EC", crv, x: toText(x), y: toText(y) };
      throw new KeyFailure("key-unusable", `Mayfly does not sign with a key of curve ${String(crv)}`);
    case "RSA":
    case "RSA-HSM":
      return { kty: "RSA", n: toText(n), e: toText(e) };
    default:
      throw new KeyFailure("key-unusable", `Mayfly does not sign with a key of type ${String(kty)}`);
  }
}

const toText = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("base64url");
