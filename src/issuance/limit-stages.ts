import { MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import type { CertificateLog } from "../ports/certificate-log.ts";
import type { VerifyIdToken } from "../ports/id-token-verifier.ts";
import type { Signer } from "../ports/signer.ts";

/** Longest wait for each stage of an issuance that depends on something else, milliseconds. */
export interface StageLimits {
  /** The verification of the token, with what must be fetched for it. */
  readonly tokenMs: number;
  /** One signature by a key that is not in this process. */
  readonly signatureMs: number;
  /** From the submission to a published checkpoint over it. */
  readonly logMs: number;
}

/** The ports that may keep an issuance waiting. */
interface SlowPorts {
  readonly verifyIdToken: VerifyIdToken;
  readonly signer: Signer;
  readonly log: CertificateLog;
}

/**
 * The ports of issuance, none of which is waited for without end: what answers later than its limit is unavailable (503),
 * and its late answer is dropped. A signer in this process computes and waits for nobody, so it has no limit.
 */
export function limitStages<P extends SlowPorts>(ports: P, limits: StageLimits): P {
  const { verifyIdToken, signer, log } = ports;
  const { tokenMs, signatureMs, logMs } = limits;
  return {
    ...ports,
    verifyIdToken: (idToken, nowMs) => within(verifyIdToken(idToken, nowMs), tokenMs, "ISSUER_TIMEOUT"),
    signer:
      signer.location === "in-process"
        ? signer
        : { ...signer, sign: (bytes, turn) => within(signer.sign(bytes, turn), signatureMs, "SIGNER_TIMEOUT") },
    log: { ...log, add: (precertificate) => within(log.add(precertificate), logMs, "LOG_TIMEOUT") },
  };
}

async function within<T>(work: Promise<T>, limitMs: number, reason: Reason): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new MayflyError(reason, `no answer within ${limitMs} ms`));
  }, limitMs);
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
