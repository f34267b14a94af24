import { hash, X509Certificate } from "node:crypto";
import { parseLogKey } from "../core/ct/log-key.ts";
import type { LogKey } from "../core/ct/log-key.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { sctsOfCertificate, verifyEmbeddedSct } from "../ctlog/embedded-sct.ts";
import type { ReadTrustedRoot, TrustedTime } from "../trust/read-trusted-root.ts";

/** A certificate that was kept, and the log's word on it. */
export interface StoredCertificate {
  /** DER of a certificate with its SCTs, or of the precertificate of an entry. */
  readonly der: Uint8Array;
  /** Of an entry: id of its log, and its time. Of a certificate, its own SCTs say so. */
  readonly logged?: { readonly logId: Uint8Array; readonly timestampMs: number };
}

/** Says why verifiers with these trust files would not take a certificate; undefined where they do. */
export type JudgeStored = (stored: StoredCertificate) => string | undefined;

interface PreparedAuthority {
  readonly issuing: X509Certificate;
  /** DER of the same. */
  readonly der: Uint8Array;
  /** When all of its chain is valid and trusted. */
  readonly time: TrustedTime;
}

interface PreparedLog {
  readonly key: LogKey;
  readonly time: TrustedTime;
}

/**
 * Prepares trust files for certificates to be judged by: each was signed by an issuing CA of theirs, is valid only while that
 * and its chain are trusted, whenever within its validity somebody signed, and its SCT is by a log of theirs in its time.
 *
 * @throws MayflyError `internal` (TRUST_INVALID) when a certificate or key in them cannot be read
 */
export function prepareJudge({ authorities, ctLogs }: ReadTrustedRoot): JudgeStored {
  const prepared = authorities.map(prepareAuthority);
  const logs = new Map(ctLogs.map(({ publicKey, validFor }) => [nameOf(publicKey), prepareLog(publicKey, validFor)]));
  return (stored) => {
    try {
      const certificate = new X509Certificate(stored.der);
      const authority = prepared.find(({ issuing }) => isIssuedBy(certificate, issuing));
      if (authority === undefined) return "none of the trusted CAs has issued it";
      const { time } = authority;
      const [fromMs, toMs] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
      if (fromMs < time.startMs)
        return `valid from ${timeText(fromMs)}, its CA is trusted from ${timeText(time.startMs)}`;
      if (toMs > time.endMs) return `valid to ${timeText(toMs)}, its CA is trusted to ${timeText(time.endMs)}`;
      return judgeLogged(stored, { authority, logs });
    } catch (error) {
      return error instanceof MayflyError ? describeCauses(error) : "is no certificate that can be read";
    }
  };
}

interface Trusted {
  readonly authority: PreparedAuthority;
  readonly logs: ReadonlyMap<string, PreparedLog>;
}

function judgeLogged({ der, logged }: StoredCertificate, { authority, logs }: Trusted): string | undefined {
  const scts = logged === undefined ? sctsOfCertificate(der) : [logged];
  if (scts.length === 0) return "has no SCT";
  for (const { logId, timestampMs } of scts) {
    const log = logs.get(Buffer.from(logId).toString("hex"));
    if (log === undefined) return `its log ${Buffer.from(logId).toString("base64")} is not trusted`;
    const { startMs, endMs } = log.time;
    if (timestampMs < startMs)
      return `logged at ${timeText(timestampMs)}, its log is trusted from ${timeText(startMs)}`;
    if (timestampMs > endMs) return `logged at ${timeText(timestampMs)}, its log is trusted to ${timeText(endMs)}`;
    // Throws where the log did not say so.
    if (logged === undefined) verifyEmbeddedSct({ certificate: der, issuer: authority.der }, log.key);
  }
  return undefined;
}

function isIssuedBy(certificate: X509Certificate, issuing: X509Certificate): boolean {
  return certificate.checkIssued(issuing) && certificate.verify(issuing.publicKey);
}

function prepareAuthority({ certificates, validFor }: ReadTrustedRoot["authorities"][number]): PreparedAuthority {
  const chain = certificates.map(readCertificate);
  const [issuing] = chain;
  const [der] = certificates;
  if (issuing === undefined || der === undefined) throw new MayflyError("TRUST_INVALID", "an authority has no chain");
  chain.forEach((certificate, at) => {
    const above = chain[at + 1] ?? certificate;
    if (isIssuedBy(certificate, above)) return;
    throw new MayflyError("TRUST_INVALID", "a chain is not in order: issuing CA first, self-signed root last");
  });
  const startMs = Math.max(validFor.startMs, ...chain.map(({ validFromDate }) => validFromDate.getTime()));
  const endMs = Math.min(validFor.endMs, ...chain.map(({ validToDate }) => validToDate.getTime()));
  return { issuing, der, time: { startMs, endMs } };
}

function readCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new MayflyError("TRUST_INVALID", "a certificate of a chain cannot be read", { cause });
  }
}

function prepareLog(publicKey: Uint8Array, time: TrustedTime): PreparedLog {
  return { key: parseLogKey(publicKey), time };
}

/** Id of a log by its key (RFC 6962 §3.2), hex. */
const nameOf = (publicKey: Uint8Array): string => hash("sha256", publicKey, "hex");

const timeText = (ms: number): string => new Date(ms).toISOString();
