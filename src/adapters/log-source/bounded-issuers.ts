import { hash } from "node:crypto";

/** Four pages of entries that consist of nothing but certificates nobody saw before. */
const MOST_BYTES = 64 << 20;

/** The certificates that a log's answers brought, by fingerprint; those that were longest of no use go first. */
export class BoundedIssuers {
  readonly #mostBytes: number;
  readonly #certificates = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** @returns the certificate's fingerprint: its SHA-256, 32 bytes */
  add(der: Uint8Array): Uint8Array {
    const fingerprint = hash("sha256", der, "buffer");
    const known = this.#take(fingerprint.toString("hex"));
    this.#put(fingerprint.toString("hex"), known ?? der);
    return fingerprint;
  }

  get(fingerprint: Uint8Array): Uint8Array | undefined {
    const name = Buffer.from(fingerprint).toString("hex");
    const der = this.#take(name);
    if (der !== undefined) this.#put(name, der);
    return der;
  }

  #take(name: string): Uint8Array | undefined {
    const der = this.#certificates.get(name);
    if (der !== undefined) this.#bytes -= der.length;
    this.#certificates.delete(name);
    return der;
  }

  /** A map is in the order in which its members came, so the first of it is the one to go. */
  #put(name: string, der: Uint8Array): void {
    this.#certificates.set(name, der);
    this.#bytes += der.length;
    for (const [oldest] of this.#certificates) {
      if (this.#bytes <= this.#mostBytes || oldest === name) return;
      this.#take(oldest);
    }
  }
}
