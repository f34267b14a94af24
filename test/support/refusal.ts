import { expect } from "@jest/globals";
import type { Reason } from "../../src/core/errors.ts";

/** What the public is told, byte for byte; Fulcio's texts where it has one. */
export const TEXT = {
  token: "There was an error processing the identity token",
  publicKey: "The public key supplied in the request could not be parsed",
  insecureKey: "The public key supplied in the request is insecure",
  csr: "The certificate signing request could not be parsed",
  proof: "The signature supplied in the request could not be verified",
  proofOfAddress:
    "The signature supplied in the request could not be verified: it must be over the e-mail address of the token (claim email)",
  proofOfSubject:
    "The signature supplied in the request could not be verified: it must be over the subject of the token (claim sub), " +
    "not over the URI that the certificate names",
  proofInPlaceOfRequest:
    "The signature supplied in the request could not be verified: in place of a certification request its issuer asks for a " +
    "proof; it must be over the e-mail address of the token (claim email)",
  ca: "error communicating with CA backend",
  log: "Error entering certificate in CTL",
  request: "The request could not be parsed",
  issuer: "The issuer of the identity token could not be reached",
  tooLarge: "The request is too large",
  busy: "The service cannot take this request now",
} as const;

/** A refusal as its caller sees it. */
export interface Refusal {
  readonly status: number;
  /** google.rpc.Code. */
  readonly code: number;
  readonly message: string;
  readonly reason: Reason;
}

/** Any fault of a token: 400, code 3 and one text for all of them. */
export const badToken = (reason: Reason): Refusal => ({ status: 400, code: 3, message: TEXT.token, reason });
/** Any fault of the form of a public key. */
export const badKey = (reason: Reason): Refusal => ({ status: 400, code: 3, message: TEXT.publicKey, reason });
/** Any fault of a proof that a person makes. */
export const badProof = (reason: Reason): Refusal => ({ status: 400, code: 3, message: TEXT.proofOfAddress, reason });
/** Any fault of the form of a request. */
export const malformed = (reason: Reason): Refusal => ({ status: 400, code: 3, message: TEXT.request, reason });

/** The body of a refusal (google.rpc.Status). */
export const refusalBody = ({ code, message, reason }: Omit<Refusal, "status">) => ({
  code,
  message,
  details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "mayfly" }],
});

/** Holds an answer to be exactly this refusal: status, whole body, type, nothing to be stored, and when to come again. */
export function expectRefused(
  answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: unknown;
  },
  refusal: Refusal,
): void {
  const { status } = refusal;
  expect({ status: answer.status, body: answer.body }).toEqual({ status, body: refusalBody(refusal) });
  expect(answer.headers).toMatchObject({
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  const retryAfter = answer.headers["retry-after"];
  if (status === 429 || status === 503) expect(retryAfter).toMatch(/^[1-9]\d*$/u);
  else expect(retryAfter).toBeUndefined();
}

/** The reason in the text of an answer; undefined when it holds none. */
export function reasonIn(text: string): string | undefined {
  return /"reason":"([A-Z0-9_]+)"/u.exec(text)?.[1];
}
