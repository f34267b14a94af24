import { createPublicKey, hash, X509Certificate, type KeyObject } from "node:crypto";

/** A certificate that entries refer to, as far as an entry needs it. */
export interface IssuerKey {
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  /** Undefined when the certificate cannot be read. */
  readonly certificate: X509Certificate | undefined;
  readonly publicKey: KeyObject | undefined;
  /** SHA-256 of its SubjectPublicKeyInfo (RFC 6962 §3.2); no bytes when it cannot be read. */
  readonly keyHash: Uint8Array;
}

/** Chain of an entry. */
export interface KnownChain {
  /** The issuing CA first; undefined for those that the log does not have. */
  readonly issuers: readonly (IssuerKey | undefined)[];
  /** What is wrong with the chain itself, whoever refers to it. */
  readonly problem: string | undefined;
}

const FINGERPRINT_LENGTH = 32;

/** Certificates and chains that are remembered; a log's entries refer to very few. */
const MAX_KNOWN = 4_096;

/** Keys of the certificates that entries refer to, each imported once, and the chains that they form. */
export class IssuerKeys {
  readonly #keys = new Map<string, IssuerKey>();
  readonly #chains = new Map<string, KnownChain>();
  /** Most entries have the chain of the one before. */
  #last: { readonly fingerprints: Uint8Array; readonly chain: KnownChain } | undefined;

  /** Takes certificates that were compared with their fingerprints. */
  learn(certificates: readonly Uint8Array[]): void {
    if (this.#keys.size + certificates.length > MAX_KNOWN) this.#keys.clear();
    for (const der of certificates) {
      const fingerprint = hash("sha256", der, "hex");
      if (this.#keys.has(fingerprint)) continue;
      this.#keys.set(fingerprint, readIssuer(der, fingerprint));
      // A chain that lacked this one is whole now.
      this.#chains.clear();
      this.#last = undefined;
    }
  }

  /** @param fingerprints 32 bytes each, one after the other, the issuing CA's first */
  chainOf(fingerprints: Uint8Array): KnownChain {
    if (this.#last !== undefined && Buffer.compare(this.#last.fingerprints, fingerprints) === 0)
      return this.#last.chain;
    const name = Buffer.from(fingerprints).toString("hex");
    const chain = this.#chains.get(name) ?? this.#readChain(name);
    if (this.#chains.size >= MAX_KNOWN) this.#chains.clear();
    this.#chains.set(name, chain);
    this.#last = { fingerprints: fingerprints.slice(), chain };
    return chain;
  }

  #readChain(name: string): KnownChain {
    const names = Array.from({ length: name.length / (2 * FINGERPRINT_LENGTH) }, (_, at) =>
      name.slice(at * 2 * FINGERPRINT_LENGTH, (at + 1) * 2 * FINGERPRINT_LENGTH),
    );
    const issuers = names.map((fingerprint) => this.#keys.get(fingerprint));
    return { issuers, problem: problemOfChain(issuers) };
  }
}

function readIssuer(der: Uint8Array, fingerprint: string): IssuerKey {
  try {
    const certificate = new X509Certificate(der);
    const spki = certificate.publicKey.export({ type: "spki", format: "der" });
    const publicKey = createPublicKey({ key: spki, type: "spki", format: "der" });
    return { fingerprint, certificate, publicKey, keyHash: hash("sha256", spki, "buffer") };
  } catch {
    // OpenSSL has more than one kind of error for bytes that it cannot read; whichever it is, there is no key.
    return { fingerprint, certificate: undefined, publicKey: undefined, keyHash: new Uint8Array(0) };
  }
}

/** Each certificate of a chain was signed by the next one (RFC 6962 §3.1). One that is missing is reported elsewhere. */
function problemOfChain(issuers: readonly (IssuerKey | undefined)[]): string | undefined {
  for (const [at, issuer] of issuers.entries()) {
    if (issuer === undefined) continue;
    if (issuer.certificate === undefined) return `issuer ${issuer.fingerprint} is no certificate`;
    const next = issuers[at + 1];
    if (next?.certificate === undefined || next.publicKey === undefined) continue;
    if (!issuer.certificate.checkIssued(next.certificate) || !issuer.certificate.verify(next.publicKey)) {
      return `issuer ${issuer.fingerprint} was not issued by the next certificate of the chain`;
    }
  }
  return undefined;
}
