import { hash } from "node:crypto";
import { noteProblem, type OnProblem } from "./log-problem.ts";

/** A log's entries refer to very few certificates; more than this means that somebody filled the log with others. */
const MAX_KNOWN = 4_096;

/** Certificates that are read together. */
const READ_TOGETHER = 64;

/** What the entries of one part may refer to, bytes; those of public logs have a hundred certificates of 2 KiB. */
const MAX_PART_BYTES = 16 * 1_048_576;

/** Bytes by their SHA-256; undefined when the log does not have them. */
export type IssuerOf = (fingerprint: Uint8Array) => Promise<Uint8Array | undefined>;

/**
 * Makes what reads the certificates that entries refer to, each of them once, and compares it with its fingerprint. One
 * that is missing or changed is a problem of its own, however many entries refer to it.
 *
 * @returns takes fingerprints and gives those certificates that are what they should be
 */
export function makeIssuersOf(
  issuerOf: IssuerOf,
  onProblem: OnProblem,
): (fingerprints: readonly Uint8Array[]) => Promise<readonly Uint8Array[]> {
  const known = new Map<string, Promise<Uint8Array | undefined>>();
  const read = (fingerprint: Uint8Array, name: string): Promise<Uint8Array | undefined> => {
    const where = `issuer ${name}`;
    return noteProblem(where, onProblem, async () => {
      const der = await issuerOf(fingerprint);
      if (der !== undefined && hash("sha256", der, "hex") === name) return der;
      onProblem({ where, what: der === undefined ? "is missing" : "was changed" });
      return undefined;
    });
  };
  const once = (fingerprint: Uint8Array): Promise<Uint8Array | undefined> => {
    const name = Buffer.from(fingerprint).toString("hex");
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    if (known.size >= MAX_KNOWN) known.clear();
    const reading = read(fingerprint, name);
    known.set(name, reading);
    return reading;
  };
  return async (fingerprints) => {
    const certificates: Uint8Array[] = [];
    let bytes = 0;
    for (let at = 0; at < fingerprints.length; at += READ_TOGETHER) {
      const together = await Promise.all(fingerprints.slice(at, at + READ_TOGETHER).map(once));
      for (const der of together.filter((each) => each !== undefined)) {
        bytes += der.length;
        certificates.push(der);
      }
      if (bytes <= MAX_PART_BYTES) continue;
      onProblem({ where: "issuers", what: `entries of one tile refer to more than ${MAX_PART_BYTES} bytes of them` });
      break;
    }
    return certificates;
  };
}
