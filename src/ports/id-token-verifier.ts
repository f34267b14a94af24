import type { VerifiedIdToken } from "../core/identity/id-token.ts";

/**
 * Verifies an ID token against the issuers of one configuration generation (RFC 7519 §7.2, OIDC Core §3.1.3.7).
 *
 * @param idToken compact JWS as the caller sent it, perhaps empty
 * @param nowMs wall clock in milliseconds, against which `exp`, `nbf` and `iat` are judged
 * @throws MayflyError `invalid_token`, `untrusted_issuer` or `issuer_unavailable`
 */
export type VerifyIdToken = (idToken: string, nowMs: number) => Promise<VerifiedIdToken>;
