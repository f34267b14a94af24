import type * as Sdk from "@aws-sdk/client-kms";
import type { SignatureAlgorithm } from "../../../core/certificate/algorithms.ts";
import { importPackage } from "../remote/import-package.ts";
import { KeyFailure } from "../remote/key-failure.ts";
import type { RemoteKey, SignRequest } from "../remote/remote-key.ts";
import { asAwsFailure } from "./aws-failure.ts";
import { SeenCredentials } from "./seen-credentials.ts";
import { untilAborted } from "../remote/until-aborted.ts";

/** One key of AWS KMS, which has one version for ever. */
export interface AwsKmsKeyOptions {
  /** ARN or id; no alias, which can be pointed at another key. */
  readonly key: string;
  readonly region: string;
  /** Other than the region's own. */
  readonly endpoint?: string | undefined;
}

const SPECS = {
  ECC_NIST_P256: "ECDSA_SHA_256",
  ECC_NIST_P384: "ECDSA_SHA_384",
  ECC_NIST_P521: "ECDSA_SHA_512",
  ECC_NIST_EDWARDS25519: "ED25519_SHA_512",
  RSA_2048: "RSASSA_PKCS1_V1_5_SHA_256",
  RSA_3072: "RSASSA_PKCS1_V1_5_SHA_256",
  RSA_4096: "RSASSA_PKCS1_V1_5_SHA_256",
} as const;

/** Key specs that sign as Mayfly does, and the service's name for how. */
const ALGORITHM_OF_SPEC: ReadonlyMap<string, string> = new Map(Object.entries(SPECS));

const ALGORITHMS = {
  "ecdsa-p256-sha256": "ECDSA_SHA_256",
  "ecdsa-p384-sha384": "ECDSA_SHA_384",
  "ecdsa-p521-sha512": "ECDSA_SHA_512",
  "rsa-pkcs1-sha256": "RSASSA_PKCS1_V1_5_SHA_256",
  ed25519: "ED25519_SHA_512",
} as const satisfies Record<SignatureAlgorithm, string>;

/**
 * A key of AWS KMS, over its SDK (https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html), with the credentials
 * that the SDK finds: variables, web identity, a container's, an instance's. Nothing is asked before the first call.
 *
 * @throws MayflyError SIGNER_PACKAGE_MISSING
 */
export async function openAwsKmsKey(
  options: AwsKmsKeyOptions,
  { name }: { readonly name: string },
): Promise<RemoteKey> {
  const sdk = await importPackage("@aws-sdk/client-kms", () => import("@aws-sdk/client-kms"));
  const client = new sdk.KMSClient({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    // Attempts, places and deadlines are those of every key service, which the wrapper knows.
    maxAttempts: 1,
    requestHandler: {
      httpsAgent: { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, minVersion: "TLSv1.2" },
      httpAgent: { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY },
    },
  });
  return new AwsKmsKey(sdk, client, { ...options, name });
}

class AwsKmsKey implements RemoteKey {
  readonly name: string;
  readonly #sdk: Pick<typeof Sdk, "GetPublicKeyCommand" | "SignCommand">;
  readonly #client: Sdk.KMSClient;
  readonly #key: string;
  readonly #credentials: SeenCredentials;
  #isClosed = false;

  constructor(
    sdk: Pick<typeof Sdk, "GetPublicKeyCommand" | "SignCommand">,
    client: Sdk.KMSClient,
    { key, name }: AwsKmsKeyOptions & { readonly name: string },
  ) {
    this.name = name;
    this.#sdk = sdk;
    this.#client = client;
    this.#key = key;
    this.#credentials = new SeenCredentials(client);
  }

  async fetchPublicKey(signal: AbortSignal): Promise<Uint8Array> {
    const command = new this.#sdk.GetPublicKeyCommand({ KeyId: this.#key });
    const answer = await this.#ask(signal, () => this.#client.send(command, { abortSignal: signal }));
    this.#requireOurs(answer.KeyId);
    const { KeyUsage: usage, KeySpec: spec, SigningAlgorithms: algorithms, PublicKey: der } = answer;
    if (usage !== "SIGN_VERIFY") {
      throw new KeyFailure("key-unusable", `the key is for ${usage ?? "nothing"}, not for SIGN_VERIFY`);
    }
    const algorithm = ALGORITHM_OF_SPEC.get(spec ?? "");
    if (algorithm === undefined || algorithms?.some((one) => one === algorithm) !== true) {
      throw new KeyFailure("key-unusable", `Mayfly does not sign with a key of spec ${spec ?? "unknown"}`);
    }
    if (der === undefined) throw new KeyFailure("wrong-answer", "no public key in the answer");
    return der;
  }

  async sign(request: SignRequest, signal: AbortSignal): Promise<Uint8Array> {
    const algorithm = ALGORITHMS[request.algorithm];
    const command = new this.#sdk.SignCommand({
      KeyId: this.#key,
      SigningAlgorithm: algorithm,
      ...(request.kind === "message"
        ? { MessageType: "RAW", Message: request.message }
        : { MessageType: "DIGEST", Message: request.digest }),
    });
    const answer = await this.#ask(signal, () => this.#client.send(command, { abortSignal: signal }));
    this.#requireOurs(answer.KeyId);
    if (answer.SigningAlgorithm !== algorithm) {
      throw new KeyFailure("wrong-answer", `${answer.SigningAlgorithm ?? "nothing"} was used instead of ${algorithm}`);
    }
    if (answer.Signature === undefined) throw new KeyFailure("wrong-answer", "no signature in the answer");
    return answer.Signature;
  }

  async renewCredentials(signal: AbortSignal): Promise<void> {
    await untilAborted(this.#credentials.renew(), signal);
  }

  renewals(): number {
    return this.#credentials.renewals;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#client.destroy();
    return Promise.resolve();
  }

  /** Credentials first, on their own: what is wrong with them is not taken for a fault of the service. */
  async #ask<T>(signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new KeyFailure("closed", "the key is closed");
    await untilAborted(this.#credentials.look(), signal);
    try {
      return await untilAborted(send(), signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : asAwsFailure(error);
    }
  }

  /** The service names the key by its ARN, whatever it was asked by. */
  #requireOurs(arn: string | undefined): void {
    if (arn === this.#key || arn?.split(":key/")[1] === this.#key) return;
    throw new KeyFailure("wrong-answer", `the answer is about ${arn ?? "no key"}`);
  }
}
