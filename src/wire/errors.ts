import { randomInt } from "node:crypto";
import { MayflyError } from "../core/errors.ts";
import type { ErrorCode, Reason } from "../core/errors.ts";

/** How one kind of error is told to a caller. */
export interface WireError {
  /** HTTP status (RFC 9110 §15). */
  readonly status: number;
  /** google.rpc.Code, which Fulcio's gateway repeats as `code` in its JSON bodies. */
  readonly grpc: number;
  readonly message: string;
}

/** An error as one caller hears of it. */
export interface ErrorDescription {
  readonly status: number;
  readonly grpcCode: number;
  /** Public text; says nothing that the caller did not send or could not guess. */
  readonly message: string;
  readonly reason: Reason;
  /** Whole seconds, at least 1; present for 429 and 503 only (RFC 9110 §10.2.3). */
  readonly retryAfterSeconds?: number;
}

// Fulcio's texts, byte for byte: scripts and people search for them.
const TOKEN = "There was an error processing the identity token";
const CA = "error communicating with CA backend";
const LOG = "Error entering certificate in CTL";

// prettier-ignore
const WIRE: Readonly<Record<ErrorCode, WireError>> = {
  malformed_request:       { status: 400, grpc:  3, message: "The request could not be parsed" },
  invalid_public_key:      { status: 400, grpc:  3, message: "The public key supplied in the request could not be parsed" },
  invalid_csr:             { status: 400, grpc:  3, message: "The certificate signing request could not be parsed" },
  insecure_key:            { status: 400, grpc:  3, message: "The public key supplied in the request is insecure" },
  invalid_proof:           { status: 400, grpc:  3, message: "The signature supplied in the request could not be verified" },
  algorithm_not_permitted: { status: 400, grpc:  3, message: "signing algorithm not permitted" },
  invalid_token:           { status: 400, grpc:  3, message: TOKEN },
  untrusted_issuer:        { status: 400, grpc:  3, message: TOKEN },
  policy_denied:           { status: 400, grpc:  3, message: TOKEN },
  not_found:               { status: 404, grpc:  5, message: "Not Found" },
  method_not_allowed:      { status: 501, grpc: 12, message: "Method Not Allowed" },
  too_large:               { status: 413, grpc:  3, message: "The request is too large" },
  rate_limited:            { status: 429, grpc:  8, message: "Too many requests" },
  overloaded:              { status: 503, grpc: 14, message: "The service cannot take this request now" },
  canceled:                { status: 499, grpc:  1, message: "The request was canceled" },
  profile_violation:       { status: 500, grpc: 13, message: CA },
  signer_failed:           { status: 500, grpc: 13, message: CA },
  log_failed:              { status: 500, grpc: 13, message: LOG },
  internal:                { status: 500, grpc: 13, message: CA },
  signer_unavailable:      { status: 503, grpc: 14, message: CA },
  log_unavailable:         { status: 503, grpc: 14, message: LOG },
  issuer_unavailable:      { status: 503, grpc: 14, message: "The issuer of the identity token could not be reached" },
};

/** Reasons that are told otherwise than the rest of their code; what they do not name comes from the code's row. */
const BY_REASON: Readonly<Partial<Record<Reason, Partial<WireError>>>> = {
  CALLER_DEADLINE: { status: 504, grpc: 4, message: "The deadline of the caller has passed" },
  // Unlike every other breach of the profile no defect of a certificate: it passes once the CA is replaced, or valid.
  CA_EXPIRED: { status: 503, grpc: 14 },
  EXPECTATION_FAILED: { status: 417, message: "The expectation of the request cannot be met" },
  HEADERS_TOO_LARGE: { status: 431, message: "The header fields of the request are too large" },
  NOT_PUBLISHED: { message: "The published log has fewer entries" },
  PARAMETER_INVALID: { message: "A parameter of the request is missing, repeated, malformed or out of range" },
  REQUEST_TIMEOUT: { status: 408, message: "The request did not arrive in time" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: "The content of the request is not plain JSON in UTF-8" },
};

/** Where the thrower does not know better: 1 to 5 s, so that refused callers do not all return in one moment. */
const anyRetryAfterMs = (): number => randomInt(1_000, 5_001);

/** What a caller may learn of an error; whatever is not a `MayflyError` is a masked internal error. Never throws. */
export function describeError(error: unknown): ErrorDescription {
  const known = error instanceof MayflyError ? error : new MayflyError("UNEXPECTED", "not an error of ours");
  const row = { ...WIRE[known.code], ...BY_REASON[known.reason] };
  const message = known.publicMessage ?? row.message;
  const description = {
    status: row.status,
    grpcCode: row.grpc,
    message: known.publicHint === undefined ? message : `${message}: ${known.publicHint}`,
    reason: known.reason,
  };
  if (row.status !== 429 && row.status !== 503) return description;
  return {
    ...description,
    retryAfterSeconds: Math.max(1, Math.ceil((known.retryAfterMs ?? anyRetryAfterMs()) / 1_000)),
  };
}

/** The JSON form of google.rpc.Status with one google.rpc.ErrorInfo, the body of every refusal. */
export function encodeErrorBody({ grpcCode, message, reason }: ErrorDescription): string {
  const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "mayfly" }];
  return JSON.stringify({ code: grpcCode, message, details });
}
