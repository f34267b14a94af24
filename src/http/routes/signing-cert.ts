import type { Admission } from "../admission.ts";
import type { Generation } from "../../issuance/generation.ts";
import type { IssuedCertificate } from "../../core/issuance-types.ts";
import { buildSigningCertificate } from "../../wire/signing-certificate.ts";
import { parseSigningRequest } from "../../wire/signing-request.ts";
import { readBody } from "../body.ts";
import type { BodyLimits } from "../body.ts";
import { headerValues } from "../check-request.ts";
import { FRESH_JSON } from "../headers.ts";
import { nextTurn } from "../next-turn.ts";
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

/** POST /api/v2/signingCert: an ID token and a key in, a logged certificate out. */
export function makeSigningCert({ generation, admission, bodyLimits, ...deps }: SigningCertDeps): Handler {
  const { deadlineMs = DEADLINE_MS } = deps;
  return async (request, response) => {
    const body = await readBody(request, response, bodyLimits);
    // Of whoever is not admitted not even the body is parsed.
    const issue = async (signal: AbortSignal): Promise<IssuedCertificate> => {
      await nextTurn();
      const signingRequest = parseSigningRequest(body, headerValues(request, "authorization"));
      return generation().issueCertificate(signingRequest, signal);
    };
    const issued = await withDeadline(response, deadlineMs, (signal) => admission.admit(() => issue(signal), signal));
    const { exchange } = response.locals;
    exchange.serialNumber = Buffer.from(issued.serialNumber).toString("hex");
    if (issued.logIndex !== undefined) exchange.logIndex = issued.logIndex;
    return { status: 200, headers: FRESH_JSON, body: JSON.stringify(buildSigningCertificate(issued)) };
  };
}
