import type { Admission } from "../../entrance/admission.ts";
import type { Generation } from "../../issuance/generation.ts";
import type { IssuedCertificate, SigningRequest } from "../../core/issuance-types.ts";
import { encodePemCertificateChain } from "../../wire/pem-certificate-chain.ts";
import { buildSigningCertificate } from "../../wire/signing-certificate.ts";
import { parseSigningRequest } from "../../wire/signing-request.ts";
import { parseV1SigningRequest } from "../../wire/v1-signing-request.ts";
import type { Answer } from "../answer.ts";
import { readBody } from "../body.ts";
import type { BodyLimits } from "../body.ts";
import { headerValues } from "../check-request.ts";
import { FRESH_JSON, FRESH_PEM_CHAIN } from "../headers.ts";
import { nextTurn } from "../../entrance/next-turn.ts";
import { withDeadline } from "../request-deadline.ts";
import type { Handler } from "../route.ts";

/** What the signing route needs. */
export interface SigningCertDeps {
  readonly generation: () => Generation;
  readonly admission: Admission;
  readonly bodyLimits?: BodyLimits;
  /** From the end of the body to the answer, milliseconds; the wait for a place is part of it. */
  readonly deadlineMs?: number;
}

/** Callers give up after five to thirty seconds. */
const DEADLINE_MS = 10_000;

/** One version of the signing call: how its request is read, and how a certificate is told. */
export interface SigningCall {
  /** Takes the body and the values of all Authorization header fields; throws `MayflyError`. */
  readonly parse: (body: Uint8Array, authorization: readonly string[]) => SigningRequest;
  readonly answer: (issued: IssuedCertificate) => Answer;
}

/** POST /api/v1/signingCert. Some of its clients compare the status with 201. */
export const V1_SIGNING_CALL: SigningCall = {
  parse: parseV1SigningRequest,
  answer: (issued) => ({ status: 201, headers: FRESH_PEM_CHAIN, body: encodePemCertificateChain(issued) }),
};

/** POST /api/v2/signingCert. Some of its clients compare the status with 200. */
export const V2_SIGNING_CALL: SigningCall = {
  parse: parseSigningRequest,
  answer: (issued) => ({ status: 200, headers: FRESH_JSON, body: JSON.stringify(buildSigningCertificate(issued)) }),
};

/** A signing call: an ID token and a key in, a logged certificate out. */
export function makeSigningCert(deps: SigningCertDeps, { parse, answer }: SigningCall): Handler {
  const { generation, admission, bodyLimits, deadlineMs = DEADLINE_MS } = deps;
  return async (request, response) => {
    const body = await readBody(request, response, bodyLimits);
    // Of whoever is not admitted not even the body is parsed.
    const issue = async (signal: AbortSignal): Promise<IssuedCertificate> => {
      await nextTurn();
      const signingRequest = parse(body, headerValues(request, "authorization"));
      return generation().issueCertificate(signingRequest, signal);
    };
    const issued = await withDeadline(response, deadlineMs, (signal) => admission.admit(() => issue(signal), signal));
    const { exchange } = response.locals;
    exchange.serialNumber = Buffer.from(issued.serialNumber).toString("hex");
    if (issued.logIndex !== undefined) exchange.logIndex = issued.logIndex;
    return answer(issued);
  };
}
