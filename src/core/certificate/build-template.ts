import { MayflyError } from "../errors.ts";
import type { Principal } from "../identity/principal.ts";
import type { ProvenKey } from "../proof/public-key.ts";
import type { IssuerChain } from "./issuer-chain.ts";
import type { CertificateTemplate } from "./template.ts";
import { isWithin, leafValidity } from "./validity.ts";

/** What a leaf is made of. */
export interface TemplateParts {
  readonly principal: Principal;
  readonly key: ProvenKey;
  /** The request's one clock reading, milliseconds since the Unix epoch. */
  readonly nowMs: number;
  readonly issuer: IssuerChain;
  /** 20 random octets, first bit clear. */
  readonly serialNumber: Uint8Array;
  /** notAfter − notBefore, whole seconds. */
  readonly lifetimeSeconds: number;
  /** How far before `nowMs` the validity starts, whole seconds. */
  readonly backdateSeconds: number;
}

/** No CA is replaced faster than this, milliseconds. */
const ACT_MS = 60_000;

/**
 * Everything a leaf will say, from who asked and with which key (docs/certificate-profile.md §2).
 *
 * @throws MayflyError `profile_violation` (CA_EXPIRED) when the leaf would not lie inside the validity of its whole chain
 * @throws RangeError when lifetime or back-dating are outside the profile, which configuration excludes
 */
export function buildTemplate(parts: TemplateParts): CertificateTemplate {
  const { principal, key, issuer, serialNumber } = parts;
  const validity = leafValidity(parts);
  if (!isWithin(validity, issuer)) {
    // A chain that has not begun begins by itself; for one that ends somebody has to act.
    const retryAfterMs = Math.max(ACT_MS, issuer.notBeforeMs - validity.notBeforeMs);
    throw new MayflyError("CA_EXPIRED", "the leaf would not lie inside the validity of the issuing chain", {
      retryAfterMs,
    });
  }
  const { subjectAltName, extensions } = principal;
  return { serialNumber, issuer, ...validity, key, subjectAltName, extensions };
}
