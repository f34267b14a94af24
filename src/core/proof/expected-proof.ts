import type { Challenge } from "../identity/principal.ts";

const EXPECTED: Readonly<Record<Challenge["challengeClaim"], string>> = {
  email: "it must be over the e-mail address of the token (claim email)",
  sub: "it must be over the subject of the token (claim sub), not over the URI that the certificate names",
};

/**
 * What a proof of possession must be over, told to whoever has none or another one. Clients differ about it when a token has
 * both claims, and the certificate of a job names neither. Says the kind of principal, never who it is.
 */
export function expectedProof(challengeClaim: Challenge["challengeClaim"]): string {
  return EXPECTED[challengeClaim];
}
