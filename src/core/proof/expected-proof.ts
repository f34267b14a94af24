import type { Challenger } from "../identity/principal.ts";

/**
 * What a proof of possession must be over, told to whoever has none or another one: clients differ about it when a token has both
 * claims, and the URI in a certificate may be the subject or made of other claims. Says the kind of principal, never who it is.
 */
export function expectedProof({ challenge, challengeClaim, subjectAltName }: Challenger): string {
  if (challengeClaim === "email") return "it must be over the e-mail address of the token (claim email)";
  if (subjectAltName.kind !== "uri") return "it must be over the subject of the token (claim sub)";
  return subjectAltName.value === challenge
    ? "it must be over the URI that is the subject of the token (claim sub)"
    : "it must be over the subject of the token (claim sub), not over the URI that the certificate names";
}
