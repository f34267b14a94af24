import type { IssuedCertificate, SigningRequest } from "../core/issuance-types.ts";
import { MayflyError } from "../core/errors.ts";
import type { Admission } from "../entrance/admission.ts";
import { limitSigning } from "../entrance/limit-rates.ts";
import { nextTurn } from "../entrance/next-turn.ts";
import { callerGone, tooLate, withDeadline } from "../entrance/request-deadline.ts";
import type { Patience } from "../entrance/request-deadline.ts";
import type { Generation } from "../issuance/generation.ts";
import type { RateLimits } from "../ports/limits.ts";
import { sentCode } from "./call.ts";
import type { CallInHand } from "./unary-method.ts";

/** What a signing call needs. */
export interface SigningDeps {
  /** The configuration in force; asked once per call. */
  readonly generation: () => Generation;
  readonly admission: Admission;
  readonly rateLimits: Pick<RateLimits, "failedTokens" | "signing">;
  /** From the whole message to the answer, milliseconds; a caller may be less patient. */
  readonly deadlineMs: number;
}

/** Reads a signing call; throws `MayflyError`. */
export type ParseSigningCall = (inHand: CallInHand) => SigningRequest;

/** Signs for a call: its client's limits, a place, and only then its message. */
export type Sign = (inHand: CallInHand, parse: ParseSigningCall) => Promise<IssuedCertificate>;

/** Makes what both versions of the signing call have in common. */
export function makeSign({ generation, admission, rateLimits, deadlineMs }: SigningDeps): Sign {
  return async (inHand, parse) => {
    const { call } = inHand;
    // Of whoever is not admitted not even the message is parsed.
    const issue = async (signal: AbortSignal): Promise<IssuedCertificate> => {
      await nextTurn();
      return generation().issueCertificate(parse(inHand), signal);
    };
    const issued = await limitSigning(rateLimits, call.client, () =>
      withDeadline(patienceOf(inHand, deadlineMs), (signal) => admission.admit(() => issue(signal), signal)),
    );
    call.serialNumber = Buffer.from(issued.serialNumber).toString("hex");
    if (issued.logIndex !== undefined) call.logIndex = issued.logIndex;
    return issued;
  };
}

function patienceOf({ call: { stream }, remainingMs }: CallInHand, deadlineMs: number): Patience {
  const isCallers = remainingMs < deadlineMs;
  return {
    deadlineMs: Math.min(remainingMs, deadlineMs),
    late: () =>
      isCallers ? new MayflyError("CALLER_DEADLINE", "not done by the caller's deadline") : tooLate(deadlineMs),
    onGone: (leave) => {
      const onClose = (): void => {
        // A stream that the caller has reset is ended as well.
        if (sentCode(stream) === undefined) leave(callerGone());
      };
      stream.once("close", onClose);
      if (stream.destroyed) onClose();
    },
  };
}
