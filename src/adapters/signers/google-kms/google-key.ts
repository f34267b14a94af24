import { createPublicKey } from "node:crypto";
import type { KeyManagementServiceClient, protos } from "@google-cloud/kms";
import { importPackage } from "../remote/import-package.ts";
import { KeyFailure } from "../remote/key-failure.ts";
import type { RemoteKey, SignRequest } from "../remote/remote-key.ts";
import { crc32c } from "./crc32c.ts";
import { GoogleAccess } from "./google-access.ts";
import { GoogleConnection } from "./google-connection.ts";

/** Protection levels as the configuration and as the service name them. */
const PROTECTION_LEVELS = {
  software: "SOFTWARE",
  hsm: "HSM",
  "hsm-single-tenant": "HSM_SINGLE_TENANT",
  external: "EXTERNAL",
  "external-vpc": "EXTERNAL_VPC",
} as const;

type SignFields = Pick<
  protos.google.cloud.kms.v1.IAsymmetricSignRequest,
  "digest" | "digestCrc32c" | "data" | "dataCrc32c"
>;
type SignAnswer = protos.google.cloud.kms.v1.IAsymmetricSignResponse;
type PublicKeyAnswer = protos.google.cloud.kms.v1.IPublicKey;

/** What of gax's CallOptions a call is made with: one attempt, which the service knows the deadline of. */
interface CallSettings {
  readonly retry: null;
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly otherArgs: { readonly headers: Readonly<Record<string, string>> };
}

/** Of gRPC: an outage lasts no longer than it does, and a client that takes the place of another has a connection of its own. */
const CONNECTION = { "grpc.max_reconnect_backoff_ms": 2_000, "grpc.use_local_subchannel_pool": 1 };

/** One version of a key. */
export interface GoogleKeyOptions {
  /** `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N`. */
  readonly keyVersion: string;
  /** Base URL; Google's own when left out. */
  readonly endpoint?: string | undefined;
  /** Reads Application Default Credentials, JSON, for each login; they are found as Google's libraries do when left out. */
  readonly readCredentials?: (() => string) | undefined;
  /** What must keep the key; any when left out. */
  readonly protectionLevel?: keyof typeof PROTECTION_LEVELS | undefined;
  /** Longest wait for one answer, milliseconds: the service is told. */
  readonly attemptMs: number;
}

/** Algorithms of the service that sign as Mayfly does (CryptoKeyVersionAlgorithm). */
const ALGORITHMS =
  /^(?:EC_SIGN_P256_SHA256|EC_SIGN_P384_SHA384|EC_SIGN_ED25519|RSA_SIGN_PKCS1_(?:2048|3072|4096)_SHA256)$/u;

/**
 * A key version of Google Cloud KMS, over gRPC. Checksums are sent and checked both ways, and the version that an answer
 * names is compared (https://cloud.google.com/kms/docs/data-integrity-guidelines). Nothing is asked before the first call.
 *
 * @throws MayflyError SIGNER_PACKAGE_MISSING
 */
export async function openGoogleKey(
  options: GoogleKeyOptions,
  { name }: { readonly name: string },
): Promise<RemoteKey> {
  const library = await importPackage("google-auth-library", () => import("google-auth-library"));
  const kms = await importPackage("@google-cloud/kms", () => import("@google-cloud/kms"));
  const { credentials } = await importPackage("@grpc/grpc-js", () => import("@grpc/grpc-js"));
  const url = options.endpoint === undefined ? undefined : new URL(options.endpoint);
  const connect = (): KeyManagementServiceClient =>
    new kms.KeyManagementServiceClient({
      fallback: false,
      // Tokens are sent by GoogleAccess: what the client would do has no deadline, and its first failure would last for ever.
      authClient: new library.PassThroughClient(),
      universeDomain: "googleapis.com",
      sslCreds: url?.protocol === "http:" ? credentials.createInsecure() : credentials.createSsl(),
      ...CONNECTION,
      ...(url === undefined ? {} : { apiEndpoint: url.hostname, port: portOf(url) }),
    });
  const connection = new GoogleConnection(connect);
  const access = new GoogleAccess({ readCredentials: options.readCredentials, library });
  return {
    name,
    fetchPublicKey: async (signal) => {
      const answer = await call(signal, (client, how) => client.getPublicKey({ name: options.keyVersion }, how));
      return publicKeyOf(answer, options);
    },
    sign: async (request, signal) => {
      const asked = { name: options.keyVersion, ...signFields(request) };
      const answer = await call(signal, (client, how) => client.asymmetricSign(asked, how));
      return signatureOf(answer, request, options);
    },
    renewCredentials: (signal) => access.renew(signal),
    renewals: () => access.renewals,
    close: () => connection.close(),
  };

  async function call<T>(
    signal: AbortSignal,
    ask: (client: KeyManagementServiceClient, how: CallSettings) => Promise<[T, ...unknown[]]>,
  ): Promise<T> {
    const token = await access.token(signal);
    const how: CallSettings = {
      retry: null,
      timeout: options.attemptMs,
      signal,
      otherArgs: { headers: { authorization: `Bearer ${token}` } },
    };
    const [answer] = await connection.call((client) => ask(client, how), signal);
    return answer;
  }
}

const portOf = ({ port, protocol }: URL): number => (port === "" ? (protocol === "http:" ? 80 : 443) : Number(port));

/** Ed25519 takes the message, everything else its digest: the service never sees what a certificate says. */
function signFields(request: SignRequest): SignFields {
  if (request.kind === "message") {
    return { data: request.message, dataCrc32c: { value: crc32c(request.message) } };
  }
  return { digest: { [request.hash]: request.digest }, digestCrc32c: { value: crc32c(request.digest) } };
}

function signatureOf(answer: SignAnswer, { kind }: SignRequest, options: GoogleKeyOptions): Uint8Array {
  const { signature, signatureCrc32c, verifiedDigestCrc32c, verifiedDataCrc32c } = answer;
  requireVersion(answer, options);
  if ((kind === "digest" ? verifiedDigestCrc32c : verifiedDataCrc32c) !== true) {
    throw new KeyFailure("wrong-answer", "the service has not verified the checksum of what it signed");
  }
  if (!(signature instanceof Uint8Array) || signature.length === 0) {
    throw new KeyFailure("wrong-answer", "no signature in the answer");
  }
  requireChecksum(signature, signatureCrc32c, "signature");
  return signature;
}

function publicKeyOf(answer: PublicKeyAnswer, options: GoogleKeyOptions): Uint8Array {
  const { pem, pemCrc32c, algorithm } = answer;
  requireVersion(answer, options);
  if (typeof algorithm !== "string" || !ALGORITHMS.test(algorithm)) {
    throw new KeyFailure("key-unusable", `Mayfly does not sign with a key of algorithm ${String(algorithm)}`);
  }
  if (typeof pem !== "string" || pem === "") throw new KeyFailure("wrong-answer", "no public key in the answer");
  requireChecksum(Buffer.from(pem), pemCrc32c, "public key");
  try {
    return createPublicKey(pem).export({ type: "spki", format: "der" });
  } catch {
    throw new KeyFailure("wrong-answer", "a public key that cannot be read");
  }
}

/** Another version may be another key, and another level is not what the operator relies on. */
function requireVersion(answer: SignAnswer | PublicKeyAnswer, { keyVersion, protectionLevel }: GoogleKeyOptions): void {
  if (answer.name !== keyVersion) {
    throw new KeyFailure("wrong-answer", `an answer about ${answer.name || "no key"}, where ${keyVersion} was asked`);
  }
  if (protectionLevel !== undefined && answer.protectionLevel !== PROTECTION_LEVELS[protectionLevel]) {
    throw new KeyFailure("key-unusable", `its protection level is ${String(answer.protectionLevel)}`);
  }
}

function requireChecksum(bytes: Uint8Array, told: PublicKeyAnswer["pemCrc32c"], what: string): void {
  const value = told?.value;
  if (value === undefined || value === null || String(value) !== String(crc32c(bytes))) {
    throw new KeyFailure("wrong-answer", `the ${what} does not have the checksum that came with it`);
  }
}
