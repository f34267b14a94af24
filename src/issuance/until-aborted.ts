import type { VerifyIdToken } from "../ports/id-token-verifier.ts";
import type { Signer } from "../ports/signer.ts";

/** The ports that begin a stage of an issuance, in their order. */
interface StagePorts {
  readonly verifyIdToken: VerifyIdToken;
  readonly serialNumber: () => Uint8Array;
  readonly signer: Signer;
}

/**
 * The ports of one request, none of which is asked any more once the signal is aborted: a stage that has begun is not
 * broken off, the next one does not begin. So nothing is signed for a caller who cannot get it. The log is no such
 * stage: a precertificate that was signed is put into it in any case, for nothing the CA signed may stay unseen
 * (RFC 6962 §3.1); only its certificate is not made.
 *
 * @param signal one whose reason is a `MayflyError`
 */
export function untilAborted<P extends StagePorts>(ports: P, signal: AbortSignal): P {
  const { verifyIdToken, serialNumber, signer } = ports;
  return {
    ...ports,
    verifyIdToken: async (idToken, nowMs) => {
      signal.throwIfAborted();
      const verified = await verifyIdToken(idToken, nowMs);
      // The proof comes next, which is dear and asks no port.
      signal.throwIfAborted();
      return verified;
    },
    serialNumber: () => {
      signal.throwIfAborted();
      return serialNumber();
    },
    signer: {
      algorithm: signer.algorithm,
      publicKey: signer.publicKey,
      location: signer.location,
      service: signer.service,
      close: () => signer.close(),
      sign: async (bytes, turn) => {
        signal.throwIfAborted();
        return signer.sign(bytes, turn);
      },
    },
  };
}
