import { createPublicKey, hash, X509Certificate, type KeyObject } from "node:crypto";
import { assertLoggedTbs } from "../core/certificate/logged-tbs.ts";
import { decodeCtExtensions } from "../core/ct/ct-extensions.ts";
import { encodeMerkleTreeLeaf, type SignedEntry, type TimestampedEntry } from "../core/ct/log-entry.ts";
import { decodeTileLeaf, type TileLeaf } from "../core/ct/static-entry.ts";
import { DerError } from "../core/encoding/der-reader.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import type { DecodedEntry, DecodeEntry } from "../tlog/verify-log.ts";
import { submissionKey } from "./submission-key.ts";

/** An issuing CA's key, as far as an entry needs it. */
interface IssuerKey {
  readonly publicKey: KeyObject;
  /** SHA-256 of its SubjectPublicKeyInfo (RFC 6962 §3.2). */
  readonly issuerKeyHash: Uint8Array;
}

/** An entry of this log: it never logs anything but precertificates. */
export interface PrecertEntry extends TileLeaf {
  readonly signedEntry: Extract<SignedEntry, { readonly kind: "precert_entry" }>;
  readonly preCertificate: Uint8Array;
}

/**
 * Reads the stored bytes of an entry of this log.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when they are no TileLeaf of a precertificate (C2SP static-ct-api)
 */
export function decodePrecertEntry(stored: Uint8Array): PrecertEntry {
  const leaf = decodeLeaf(stored);
  const { signedEntry } = leaf.timestampedEntry;
  if (signedEntry.kind !== "precert_entry" || leaf.preCertificate === undefined) {
    throw new MayflyError("LOG_CORRUPT", "is no precertificate");
  }
  return { ...leaf, signedEntry, preCertificate: leaf.preCertificate };
}

/**
 * How the entries of a log of certificates are read when it is verified (C2SP static-ct-api). The tree commits to the
 * logged TBS only; that the stored precertificate is the one of that TBS, and was signed by the issuing CA, is checked
 * here.
 */
export function makeDecodeCertificateEntry(): DecodeEntry {
  const keyOf = makeKeyOf();
  return (stored, index): DecodedEntry => {
    const entry = decodePrecertEntry(stored);
    const { timestampedEntry, signedEntry, certificateChain } = entry;
    const statedIndex = readIndex(timestampedEntry);
    if (statedIndex !== index) throw new MayflyError("LOG_CORRUPT", `says that it is entry ${statedIndex ?? "none"}`);
    return {
      leafInput: encodeMerkleTreeLeaf(timestampedEntry),
      timestampMs: timestampedEntry.timestampMs,
      submissionKey: readSubmissionKey(signedEntry),
      issuers: certificateChain,
      verify: ([issuer]) => {
        if (issuer === undefined) throw new MayflyError("LOG_CORRUPT", "names no issuer");
        verifyPrecertificate(entry, keyOf(issuer));
      },
    };
  };
}

function decodeLeaf(stored: Uint8Array): TileLeaf {
  try {
    return decodeTileLeaf(stored);
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "is no entry of a certificate log", { cause });
  }
}

function readIndex({ extensions }: TimestampedEntry): number | undefined {
  try {
    return decodeCtExtensions(extensions);
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "has extensions that cannot be read", { cause });
  }
}

function readSubmissionKey(signedEntry: PrecertEntry["signedEntry"]): Uint8Array {
  try {
    return submissionKey(signedEntry);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "its TBS is no DER", { cause });
  }
}

function verifyPrecertificate({ signedEntry, preCertificate }: PrecertEntry, issuer: IssuerKey): void {
  if (Buffer.compare(signedEntry.issuerKeyHash, issuer.issuerKeyHash) !== 0) {
    throw new MayflyError("LOG_CORRUPT", "was issued by another key than its chain's");
  }
  try {
    assertLoggedTbs(preCertificate, signedEntry.tbsCertificate);
  } catch (cause) {
    throw new MayflyError("LOG_CORRUPT", "its precertificate is not the logged one", { cause });
  }
  if (!parseCertificate(preCertificate).verify(issuer.publicKey)) {
    throw new MayflyError("LOG_CORRUPT", "its precertificate was not signed by the issuing CA");
  }
}

function makeKeyOf(): (issuer: Uint8Array) => IssuerKey {
  const known = new WeakMap<Uint8Array, IssuerKey>();
  return (issuer) => {
    const key = known.get(issuer) ?? keyOfCertificate(issuer);
    known.set(issuer, key);
    return key;
  };
}

function keyOfCertificate(der: Uint8Array): IssuerKey {
  const spki = parseCertificate(der).publicKey.export({ type: "spki", format: "der" });
  const publicKey = createPublicKey({ key: spki, type: "spki", format: "der" });
  return { publicKey, issuerKeyHash: hash("sha256", spki, "buffer") };
}

function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new MayflyError("LOG_CORRUPT", "holds a certificate that cannot be read", { cause });
  }
}
