import { hash } from "node:crypto";
import type { SignedEntry } from "../core/ct/log-entry.ts";

/** LogEntryType precert_entry(1) of RFC 6962 §3.1, two bytes. */
const PRECERT_ENTRY_TYPE = Uint8Array.of(0, 1);

/** What makes two submissions the same one: SHA-256 over entry type, issuer key hash and logged TBS. */
export function submissionDigest(entry: Extract<SignedEntry, { readonly kind: "precert_entry" }>): Uint8Array {
  return hash("sha256", Buffer.concat([PRECERT_ENTRY_TYPE, entry.issuerKeyHash, entry.tbsCertificate]), "buffer");
}
