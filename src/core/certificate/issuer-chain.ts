import { hash } from "node:crypto";
import type { PemBlock } from "../encoding/pem.ts";
import { encodePem, parsePem } from "../encoding/pem.ts";
import { MayflyError } from "../errors.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { keyIdentifier } from "./extensions/subject-key-identifier.ts";
import type { CaCertificate } from "./read-ca-certificate.ts";
import { readCaCertificate } from "./read-ca-certificate.ts";
import { nth, verifyChain } from "./verify-chain.ts";

/** The issuing CA and what is above it, checked once when it is loaded and precomputed for every issuance. */
export interface IssuerChain {
  /** DER, issuing CA first, self-signed root last; a lone root signs leaves itself. */
  readonly certificates: readonly Uint8Array[];
  /** The same certificates as PEM without a final newline. */
  readonly pem: readonly string[];
  /** SHA-256 of each certificate, in the same order (C2SP static-ct-api: chain fingerprints). */
  readonly fingerprints: readonly Uint8Array[];
  /** DER Name of the issuing CA's subject, copied byte for byte. */
  readonly subjectName: Uint8Array;
  /** DER SubjectPublicKeyInfo of the issuing CA. */
  readonly subjectPublicKeyInfo: Uint8Array;
  /** SHA-256 of `subjectPublicKeyInfo`: the issuer key hash of RFC 6962 §3.2. */
  readonly issuerKeyHash: Uint8Array;
  /** keyIdentifier of the issuing CA's subjectKeyIdentifier extension. */
  readonly subjectKeyIdentifier: Uint8Array;
  /** How this CA signs leaves. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** The latest notBefore and the earliest notAfter of the chain, milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Longest chain file, in bytes or characters, and most certificates in it. */
const MAX_CHAIN_LENGTH = 65_536;
const MAX_CERTIFICATES = 8;

/**
 * Reads and verifies a chain file: PEM certificates and nothing else, issuing CA first, self-signed root last
 * (docs/certificate-profile.md §5).
 *
 * @param pem the file's contents
 * @param nowMs wall clock, milliseconds; every certificate must be valid now. Undefined for a chain that is only read
 * @returns a frozen value
 * @throws MayflyError `profile_violation`: CA_EXPIRED for validity, CHAIN_INVALID for everything else
 */
export function parseIssuerChain(pem: string | Uint8Array, nowMs: number | undefined): IssuerChain {
  const chain = readChainFile(pem).map(readNth);
  verifyChain(chain, nowMs);
  const [issuingCa] = chain;
  if (issuingCa === undefined) throw noCertificate();
  const certificates = chain.map(({ der }) => der);
  return Object.freeze({
    certificates,
    pem: certificates.map((der) => encodePem("CERTIFICATE", der)),
    fingerprints: certificates.map(sha256),
    subjectName: issuingCa.subjectName,
    subjectPublicKeyInfo: issuingCa.subjectPublicKeyInfo,
    issuerKeyHash: sha256(issuingCa.subjectPublicKeyInfo),
    subjectKeyIdentifier: issuingCa.subjectKeyIdentifier,
    signatureAlgorithm: issuingCa.signatureAlgorithm,
    notBeforeMs: Math.max(...chain.map(({ notBeforeMs }) => notBeforeMs)),
    notAfterMs: Math.min(...chain.map(({ notAfterMs }) => notAfterMs)),
  });
}

function sha256(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(hash("sha256", bytes, "buffer"));
}

const noCertificate = (): MayflyError =>
  new MayflyError("CHAIN_INVALID", "certificate chain must contain at least one certificate");

/**
 * The certificates of a chain file, of which nothing is looked at.
 *
 * @returns DER, in the file's order; at least one
 * @throws MayflyError `profile_violation` (CHAIN_INVALID) when it is no PEM, too long, or holds anything else
 */
export function readChainFile(pem: string | Uint8Array): readonly Uint8Array[] {
  if (pem.length > MAX_CHAIN_LENGTH) throw new MayflyError("CHAIN_INVALID", "the chain file is longer than 64 KiB");
  const blocks = parseBlocks(pem);
  if (blocks.some(({ label }) => label.endsWith("PRIVATE KEY"))) {
    throw new MayflyError("CHAIN_INVALID", "the chain file holds a private key: keep that apart, the chain is public");
  }
  if (blocks.some(({ label }) => label !== "CERTIFICATE")) {
    throw new MayflyError("CHAIN_INVALID", "the chain file holds something other than certificates");
  }
  if (blocks.length > MAX_CERTIFICATES)
    throw new MayflyError("CHAIN_INVALID", "the chain has more than 8 certificates");
  if (blocks.length === 0) throw noCertificate();
  return blocks.map(({ der }) => der);
}

function parseBlocks(pem: string | Uint8Array): readonly PemBlock[] {
  try {
    return parsePem(pem);
  } catch (cause) {
    throw new MayflyError("CHAIN_INVALID", "the chain file is not PEM with nothing around its blocks", { cause });
  }
}

function readNth(der: Uint8Array, index: number): CaCertificate {
  try {
    return readCaCertificate(der);
  } catch (cause) {
    if (!(cause instanceof MayflyError)) throw cause;
    throw new MayflyError(cause.reason, `${nth(index)}: ${cause.message}`, { cause });
  }
}

/** Key types by the names that Fulcio's message uses. */
const KEY_TYPE: Readonly<Record<SignatureAlgorithm, string>> = {
  "ecdsa-p256-sha256": "ecdsa",
  "ecdsa-p384-sha384": "ecdsa",
  "ecdsa-p521-sha512": "ecdsa",
  "rsa-pkcs1-sha256": "rsa",
  ed25519: "ed25519",
};

/**
 * Refuses a signer whose key is not the one that the issuing CA's certificate names; its leaves would verify nowhere.
 *
 * @param spki DER SubjectPublicKeyInfo of the signer's key
 * @throws MayflyError `signer_failed` (SIGNER_KEY_MISMATCH), with both key identifiers in hex
 */
export function assertSignerMatches(chain: IssuerChain, spki: Uint8Array): void {
  if (Buffer.compare(chain.subjectPublicKeyInfo, spki) === 0) return;
  const [expected, actual] = [chain.subjectPublicKeyInfo, spki].map((key) =>
    Buffer.from(keyIdentifier(key)).toString("hex"),
  );
  const type = KEY_TYPE[chain.signatureAlgorithm];
  throw new MayflyError(
    "SIGNER_KEY_MISMATCH",
    `${type} public keys are not equal (${String(expected)}, ${String(actual)})`,
  );
}
