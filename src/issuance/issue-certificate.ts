import { buildTemplate } from "../core/certificate/build-template.ts";
import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import { lintTemplate } from "../core/certificate/lint-template.ts";
import { applyClaimRules } from "../core/identity/apply-claim-rules.ts";
import type { JudgeClaims } from "../core/identity/apply-claim-rules.ts";
import { derivePrincipal } from "../core/identity/derive-principal.ts";
import type { IssueCertificate } from "../core/issuance-types.ts";
import type { KeyPolicy } from "../core/proof/key-policy.ts";
import { permitKeyRequest } from "../core/proof/permit-key-request.ts";
import { provePossession } from "../core/proof/prove-possession.ts";
import type { CertificateLog } from "../ports/certificate-log.ts";
import type { VerifyIdToken } from "../ports/id-token-verifier.ts";
import type { Signer } from "../ports/signer.ts";
import { signCertificate, signPrecertificate } from "./sign-certificate.ts";
import { untilAborted } from "./until-aborted.ts";

/** What issuance asks of the world; everything else it decides itself. */
export interface IssuanceDeps {
  /** Wall clock, milliseconds; the same clock as the log's. */
  readonly now: () => number;
  /** A fresh serial number: 20 octets, at least 64 of their bits random, positive (RFC 5280 §4.1.2.2). */
  readonly serialNumber: () => Uint8Array;
  readonly verifyIdToken: VerifyIdToken;
  /** Holds claims against rules; only whoever records what it said puts another one here. */
  readonly judgeClaims?: JudgeClaims;
  readonly keyPolicy: KeyPolicy;
  readonly issuer: IssuerChain;
  readonly lifetimeSeconds: number;
  readonly backdateSeconds: number;
  /** The issuing CA's key; asked once for the precertificate and once for the certificate. */
  readonly signer: Signer;
  readonly log: CertificateLog;
}

/**
 * The service. Each line takes what the line before it proved; a line that throws (always a `MayflyError`) ends the
 * request, and no certificate exists that is not in the log.
 */
export function makeIssueCertificate(ports: IssuanceDeps): IssueCertificate {
  const { keyPolicy, issuer, lifetimeSeconds, backdateSeconds } = ports;
  // prettier-ignore
  return async (request, signal) => {
    const deps         = untilAborted(ports, signal);                                // nobody waits, nothing more is asked
    const nowMs        = deps.now();                                                 // one clock reading per request
    const idToken      = await deps.verifyIdToken(request.idToken, nowMs);           // RFC 7519 §7.2, OIDC Core §3.1.3.7
    const permitted    = applyClaimRules(idToken, deps.judgeClaims);                 // one that its issuer's rules allow
    const principal    = derivePrincipal(permitted);                                 // who asks
    const keyRequest   = permitKeyRequest(request.key, idToken.issuer, principal);   // in a form its issuer takes
    const key          = await provePossession(keyRequest, principal, keyPolicy);    // and holds which key
    deps.log.requireOpen();                                                          // or nothing is signed
    deps.signer.service?.requireOpen();                                              // that would have no certificate
    const serialNumber = deps.serialNumber();
    const draft        = buildTemplate({ principal, key, nowMs, issuer, serialNumber, lifetimeSeconds, backdateSeconds });
    const template     = lintTemplate(draft);                                        // docs/certificate-profile.md
    const precert      = await signPrecertificate(template, deps.signer);            // RFC 6962 §3.1
    const sct          = await deps.log.add(precert);                                // RFC 6962 §3.2: durable and published
    const leaf         = await signCertificate(precert, sct, deps.signer);           // RFC 6962 §3.3
    const logIndex     = sct.leafIndex === undefined ? {} : { logIndex: sct.leafIndex };
    return { leaf, chainPem: issuer.pem, sct, serialNumber, ...logIndex };
  };
}
