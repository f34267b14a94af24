import type { JsonObject } from "../encoding/json-reader.ts";
import { MayflyError } from "../errors.ts";
import { isMailbox } from "./mailbox.ts";

/**
 * The `email` claim (OIDC Core §5.1), exactly as the issuer wrote it.
 *
 * @throws MayflyError TOKEN_CLAIM_MISSING without one, TOKEN_EMAIL_INVALID for what is no ASCII mailbox
 */
export function emailClaim(claims: JsonObject): string {
  const email = claims.get("email");
  if (email === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", "the token has no email claim");
  if (typeof email !== "string" || !isMailbox(email)) {
    throw new MayflyError("TOKEN_EMAIL_INVALID", "the email claim is not an ASCII mailbox");
  }
  return email;
}

/**
 * What a token says about its address: `email_verified` (OIDC Core §5.1) is a boolean, which some issuers write as a text.
 * Anything else is `unclear`, and nobody may make a yes of it.
 */
export type EmailVerified = "yes" | "yes-as-text" | "no" | "not-said" | "unclear";

/** Reads the `email_verified` claim. */
export function emailVerifiedClaim(claims: JsonObject): EmailVerified {
  switch (claims.get("email_verified")) {
    case true:
      return "yes";
    case "true":
    case "True":
      return "yes-as-text";
    case false:
    case "false":
    case "False":
      return "no";
    case undefined:
      return "not-said";
    default:
      return "unclear";
  }
}
