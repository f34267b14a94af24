import { MayflyError } from "../../core/errors.ts";
import type { TrustedIssuer } from "../../core/identity/issuer.ts";
import type { TokenHeader } from "./parse-token.ts";

/**
 * Checks what kind of token it is (RFC 7515 §4.1.9, RFC 8725 §3.11): an issuer signs more than ID tokens with its keys, and
 * what it meant for somebody else must not be taken for one.
 *
 * @throws MayflyError TOKEN_TYPE
 */
export function checkType({ typ }: TokenHeader, { tokenChecks }: Pick<TrustedIssuer, "tokenChecks">): void {
  const permitted = tokenChecks?.types;
  if (permitted === undefined && typ === undefined) return;
  const isPermitted = (permitted ?? ["JWT"]).some((type) => type.toLowerCase() === typ?.toLowerCase());
  if (!isPermitted) throw new MayflyError("TOKEN_TYPE", "the token's typ is not one that its issuer's ID tokens have");
}
