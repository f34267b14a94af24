import { describe, expect, it } from "@jest/globals";
import { MayflyError, REASONS } from "../../src/core/errors.ts";
import type { ErrorCode, Reason } from "../../src/core/errors.ts";
import { describeError, encodeErrorBody } from "../../src/wire/errors.ts";

const TOKEN = "There was an error processing the identity token";
const CA = "error communicating with CA backend";
const LOG = "Error entering certificate in CTL";

/** Status, google.rpc.Code and public text of every code. */
// prettier-ignore
const EXPECTED: Readonly<Record<ErrorCode, readonly [number, number, string]>> = {
  malformed_request:       [400,  3, "The request could not be parsed"],
  invalid_public_key:      [400,  3, "The public key supplied in the request could not be parsed"],
  invalid_csr:             [400,  3, "The certificate signing request could not be parsed"],
  insecure_key:            [400,  3, "The public key supplied in the request is insecure"],
  invalid_proof:           [400,  3, "The signature supplied in the request could not be verified"],
  algorithm_not_permitted: [400,  3, "signing algorithm not permitted"],
  invalid_token:           [400,  3, TOKEN],
  untrusted_issuer:        [400,  3, TOKEN],
  policy_denied:           [400,  3, TOKEN],
  not_found:               [404,  5, "Not Found"],
  method_not_allowed:      [501, 12, "Method Not Allowed"],
  too_large:               [413,  3, "The request is too large"],
  rate_limited:            [429,  8, "Too many requests"],
  overloaded:              [503, 14, "The service cannot take this request now"],
  canceled:                [499,  1, "The request was canceled"],
  profile_violation:       [500, 13, CA],
  signer_failed:           [500, 13, CA],
  log_failed:              [500, 13, LOG],
  internal:                [500, 13, CA],
  signer_unavailable:      [503, 14, CA],
  log_unavailable:         [503, 14, LOG],
  issuer_unavailable:      [503, 14, "The issuer of the identity token could not be reached"],
};

const OWN_STATUS: Readonly<Partial<Record<Reason, readonly [number, number, string]>>> = {
  CALLER_DEADLINE: [504, 4, "The deadline of the caller has passed"],
  CA_EXPIRED: [503, 14, CA],
  EXPECTATION_FAILED: [417, 3, "The expectation of the request cannot be met"],
  HEADERS_TOO_LARGE: [431, 3, "The header fields of the request are too large"],
  NOT_PUBLISHED: [400, 3, "The published log has fewer entries"],
  PARAMETER_INVALID: [400, 3, "A parameter of the request is missing, repeated, malformed or out of range"],
  REQUEST_TIMEOUT: [408, 3, "The request did not arrive in time"],
  UNSUPPORTED_MEDIA_TYPE: [415, 3, "The content of the request is not plain JSON in UTF-8"],
};

const ALL = (Object.keys(REASONS) as ErrorCode[]).flatMap((code) =>
  REASONS[code].map((reason: Reason) => ({ code, reason, expected: OWN_STATUS[reason] ?? EXPECTED[code] })),
);

describe("the public form of an error", () => {
  it.each(ALL)("[CL22] $code $reason is $expected", ({ reason, expected: [status, grpcCode, message] }) => {
    const described = describeError(new MayflyError(reason, "internal detail"));
    expect(described).toMatchObject({ status, grpcCode, message, reason });
    expect(described.retryAfterSeconds !== undefined).toBe(status === 429 || status === 503);
    expect(JSON.parse(encodeErrorBody(described))).toEqual({
      code: grpcCode,
      message,
      details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "mayfly" }],
    });
  });

  it.each([
    ["an Error", new Error("secret")],
    ["a TypeError", new TypeError("secret")],
    ["a text", "secret"],
    ["nothing", undefined],
    ["null", null],
    ["something that looks like an error of ours", { reason: "TOKEN_MISSING", code: "invalid_token" }],
  ])("A31 hides %s behind an internal error", (_name, thrown) => {
    const described = describeError(thrown);
    expect(described).toEqual({ status: 500, grpcCode: 13, message: CA, reason: "UNEXPECTED" });
    expect(encodeErrorBody(described)).not.toContain("secret");
  });

  it("never shows the detail or the cause", () => {
    for (const { reason } of ALL) {
      const error = new MayflyError(reason, "secret", { cause: new Error("secret") });
      expect(encodeErrorBody(describeError(error))).not.toContain("secret");
    }
  });

  it("shows a public message in place of the code's text", () => {
    const publicMessage = "signing algorithm not permitted: *rsa.PublicKey, SHA-256";
    const error = new MayflyError("ALGORITHM_NOT_PERMITTED", "detail", { publicMessage });
    expect(describeError(error).message).toBe(publicMessage);
  });

  it("puts a hint behind the text of the code", () => {
    const error = new MayflyError("PROOF_INVALID", "detail", { publicHint: "sign something else" });
    expect(describeError(error).message).toBe(
      "The signature supplied in the request could not be verified: sign something else",
    );
  });

  it.each([
    [0, 1],
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [30_000, 30],
  ])("turns a wait of %p ms into %p whole seconds", (retryAfterMs, seconds) => {
    const error = new MayflyError("RATE_LIMITED_READS", "detail", { retryAfterMs });
    expect(describeError(error).retryAfterSeconds).toBe(seconds);
  });

  it("draws a wait of 1 to 5 seconds where nobody knows better, so that not all return in one moment", () => {
    const waits = new Set<number | undefined>();
    for (let count = 0; count < 200; count++) {
      waits.add(describeError(new MayflyError("LOG_QUEUE_FULL", "detail")).retryAfterSeconds);
    }
    expect([...waits].every((wait) => wait !== undefined && wait >= 1 && wait <= 5)).toBe(true);
    expect(waits.size).toBeGreaterThan(1);
  });

  it("asks nobody to retry what will fail again", () => {
    const error = new MayflyError("TOKEN_EXPIRED", "detail", { retryAfterMs: 1_000 });
    expect(describeError(error).retryAfterSeconds).toBeUndefined();
  });
});
