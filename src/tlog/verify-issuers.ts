import { hash } from "node:crypto";
import { MayflyError } from "../core/errors.ts";
import type { LogRecords } from "../ports/log-store.ts";

/**
 * What fingerprints stand for; the same bytes are the same object each time.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when one is missing or not what its fingerprint says
 */
export type IssuersOf = (fingerprints: readonly Uint8Array[]) => Promise<readonly Uint8Array[]>;

/** A log's entries refer to very few certificates; more than this means that somebody filled the log with others. */
const MAX_KNOWN = 1_024;

/** Reads what entries refer to, each of them once, and compares it with its fingerprint. */
export function makeIssuersOf(records: Pick<LogRecords, "issuer">): IssuersOf {
  const known = new Map<string, Uint8Array>();
  const issuerOf = async (fingerprint: Uint8Array): Promise<Uint8Array> => {
    const name = Buffer.from(fingerprint).toString("hex");
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const der = await records.issuer(fingerprint);
    if (der === undefined) throw new MayflyError("LOG_CORRUPT", `issuer ${name} is missing`);
    if (hash("sha256", der, "hex") !== name) throw new MayflyError("LOG_CORRUPT", `issuer ${name} was changed`);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(name, der);
    return der;
  };
  return (fingerprints) => Promise.all(fingerprints.map(issuerOf));
}
