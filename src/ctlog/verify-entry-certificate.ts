import { createPublicKey, X509Certificate } from "node:crypto";
import { assertLoggedTbs } from "../core/certificate/logged-tbs.ts";
import { isSignedBy, splitCertificate, type SignedCertificate } from "../core/certificate/signed-certificate.ts";
import type { TileLeafView } from "../core/ct/tile-leaf-view.ts";
import { DerError } from "../core/encoding/der-reader.ts";
import { MayflyError } from "../core/errors.ts";
import type { IssuerKey, IssuerKeys, KnownChain } from "./issuer-keys.ts";

/**
 * Checks that an entry's certificate was really issued: by the first of its chain, whose key a precertificate names too, and
 * that the stored precertificate is the one whose TBS is logged (RFC 6962 §3.1, §3.2).
 *
 * An entry whose issuing CA the log does not have is not judged: that this certificate is missing is reported once.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT)
 */
export function verifyEntryCertificate({ signedEntry, fingerprints }: TileLeafView, issuerKeys: IssuerKeys): void {
  const chain = issuerKeys.chainOf(fingerprints);
  if (chain.problem !== undefined) throw new MayflyError("LOG_CORRUPT", chain.problem);
  if (signedEntry.kind === "x509_entry") {
    verifyX509Entry(split(signedEntry.certificate, "certificate"), chain);
    return;
  }
  const { issuerKeyHash, tbsCertificate, preCertificate } = signedEntry;
  if (chain.issuers.length === 0) throw new MayflyError("LOG_CORRUPT", "names no issuer");
  const issuer = chain.issuers[0];
  if (issuer === undefined) return;
  if (Buffer.compare(issuerKeyHash, issuer.keyHash) !== 0) {
    throw new MayflyError("LOG_CORRUPT", "was issued by another key than its chain's");
  }
  try {
    assertLoggedTbs(preCertificate, tbsCertificate);
  } catch (cause) {
    throw new MayflyError("LOG_CORRUPT", "its precertificate is not the logged one", { cause });
  }
  requireSigned(split(preCertificate, "precertificate"), issuer, "its precertificate was not signed by the issuing CA");
}

/** A root needs no chain: it signed itself. */
function verifyX509Entry(certificate: SignedCertificate, { issuers }: KnownChain): void {
  const [issuer] = issuers;
  if (issuers.length > 0 && issuer === undefined) return;
  if (issuer !== undefined) {
    requireSigned(certificate, issuer, "its certificate was not signed by the first of its chain");
  } else if (!isSelfSigned(certificate)) {
    throw new MayflyError("LOG_CORRUPT", "names no issuer");
  }
}

function requireSigned(certificate: SignedCertificate, { publicKey }: IssuerKey, otherwise: string): void {
  try {
    if (publicKey !== undefined && isSignedBy(certificate, publicKey)) return;
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", otherwise, { cause });
  }
  throw new MayflyError("LOG_CORRUPT", otherwise);
}

function isSelfSigned(certificate: SignedCertificate): boolean {
  try {
    const { publicKey } = new X509Certificate(certificate.der);
    return isSignedBy(certificate, createPublicKey({ key: publicKey.export({ type: "spki", format: "pem" }) }));
  } catch {
    // OpenSSL has more than one kind of error for bytes that it cannot read; none of them is a signature.
    return false;
  }
}

function split(der: Uint8Array, what: string): SignedCertificate {
  try {
    return splitCertificate(der);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", `its ${what} cannot be read`, { cause });
  }
}
