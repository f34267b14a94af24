import { createRequire } from "node:module";
import { describeCauses, MayflyError } from "../../../core/errors.ts";
import { CallPlaces } from "../remote/call-places.ts";
import { encodeEcdsaSignature } from "../remote/ecdsa-signature.ts";
import { importPackage } from "../remote/import-package.ts";
import { KeyFailure } from "../remote/key-failure.ts";
import type { RemoteKey, SignRequest } from "../remote/remote-key.ts";
import { untilAborted } from "../remote/until-aborted.ts";
import { CKM } from "./cryptoki.ts";
import { digestInfo } from "./digest-info.ts";
import { shareTokenProcess } from "./shared-token-process.ts";
import type { SharedTokenProcess } from "./shared-token-process.ts";
import type { KeyChoice, PublicAttributes, TokenCall, TokenChoice } from "./token-calls.ts";
import { tokenPublicKey } from "./token-public-key.ts";

/** A key in a token behind a PKCS#11 module. */
export interface Pkcs11KeyOptions {
  /** Path of the shared library. */
  readonly module: string;
  readonly token: TokenChoice;
  readonly key: KeyChoice;
  /** Signatures that the token makes at the same time, each in a session of its own. */
  readonly sessions: number;
  /** Read for each login; may throw a MayflyError. */
  readonly readPin: () => string;
}

/**
 * A key in a token (OASIS PKCS #11 v2.40). Its module runs in a process of its own, because it can neither be cut nor be
 * trusted not to crash. Nothing is asked of it before the first call.
 *
 * @throws MayflyError SIGNER_PACKAGE_MISSING
 */
export async function openPkcs11Key(
  options: Pkcs11KeyOptions,
  { name }: { readonly name: string },
): Promise<RemoteKey> {
  // It is loaded by the process only; a package whose build failed has no such file.
  const { resolve } = createRequire(import.meta.url);
  await importPackage("pkcs11js", () => Promise.resolve().then(() => resolve("pkcs11js/build/Release/pkcs11.node")));
  return new Pkcs11Key(options, name);
}

class Pkcs11Key implements RemoteKey {
  readonly name: string;
  readonly #options: Pkcs11KeyOptions;
  readonly #shared: SharedTokenProcess;
  readonly #sessions: CallPlaces;
  #isClosed = false;

  constructor(options: Pkcs11KeyOptions, name: string) {
    this.name = name;
    this.#options = options;
    this.#shared = shareTokenProcess(options.module);
    this.#sessions = new CallPlaces(options.sessions);
  }

  async fetchPublicKey(signal: AbortSignal): Promise<Uint8Array> {
    const { token, key } = this.#options;
    const attributes = await this.#call({ kind: "public-key", token, key }, signal);
    if (attributes === undefined || attributes instanceof Uint8Array) {
      throw new KeyFailure("wrong-answer", "no attributes of a key");
    }
    return tokenPublicKey(attributes);
  }

  async sign(request: SignRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { token, key } = this.#options;
    const signature = await this.#call({ kind: "sign", token, key, ...operationFor(request) }, signal);
    if (!(signature instanceof Uint8Array)) throw new KeyFailure("wrong-answer", "no signature");
    const isEcdsa = request.algorithm !== "ed25519" && request.algorithm !== "rsa-pkcs1-sha256";
    return isEcdsa ? encodeEcdsaSignature(signature, request.algorithm) : signature;
  }

  renewals(): number {
    return this.#shared.process.renewals;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#shared.release();
  }

  /** A call that nobody waits for any more keeps its session until the module comes back. */
  async #call(
    call: Exclude<TokenCall, { kind: "log-in" }>,
    signal: AbortSignal,
  ): Promise<Uint8Array | PublicAttributes | undefined> {
    await this.#sessions.enter(signal);
    if (this.#isClosed) {
      this.#sessions.leave();
      throw new KeyFailure("closed", "the key is closed");
    }
    const { process } = this.#shared;
    const answer = process.call(call, () => read(this.#options.readPin));
    const leave = (): void => {
      this.#sessions.leave();
    };
    answer.then(leave, leave);
    try {
      return await untilAborted(answer, signal);
    } finally {
      if (signal.aborted) process.giveUp(answer);
    }
  }
}

function operationFor(request: SignRequest): { readonly mechanism: number; readonly data: Uint8Array } {
  switch (request.algorithm) {
    case "ed25519":
      return { mechanism: CKM.EDDSA, data: request.message };
    case "rsa-pkcs1-sha256":
      return { mechanism: CKM.RSA_PKCS, data: digestInfo(request.digest) };
    default:
      return { mechanism: CKM.ECDSA, data: request.digest };
  }
}

/** A PIN from where it is kept. */
function read(pin: () => string): string {
  try {
    return pin();
  } catch (error) {
    if (error instanceof MayflyError) throw new KeyFailure("denied", describeCauses(error));
    throw error;
  }
}
