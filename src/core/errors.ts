/**
 * Every reason Mayfly refuses or fails for, under the code that decides how it is answered (`wire/errors.ts` holds that
 * table). A reason belongs to exactly one code, so naming the reason is enough. Callers see both: the names are stable.
 */
export const REASONS = {
  malformed_request: [
    "BODY_INCOMPLETE",
    "BODY_NOT_JSON",
    "BODY_NOT_UTF8",
    "CERTIFICATE_UNREADABLE",
    "CONTROL_CHARACTER",
    "DUPLICATE_MEMBER",
    "EXPECTATION_FAILED",
    "FIELD_TOO_LONG",
    "HEADERS_TOO_LARGE",
    "HTTP_MALFORMED",
    "INVALID_BASE64",
    "JSON_TOO_COMPLEX",
    "MESSAGE_MALFORMED",
    "NOT_PUBLISHED",
    "ONEOF_CONFLICT",
    "PARAMETER_INVALID",
    "REQUEST_TIMEOUT",
    "UNSUPPORTED_MEDIA_TYPE",
    "WRONG_TYPE",
  ],
  invalid_public_key: [
    "KEY_MISSING",
    "KEY_NOT_CANONICAL_DER",
    "KEY_NOT_PEM",
    "KEY_POINT_INVALID",
    "KEY_TOO_LONG",
    "KEY_WRONG_PEM_TYPE",
  ],
  invalid_csr: ["CSR_MALFORMED", "CSR_NOT_PEM", "CSR_TOO_LONG", "CSR_WRONG_PEM_TYPE"],
  insecure_key: [
    "ED25519_WEAK_POINT",
    "KEY_BLOCKED",
    "KEY_IS_OURS",
    "KEY_TYPE_UNSUPPORTED",
    "RSA_EXPONENT",
    "RSA_FACTORS_TOO_CLOSE",
    "RSA_ROCA",
    "RSA_SIZE",
    "RSA_SMALL_FACTOR",
  ],
  invalid_proof: ["CSR_SIGNATURE_INVALID", "KEY_PROOF_REQUIRED", "PROOF_INVALID", "PROOF_MISSING"],
  algorithm_not_permitted: ["ALGORITHM_NOT_PERMITTED", "CSR_ALGORITHM_UNRECOGNIZED"],
  invalid_token: [
    "AUDIENCE_AMBIGUOUS",
    "TOKEN_ALGORITHM",
    "TOKEN_AUTHORIZED_PARTY",
    "TOKEN_CLAIM_INVALID",
    "TOKEN_CLAIM_MISSING",
    "TOKEN_EMAIL_INVALID",
    "TOKEN_EMAIL_UNVERIFIED",
    "TOKEN_EXPIRED",
    "TOKEN_HEADER_INVALID",
    "TOKEN_ISSUED_IN_FUTURE",
    "TOKEN_KEY_UNKNOWN",
    "TOKEN_LIFETIME_TOO_LONG",
    "TOKEN_MALFORMED",
    "TOKEN_MISSING",
    "TOKEN_NOT_YET_VALID",
    "TOKEN_SIGNATURE_INVALID",
    "TOKEN_TOO_LONG",
    "TOKEN_TYPE",
    "TOKEN_USED",
    "WRONG_AUDIENCE",
  ],
  untrusted_issuer: ["ISSUER_INVALID", "ISSUER_UNKNOWN"],
  policy_denied: [
    "CLAIM_RULE_DENIED",
    "CLAIM_RULE_NO_MATCH",
    "EMAIL_DOMAIN_NOT_ALLOWED",
    "EXTENSIONS_TOO_LONG",
    "SAN_NOT_PERMITTED",
  ],
  not_found: ["NO_SUCH_ENTRY", "NO_SUCH_PATH", "NO_SUCH_SERVICE", "NO_SUCH_TILE"],
  method_not_allowed: ["ENCODING_UNSUPPORTED", "METHOD_NOT_ALLOWED"],
  too_large: ["BODY_TOO_LARGE"],
  rate_limited: [
    "RATE_LIMITED_FAILED_TOKENS",
    "RATE_LIMITED_ISSUER",
    "RATE_LIMITED_READS",
    "RATE_LIMITED_SIGNING",
    "RATE_LIMITED_SUBJECT",
  ],
  overloaded: [
    "AUDIT_QUEUE_FULL",
    "DEADLINE_EXCEEDED",
    "ISSUANCE_PAUSED",
    "QUEUE_WAIT_TOO_LONG",
    "SHUTTING_DOWN",
    "TOO_MANY_REQUESTS_IN_FLIGHT",
    "USED_TOKENS_FULL",
  ],
  canceled: ["CALLER_DEADLINE", "CALLER_GONE"],
  profile_violation: ["CA_EXPIRED", "CHAIN_INVALID", "CORRESPONDENCE", "LINT", "SCT_OUTSIDE_VALIDITY"],
  signer_failed: [
    "SIGNATURE_INVALID",
    "SIGNER_ANSWER_INVALID",
    "SIGNER_DENIED",
    "SIGNER_KEY_MISMATCH",
    "SIGNER_KEY_UNREADABLE",
    "SIGNER_KEY_UNUSABLE",
    "SIGNER_PACKAGE_MISSING",
    "SIGNER_REFUSED",
  ],
  log_failed: [
    "CHECKPOINT_INVALID",
    "ENTRY_INVALID",
    "EXPORT_CONFLICT",
    "LOG_CORRUPT",
    "LOG_FORKED",
    "LOG_FROZEN",
    "LOG_MISSING",
    "LOG_OUTCOME_UNKNOWN",
    "LOG_PROOF_INVALID",
    "LOG_READ_FAILED",
    "LOG_ROLLED_BACK",
    "LOG_WRITE_FAILED",
    "LOG_WRONG_KEY",
    "SCT_INVALID",
    "SOURCE_INVALID",
    "SOURCE_UNAVAILABLE",
    "VERIFY_STATE_INVALID",
  ],
  internal: [
    "AUDIT_FAILED",
    "CEREMONY_CONFLICT",
    "DATA_DIRECTORY_LOCKED",
    "FILE_NOT_READ",
    "FILE_NOT_WRITTEN",
    "TLS_NOT_CHECKED",
    "TLS_PAIR_INVALID",
    "TRUST_INVALID",
    "UNEXPECTED",
  ],
  signer_unavailable: [
    "SIGNER_BUDGET",
    "SIGNER_BUSY",
    "SIGNER_CIRCUIT_OPEN",
    "SIGNER_QUOTA",
    "SIGNER_TIMEOUT",
    "SIGNER_UNREACHABLE",
  ],
  log_unavailable: [
    "LOG_BUSY",
    "LOG_CLOCK",
    "LOG_CLOSED",
    "LOG_DISK_FULL",
    "LOG_QUEUE_FULL",
    "LOG_TIMEOUT",
    "LOG_WINDOW",
    "WITNESS_QUORUM_MISSED",
  ],
  issuer_unavailable: ["DISCOVERY_FAILED", "DISCOVERY_LIMITED", "ISSUER_QUEUE_FULL", "ISSUER_TIMEOUT", "JWKS_FAILED"],
} as const;

/** What happened, in the vocabulary of the stage; the closed list that chooses status, gRPC code and public text. */
export type ErrorCode = keyof typeof REASONS;

/** Why, precisely; each reason belongs to one {@link ErrorCode}. */
export type Reason = (typeof REASONS)[ErrorCode][number];

const CODE_OF = new Map<Reason, ErrorCode>(
  (Object.keys(REASONS) as ErrorCode[]).flatMap((code) =>
    REASONS[code].map((reason): [Reason, ErrorCode] => [reason, code]),
  ),
);

/** What a {@link MayflyError} may carry beside its reason and its detail. */
export interface MayflyErrorOptions extends ErrorOptions {
  /** How long the caller should wait before it tries again, in milliseconds; for codes answered with 429 or 503. */
  readonly retryAfterMs?: number;
  /** Replaces the code's public text, for the two refusals whose text Fulcio composes from the request. */
  readonly publicMessage?: string;
  /** Follows the public text after a colon: what the caller can do about it. Holds no claim value. */
  readonly publicHint?: string;
}

/**
 * The one error class of Mayfly. `reason` says what went wrong and fixes `code`; `message` is for operators and is never
 * sent to a caller; it must hold no token, proof, key or claim value.
 */
export class MayflyError extends Error {
  override readonly name = "MayflyError";
  readonly code: ErrorCode;
  readonly reason: Reason;
  readonly retryAfterMs: number | undefined;
  readonly publicMessage: string | undefined;
  readonly publicHint: string | undefined;

  constructor(reason: Reason, detail: string, options: MayflyErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    const code = CODE_OF.get(reason);
    if (code === undefined) throw new TypeError(`no code for reason ${reason}`);
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
    this.publicMessage = options.publicMessage;
    this.publicHint = options.publicHint;
  }
}

const OUR_FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "internal",
  "issuer_unavailable",
  "log_failed",
  "log_unavailable",
  "overloaded",
  "profile_violation",
  "signer_failed",
  "signer_unavailable",
]);

/** Whether a failure is the service's or one of its dependencies', and not the caller's. */
export function isOurFault(code: ErrorCode): boolean {
  return OUR_FAULTS.has(code);
}

/**
 * The messages of an error and its causes, outermost first, at most 1,000 characters; for operators only. A cause that
 * the message before it already quotes is not repeated.
 */
export function describeCauses(error: unknown): string {
  const messages: string[] = [];
  let depth = 0;
  for (let at: unknown = error; at !== undefined && depth < 5; at = Error.isError(at) ? at.cause : undefined) {
    const message = messageOf(at);
    if (messages.at(-1)?.endsWith(message) !== true) messages.push(message);
    depth += 1;
  }
  return messages.join(": ").slice(0, 1000);
}

function messageOf(error: unknown): string {
  return Error.isError(error) ? error.message : String(error);
}
