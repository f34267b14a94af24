import { createPublicKey, sign, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, Server, ServerCredentials, status, type ServiceDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { crc32c } from "../../src/adapters/signers/google-kms/crc32c.ts";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import { makeKeyVersion, type FakeKeyVersion } from "./fake-key-version.ts";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import { asDer, signDigest } from "../support/keys/sign-digest.ts";
import { startFakeGoogleSts, type FakeGoogleSts } from "./fake-google-sts.ts";

/** What is answered with a status of google.rpc.Code. */
const STATUS_FAULTS = {
  cancelled: [status.CANCELLED, "the operation was cancelled"],
  unknown: [status.UNKNOWN, "unknown"],
  "request-damaged": [status.INVALID_ARGUMENT, "The checksum in field digest_crc32c did not match the data"],
  "request-refused": [status.INVALID_ARGUMENT, "Digest does not fit the algorithm"],
  deadline: [status.DEADLINE_EXCEEDED, "Deadline exceeded"],
  "not-found": [status.NOT_FOUND, "CryptoKeyVersion not found"],
  denied: [status.PERMISSION_DENIED, "Permission 'cloudkms.cryptoKeyVersions.useToSign' denied"],
  quota: [status.RESOURCE_EXHAUSTED, "Quota exceeded for quota metric 'Asymmetric cryptographic requests'"],
  disabled: [status.FAILED_PRECONDITION, "CryptoKeyVersion is not enabled, current state is: DISABLED."],
  destroyed: [status.FAILED_PRECONDITION, "CryptoKeyVersion is not enabled, current state is: DESTROYED."],
  aborted: [status.ABORTED, "aborted"],
  "out-of-range": [status.OUT_OF_RANGE, "out of range"],
  unimplemented: [status.UNIMPLEMENTED, "not here"],
  internal: [status.INTERNAL, "Internal error encountered."],
  unavailable: [status.UNAVAILABLE, "The service is currently unavailable."],
  "data-loss": [status.DATA_LOSS, "lost"],
  unauthenticated: [status.UNAUTHENTICATED, "Request had invalid authentication credentials."],
} as const;

/** What the server does instead of what it is asked for. */
export type GoogleFault =
  | keyof typeof STATUS_FAULTS
  | "hang"
  | "garbage"
  | "digest-not-verified"
  | "wrong-signature-crc"
  | "no-signature-crc"
  | "no-signature"
  | "wrong-name"
  | "truncated-on-the-way"
  | "truncated-signature"
  | "other-key"
  | "other-algorithm"
  | "other-message";

const ALGORITHMS: Readonly<Partial<Record<SignatureAlgorithm, string>>> = {
  "ecdsa-p256-sha256": "EC_SIGN_P256_SHA256",
  "ecdsa-p384-sha384": "EC_SIGN_P384_SHA384",
  "rsa-pkcs1-sha256": "RSA_SIGN_PKCS1_3072_SHA256",
  ed25519: "EC_SIGN_ED25519",
};
const HASH: Readonly<Record<string, number>> = { sha256: 32, sha384: 48 };
const FIELD: Readonly<Partial<Record<SignatureAlgorithm, string>>> = {
  "ecdsa-p256-sha256": "sha256",
  "ecdsa-p384-sha384": "sha384",
  "rsa-pkcs1-sha256": "sha256",
};

interface SignRequest {
  readonly name: string;
  readonly digest: Readonly<Record<string, Uint8Array>> | null;
  readonly digestCrc32c: { readonly value: string } | null;
  readonly data: Uint8Array;
  readonly dataCrc32c: { readonly value: string } | null;
}
type Answer = Readonly<Record<string, unknown>>;

class Refusal extends Error {
  readonly code: status;
  readonly retrySeconds: number | undefined;
  constructor(code: status, message: string, retrySeconds?: number) {
    super(message);
    this.code = code;
    this.retrySeconds = retrySeconds;
  }
}

/** Google Cloud KMS of our own: Google's protos over gRPC, real keys, callers that must have a token of its own STS. */
export class FakeGoogleKms {
  readonly sts: FakeGoogleSts;
  readonly counts = { signatures: 0, publicKeys: 0 };
  /** Calls that came, whatever became of them. */
  calls = 0;
  /** How long good answers are kept back. */
  delayMs = 0;
  /** What every key is kept by, as it says. */
  protectionLevel = "SOFTWARE";
  /** Changes what is said of a public key. */
  publicKeyAnswer: (answer: Answer) => Answer = (answer) => answer;
  readonly #folder = mkdtempSync(join(tmpdir(), "mayfly-google-"));
  readonly #versions = new Map<string, FakeKeyVersion>();
  #wanted: { readonly fault: GoogleFault | undefined; readonly keyVersion?: string | undefined } = { fault: undefined };
  #port = 0;
  readonly #server = new Server();

  constructor(sts: FakeGoogleSts) {
    this.sts = sts;
    writeFileSync(join(this.#folder, "subject"), sts.subjectToken);
    this.#server.addService(kmsService(), {
      GetPublicKey: this.#unary((request) => this.#publicKey(request as SignRequest)),
      AsymmetricSign: this.#unary((request) => this.#sign(request as SignRequest)),
    });
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String(this.#port)}`;
  }

  /** Application Default Credentials that it takes. */
  get credentials(): string {
    return this.sts.credentials(join(this.#folder, "subject"));
  }

  secrets = (): readonly string[] => [this.sts.subjectToken, ...this.sts.given];

  async listen(): Promise<void> {
    this.#port = await new Promise((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  /** Name of the first version of the key of an algorithm for some use, which is made if need be. */
  keyVersion(algorithm: SignatureAlgorithm, use = "mayfly"): string {
    const name = versionName(`${use}-${ALGORITHMS[algorithm]!}`, 1);
    if (!this.#versions.has(name)) this.#versions.set(name, makeKeyVersion(algorithm));
    return name;
  }

  rotate(algorithm: SignatureAlgorithm): void {
    const name = versionName(`mayfly-${ALGORITHMS[algorithm]!}`, 2);
    this.#versions.set(name, makeKeyVersion(algorithm));
  }

  /** From now on, of one version or of all; undefined ends it. */
  misbehave(fault: GoogleFault | undefined, keyVersion?: string): void {
    this.#wanted = { fault, keyVersion };
  }

  async close(): Promise<void> {
    this.#server.forceShutdown();
    await this.sts.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #faultFor(name: string): GoogleFault | undefined {
    const { fault, keyVersion } = this.#wanted;
    return keyVersion === undefined || keyVersion === name ? fault : undefined;
  }

  #unary(answer: (request: unknown) => Answer) {
    return (
      call: { readonly request: unknown; readonly metadata: Metadata },
      done: (error: object | null, answer?: Answer) => void,
    ): void => {
      this.calls++;
      try {
        const { name } = call.request as SignRequest;
        this.#authorize(call.metadata, name);
        const fault = this.#faultFor(name);
        if (fault === "hang") return;
        if (fault !== undefined && fault in STATUS_FAULTS) {
          const [code, message] = STATUS_FAULTS[fault as keyof typeof STATUS_FAULTS];
          // Once, as a token that ended a moment ago: the next one is taken.
          if (fault === "unauthenticated") this.#wanted = { fault: undefined };
          throw new Refusal(code, message, fault === "quota" ? 7 : undefined);
        }
        const good = answer(call.request);
        if (this.delayMs === 0) done(null, good);
        else setTimeout(done, this.delayMs, null, good);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        done({ code: error.code, details: error.message, metadata: detailsOf(error) });
      }
    };
  }

  #authorize(metadata: Metadata, name: string): void {
    const token = /^Bearer (?<token>.+)$/u.exec(String(metadata.get("authorization")[0]))?.groups?.["token"];
    if (token === undefined || !this.sts.isValid(token)) {
      throw new Refusal(status.UNAUTHENTICATED, "Request had invalid authentication credentials.");
    }
    // Which front end of Google's answers depends on it.
    if (metadata.get("x-goog-request-params")[0] !== `name=${encodeURIComponent(name)}`) {
      throw new Refusal(status.INVALID_ARGUMENT, "no routing header");
    }
  }

  #version(name: string): FakeKeyVersion {
    const version = this.#versions.get(name);
    if (version === undefined) throw new Refusal(status.NOT_FOUND, `${name} not found.`);
    return version;
  }

  #publicKey({ name }: SignRequest): Answer {
    this.counts.publicKeys++;
    const { algorithm, key } = this.#version(name);
    const pem = createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
    const { protectionLevel } = this;
    const pemCrc32c = { value: String(crc32c(Buffer.from(pem))) };
    return this.publicKeyAnswer({ pem, algorithm: ALGORITHMS[algorithm], pemCrc32c, name, protectionLevel });
  }

  #sign(request: SignRequest): Answer {
    this.counts.signatures++;
    const { name } = request;
    const { algorithm, key, other } = this.#version(name);
    const fault = this.#faultFor(name);
    const signing = signerOf(fault, other) ?? key;
    const signature = fault === "other-message" ? signOther(algorithm, key) : signInput(request, algorithm, signing);
    const whole = {
      signature,
      signatureCrc32c: { value: String(crc32c(signature)) },
      verifiedDigestCrc32c: algorithm !== "ed25519",
      verifiedDataCrc32c: algorithm === "ed25519",
      name,
      protectionLevel: this.protectionLevel,
    };
    return { ...whole, ...damageOf(fault, signature) };
  }
}

/** Starts it on free ports of loopback. */
export async function startFakeGoogleKms(): Promise<FakeGoogleKms> {
  const kms = new FakeGoogleKms(await startFakeGoogleSts());
  await kms.listen();
  return kms;
}

const versionName = (key: string, version: number): string =>
  `projects/p/locations/global/keyRings/r/cryptoKeys/${key}/cryptoKeyVersions/${String(version)}`;

/** Another key than that which was asked for. */
function signerOf(fault: GoogleFault | undefined, other: KeyObject): KeyObject | undefined {
  if (fault === "other-key") return other;
  return fault === "other-algorithm" ? generatePrivateKey("ecdsa-p384-sha384") : undefined;
}

function signOther(algorithm: SignatureAlgorithm, key: KeyObject): Uint8Array {
  if (algorithm === "ed25519") return sign(null, Buffer.from("another"), key);
  return asDer(signDigest(new Uint8Array(HASH[FIELD[algorithm]!]!).fill(7), key), key);
}

/** As strict as the service: what does not fit the algorithm is refused, never reinterpreted. */
function signInput(request: SignRequest, algorithm: SignatureAlgorithm, key: KeyObject): Uint8Array {
  if (algorithm === "ed25519") {
    if (request.digest !== null) throw new Refusal(status.INVALID_ARGUMENT, "this algorithm takes data");
    requireChecksum(request.data, request.dataCrc32c, "data_crc32c");
    return sign(null, request.data, key);
  }
  const field = FIELD[algorithm]!;
  const digest = request.digest?.[field] ?? new Uint8Array();
  if (digest.length !== HASH[field]) throw new Refusal(status.INVALID_ARGUMENT, `no digest of ${field}`);
  requireChecksum(digest, request.digestCrc32c, "digest_crc32c");
  return asDer(signDigest(digest, key), key);
}

function requireChecksum(bytes: Uint8Array, told: { readonly value: string } | null, field: string): void {
  if (told?.value === String(crc32c(bytes))) return;
  throw new Refusal(status.INVALID_ARGUMENT, `The checksum in field ${field} did not match the data in field`);
}

function damageOf(fault: GoogleFault | undefined, signature: Uint8Array): Answer {
  const short = signature.subarray(0, -2);
  switch (fault) {
    case "garbage":
      return { garbage: true };
    case "digest-not-verified":
      return { verifiedDigestCrc32c: false, verifiedDataCrc32c: false };
    case "wrong-signature-crc":
      return { signatureCrc32c: { value: String((crc32c(signature) + 1) % 2 ** 32) } };
    case "no-signature-crc":
      return { signatureCrc32c: null };
    case "no-signature":
      return { signature: new Uint8Array(), signatureCrc32c: { value: "0" } };
    case "wrong-name":
      return { name: versionName("another", 1) };
    case "truncated-on-the-way":
      return { signature: short };
    case "truncated-signature":
      return { signature: short, signatureCrc32c: { value: String(crc32c(short)) } };
    default:
      return {};
  }
}

function detailsOf({ code, message, retrySeconds }: Refusal): Metadata {
  const metadata = new Metadata();
  if (retrySeconds === undefined) return metadata;
  const info = create(RetryInfoSchema, { retryDelay: { seconds: BigInt(retrySeconds), nanos: 500_000_000 } });
  const details = create(StatusSchema, { code, message, details: [anyPack(RetryInfoSchema, info)] });
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, details)));
  return metadata;
}

/** The service as the client's own package describes it. */
function kmsService(): ServiceDefinition {
  const require = createRequire(import.meta.url);
  const json: unknown = require(join(dirname(require.resolve("@google-cloud/kms")), "..", "protos", "protos.json"));
  const definition = fromJSON(json as Parameters<typeof fromJSON>[0], {
    longs: String,
    enums: String,
    defaults: true,
  });
  const service = definition["google.cloud.kms.v1.KeyManagementService"] as ServiceDefinition;
  const sign = service["AsymmetricSign"]!;
  const responseSerialize = (value: Answer): Buffer =>
    "garbage" in value ? Buffer.from("ffffffffffff", "hex") : sign.responseSerialize(value);
  return { ...service, AsymmetricSign: { ...sign, responseSerialize } };
}
