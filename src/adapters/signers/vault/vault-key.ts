import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";

import { decodeBase64 } from "../../../core/encoding/base64.ts";
import type { Clock } from "../../../ports/clock.ts";
import { KeyFailure } from "../remote/key-failure.ts";
import type { RemoteKey, SignRequest } from "../remote/remote-key.ts";
import { membersOf, VaultClient } from "./vault-client.ts";
import type { VaultServer } from "./vault-client.ts";
import { VaultSession } from "./vault-session.ts";
import type { VaultCredentials } from "./vault-session.ts";

/** One version of a key of the transit engine. */
export interface VaultKeyOptions extends VaultServer {
  /** Path of the engine. */
  readonly mount: string;
  readonly key: string;
  readonly version: number;
  readonly credentials: VaultCredentials;
}

const HASH = { sha256: "sha2-256", sha384: "sha2-384", sha512: "sha2-512" } as const;

/** Key types that sign as Mayfly does. */
const KEY_TYPES = /^(?:ecdsa-p(?:256|384|521)|rsa-(?:2048|3072|4096)|ed25519)$/u;

/**
 * A key of the transit engine of OpenBao or HashiCorp Vault, over its HTTP API
 * (https://openbao.org/api-docs/secret/transit/). Nothing is asked before the first call.
 */
export function openVaultKey(
  options: VaultKeyOptions,
  { name, clock }: { readonly name: string; readonly clock: Pick<Clock, "monotonic"> },
): RemoteKey {
  const client = new VaultClient(options);
  const session = new VaultSession(client, options.credentials, clock);
  const { mount, key, version } = options;
  return {
    name,
    fetchPublicKey: async (signal) => {
      const call = { method: "GET", path: `${mount}/keys/${key}`, token: await session.token(signal) } as const;
      return publicKeyOf(membersOf((await client.call(call, signal))["data"], "data"), version);
    },
    sign: async (request, signal) => {
      const { path, body } = signCall(request);
      const token = await session.token(signal);
      const call = {
        method: "POST",
        path: `${mount}/sign/${key}${path}`,
        body: { ...body, key_version: version },
        token,
      } as const;
      return signatureOf(membersOf((await client.call(call, signal))["data"], "data"), version);
    },
    renewCredentials: (signal) => session.renew(signal),
    renewals: () => session.renewals,
    close: () => {
      client.close();
      return Promise.resolve();
    },
  };
}

/** Ed25519 takes the message, everything else its digest: the key service never sees what a certificate says. */
function signCall(request: SignRequest): { readonly path: string; readonly body: object } {
  if (request.kind === "message") return { path: "", body: { input: Buffer.from(request.message).toString("base64") } };
  const { algorithm, digest, hash } = request;
  return {
    path: `/${HASH[hash]}`,
    body: {
      input: Buffer.from(digest).toString("base64"),
      prehashed: true,
      ...(algorithm === "rsa-pkcs1-sha256" ? { signature_algorithm: "pkcs1v15" } : { marshaling_algorithm: "asn1" }),
    },
  };
}

/** `vault:vN:` and base64; N says which version signed. */
function signatureOf({ signature }: Readonly<Record<string, unknown>>, version: number): Uint8Array {
  const text = typeof signature === "string" ? signature : "";
  const { signer, base64 } = /^vault:v(?<signer>[0-9]+):(?<base64>.+)$/u.exec(text)?.groups ?? {};
  if (signer === undefined || base64 === undefined) throw new KeyFailure("wrong-answer", "no signature in the answer");
  if (signer !== String(version)) {
    throw new KeyFailure("wrong-answer", `version ${signer} signed, where version ${version} was asked`);
  }
  const bytes = decodeBase64(base64);
  if (bytes === undefined) throw new KeyFailure("wrong-answer", "a signature that is not base64");
  return bytes;
}

function publicKeyOf(data: Readonly<Record<string, unknown>>, version: number): Uint8Array {
  const { type, derived, keys, soft_deleted: isDeleted } = data;
  if (typeof type !== "string") throw new KeyFailure("wrong-answer", "a key without a type");
  if (!KEY_TYPES.test(type)) throw new KeyFailure("key-unusable", `Mayfly does not sign with a key of type ${type}`);
  if (isDeleted === true) throw new KeyFailure("key-unusable", "the key is deleted, and could be restored");
  if (derived === true) throw new KeyFailure("key-unusable", "a derived key is another one for each context");
  const known = membersOf(keys, "keys")[String(version)];
  if (known === undefined) throw new KeyFailure("key-unusable", `the key has no version ${version}`);
  const { public_key: text } = membersOf(known, "the version");
  if (typeof text !== "string") throw new KeyFailure("wrong-answer", "a version without a public key");
  return importPublicKey(text, type).export({ type: "spki", format: "der" });
}

function importPublicKey(text: string, type: string): KeyObject {
  try {
    if (type !== "ed25519") return createPublicKey(text);
    const x = Buffer.from(text, "base64").toString("base64url");
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  } catch {
    throw new KeyFailure("wrong-answer", "a public key that cannot be read");
  }
}
