import { createPublicKey, sign, type KeyObject } from "node:crypto";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import type { RemoteKey, SignRequest } from "../../src/adapters/signers/remote/remote-key.ts";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import { asDer, signDigest } from "../support/keys/sign-digest.ts";

/** Whatever a key service may do instead of what it is asked for. */
export type Answer<T> = (good: T, signal: AbortSignal) => T | Promise<T>;

/** A key in a service that does what a test says. */
export interface FakeRemoteKey extends RemoteKey {
  readonly privateKey: KeyObject;
  /** Answers to the next calls, in order; then good ones. */
  readonly signatures: Answer<Uint8Array>[];
  readonly publicKeys: Answer<Uint8Array>[];
  readonly logins: (() => void | Promise<void>)[];
  /** What happens to every call beyond those. */
  always: Answer<Uint8Array> | undefined;
  readonly counts: {
    sign: number;
    publicKey: number;
    login: number;
    closed: number;
    underWay: number;
    mostUnderWay: number;
  };
  renewed: number;
}

/** Makes a service with one fresh key. */
export function makeFakeRemoteKey(
  algorithm: SignatureAlgorithm = "ecdsa-p256-sha256",
  { canRenew = true }: { readonly canRenew?: boolean } = {},
): FakeRemoteKey {
  const privateKey = generatePrivateKey(algorithm);
  const counts = { sign: 0, publicKey: 0, login: 0, closed: 0, underWay: 0, mostUnderWay: 0 };
  const key: FakeRemoteKey = {
    name: "fake key 1",
    privateKey,
    signatures: [],
    publicKeys: [],
    logins: [],
    always: undefined,
    counts,
    renewed: 0,
    sign: async (request, signal) => {
      counts.sign++;
      counts.underWay++;
      counts.mostUnderWay = Math.max(counts.mostUnderWay, counts.underWay);
      try {
        const good = signAsAsked(request, privateKey);
        return await (key.signatures.shift() ?? key.always ?? ((it) => it))(good, signal);
      } finally {
        counts.underWay--;
      }
    },
    fetchPublicKey: async (signal) => {
      counts.publicKey++;
      return (key.publicKeys.shift() ?? ((it: Uint8Array) => it))(spkiOf(privateKey), signal);
    },
    ...(canRenew
      ? {
          renewCredentials: async () => {
            counts.login++;
            await key.logins.shift()?.();
            key.renewed++;
          },
          renewals: () => key.renewed,
        }
      : {}),
    close: () => {
      counts.closed++;
      return Promise.resolve();
    },
  };
  return key;
}

/** The public half as DER SubjectPublicKeyInfo. */
export function spkiOf(privateKey: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" }));
}

/** What a service answers that does as it is asked. */
export function signAsAsked(request: SignRequest, key: KeyObject): Uint8Array {
  return request.kind === "message" ? sign(null, request.message, key) : asDer(signDigest(request.digest, key), key);
}

/** Never answers, and goes away when nobody waits any more. */
export const hangs: Answer<Uint8Array> = (_, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => {
      reject(new Error("nobody waits any more"));
    });
  });

/** Never answers, whatever its caller does. */
export const hangsForEver: Answer<Uint8Array> = () => new Promise(() => undefined);
