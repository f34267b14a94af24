import { KeyFailure } from "../remote/key-failure.ts";
import type { KeyFailureKind } from "../remote/key-failure.ts";

/** What the service's names for its errors mean: those of Sign, GetPublicKey and of every AWS API. */
const KINDS: ReadonlyMap<string, KeyFailureKind> = new Map<string, KeyFailureKind>([
  ["NotFoundException", "key-unusable"],
  ["DisabledException", "key-unusable"],
  ["KMSInvalidStateException", "key-unusable"],
  ["InvalidKeyUsageException", "key-unusable"],
  ["InvalidArnException", "key-unusable"],
  ["UnsupportedOperationException", "key-unusable"],
  ["KeyUnavailableException", "unavailable"],
  ["DependencyTimeoutException", "unavailable"],
  ["KMSInternalException", "unavailable"],
  ["InternalFailure", "unavailable"],
  ["ServiceUnavailable", "unavailable"],
  ["ThrottlingException", "quota"],
  ["Throttling", "quota"],
  ["LimitExceededException", "quota"],
  ["RequestLimitExceeded", "quota"],
  ["TooManyRequestsException", "quota"],
  ["AccessDeniedException", "denied"],
  ["AccessDenied", "denied"],
  ["NotAuthorized", "denied"],
  ["OptInRequired", "denied"],
  ["ExpiredTokenException", "credentials"],
  ["ExpiredToken", "credentials"],
  ["RequestExpired", "credentials"],
  ["IncompleteSignature", "credentials"],
  ["InvalidClientTokenId", "credentials"],
  // A clock that is wrong ends so as well; the SDK corrects for it before the next attempt.
  ["InvalidSignatureException", "credentials"],
  ["SignatureDoesNotMatch", "credentials"],
  ["MissingAuthenticationTokenException", "credentials"],
  ["MissingAuthenticationToken", "credentials"],
  ["UnrecognizedClientException", "credentials"],
]);

/** What a status says of an error that has no name we know. */
const KINDS_OF_STATUS: ReadonlyMap<number, KeyFailureKind> = new Map<number, KeyFailureKind>([
  [401, "credentials"],
  [403, "denied"],
  [429, "quota"],
]);

/** What Node.js calls connections that fail; a certificate that does not fit is one of them. */
const NETWORK = /^(?:E[A-Z_]+|CERT_[A-Z_]+|DEPTH_ZERO_[A-Z_]+|SELF_SIGNED_[A-Z_]+|UNABLE_TO_[A-Z_]+)$/u;

interface AwsError {
  readonly name: string;
  readonly code: string | undefined;
  /** What the SDK did not take for an error, and wrapped: whatever the transport threw. */
  readonly isForeign: boolean;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
}

/** The failure that an error of the SDK is. Only names leave it: messages quote requests and signatures. */
export function asAwsFailure(error: unknown): KeyFailure {
  if (error instanceof KeyFailure) return error;
  const told = readError(error);
  const { name, code, status, retryAfterMs } = told;
  const what = [name, code, status === undefined ? undefined : `status ${status}`].filter((part) => part !== undefined);
  return new KeyFailure(kindOf(told), what.join(", "), { retryAfterMs });
}

/**
 * The failure that credentials are which cannot be had. An identity service that is away may be back, one that refuses is
 * asked no more often than a login.
 */
export function asCredentialsFailure(error: unknown): KeyFailure {
  const { kind, message, retryAfterMs } = asAwsFailure(error);
  const passes = kind === "unavailable" || kind === "quota";
  return new KeyFailure(passes ? kind : "denied", `no credentials: ${message}`, { retryAfterMs });
}

function kindOf({ name, code, status, isForeign }: AwsError): KeyFailureKind {
  if (isForeign || ["TimeoutError", "AbortError"].includes(name) || NETWORK.test(code ?? "")) return "unavailable";
  if (status === undefined) return KINDS.get(name) ?? "refused";
  // A page of something in between is no JSON either, and its status says what it is.
  return status >= 200 && status < 300 ? "wrong-answer" : (KINDS.get(name) ?? kindOfStatus(status));
}

function kindOfStatus(status: number): KeyFailureKind {
  const kind = KINDS_OF_STATUS.get(status);
  if (kind !== undefined) return kind;
  // Redirects are not followed.
  return status >= 400 && status < 500 ? "refused" : "unavailable";
}

function readError(error: unknown): AwsError {
  // What the SDK adds to an error that it did not expect cannot be enumerated.
  const response = memberOf(error, "$response");
  const status = memberOf(memberOf(error, "$metadata"), "httpStatusCode") ?? memberOf(response, "statusCode");
  const code = memberOf(error, "code");
  const retryAfter = memberOf(memberOf(response, "headers"), "retry-after");
  const isSeconds = typeof retryAfter === "string" && /^[0-9]{1,6}$/u.test(retryAfter);
  return {
    name: Error.isError(error) ? error.name : "an unknown error",
    code: typeof code === "string" ? code : undefined,
    isForeign: Error.isError(error) && error.message.startsWith("AWS SDK error wrapper for "),
    status: typeof status === "number" ? status : undefined,
    retryAfterMs: isSeconds ? Number(retryAfter) * 1_000 : undefined,
  };
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
