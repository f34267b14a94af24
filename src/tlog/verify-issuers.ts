import { hash } from "node:crypto";
import { noteProblem, type OnProblem } from "./log-problem.ts";

/** A log's entries refer to very few certificates; more than this means that somebody filled the log with others. */
const MAX_KNOWN = 4_096;

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
  return async (fingerprints) => (await Promise.all(fingerprints.map(once))).filter((der) => der !== undefined);
}
