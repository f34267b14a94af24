import { PresentationReader } from "../encoding/tls-presentation.ts";
import { readCertificate, type SignedEntry } from "./log-entry.ts";

/** What a log keeps of a submission beside its MerkleTreeLeaf (RFC 6962 §4.6). */
export interface ExtraData {
  /** DER of the whole precertificate; present exactly when the entry is a precert_entry. */
  readonly preCertificate?: Uint8Array;
  /** DER of the certificates above the leaf, issuing CA first. */
  readonly chain: readonly Uint8Array[];
}

/**
 * Reads the extra_data of an entry (RFC 6962 §4.6): the chain of an X509ChainEntry, or a PrecertChainEntry.
 *
 * @throws PresentationError when the bytes are not exactly one
 */
export function decodeExtraData(kind: SignedEntry["kind"], extraData: Uint8Array): ExtraData {
  const reader = new PresentationReader(extraData);
  const preCertificate = kind === "precert_entry" ? readCertificate(reader) : undefined;
  const list = new PresentationReader(reader.vec24());
  reader.finish();
  const chain: Uint8Array[] = [];
  while (list.remaining > 0) chain.push(readCertificate(list));
  return preCertificate === undefined ? { chain } : { preCertificate, chain };
}
