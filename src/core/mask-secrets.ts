/** A JWS in compact form, whole or cut (RFC 7515 §7.1): its header is a JSON object, so it starts with `{"` in base64url. */
const COMPACT_JWS = /\beyJ[\w-]{8,}(?:\.[\w-]*)*/gu;
/** A private key in any of its PEM forms (RFC 7468 §10 and §11), whole or cut. */
const PEM_PRIVATE_KEY = /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?/gu;

/**
 * Text fit for a log: tokens and private keys are replaced by what they were, and the rest is cut at `maxLength`
 * characters. A second line of defence: messages are written without secrets, but causes come from other people's code.
 */
export function maskSecrets(text: string, maxLength = 2_000): string {
  const masked = text.replace(COMPACT_JWS, "[token]").replace(PEM_PRIVATE_KEY, "[private key]");
  return masked.length > maxLength ? `${masked.slice(0, maxLength)}…` : masked;
}
