import { MayflyError } from "../errors.ts";
import type { TrustedIssuer } from "../identity/issuer.ts";
import type { Challenger } from "../identity/principal.ts";
import type { KeyRequest } from "../issuance-types.ts";
import { expectedProof } from "./expected-proof.ts";

/**
 * The key request of a caller, in a form that its issuer's configuration permits. The self-signature of a certification
 * request covers no identity: whoever has seen one can have its key certified under a name of their own. Where that
 * must not be, a key has to come with a proof over the challenge.
 *
 * @throws MayflyError `invalid_proof` (KEY_PROOF_REQUIRED)
 */
export function permitKeyRequest(
  request: KeyRequest,
  { requireKeyProof = false }: TrustedIssuer,
  challenger: Challenger,
): KeyRequest {
  if (request.kind === "csr" && requireKeyProof) {
    throw new MayflyError("KEY_PROOF_REQUIRED", "the issuer's configuration takes no certification requests", {
      publicHint: `in place of a certification request its issuer asks for a proof; ${expectedProof(challenger)}`,
    });
  }
  return request;
}
