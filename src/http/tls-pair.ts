import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { SecureContextOptions } from "node:tls";
import { MayflyError } from "../core/errors.ts";

/** A certificate chain and its private key as PEM, leaf first, which a TLS server was seen to accept. */
export interface TlsPair {
  readonly certificate: string;
  readonly key: string;
  /** When the leaf expires, milliseconds since 1970. */
  readonly notAfterMs: number;
  /** SHA-256 of the leaf, lower-case hex: what tells one certificate from another in a log line. */
  readonly fingerprint: string;
}

/** Forward secrecy and authenticated encryption only (RFC 9325 §4.2), TLS 1.3 first. */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** What a handshake is made with; TLS 1.0 and 1.1 are refused (RFC 8996). */
export function secureContextOptions({ certificate, key }: Pick<TlsPair, "certificate" | "key">): SecureContextOptions {
  return { cert: certificate, key, minVersion: "TLSv1.2", ciphers: CIPHERS, honorCipherOrder: true };
}

/**
 * Checks that a certificate and a key belong together and can be served with.
 *
 * @param files PEM texts: a chain, leaf first, and an unencrypted private key
 * @throws MayflyError `internal` (TLS_PAIR_INVALID) saying which of the two is wrong and why, never what the key is
 */
export function parseTlsPair(files: { readonly certificate: string; readonly key: string }, nowMs: number): TlsPair {
  const leaf = parse("certificate", () => new X509Certificate(files.certificate));
  const key = parse("key", () => parsePrivateKey(files.key));
  if (!leaf.checkPrivateKey(key)) throw invalid("the key is not that of the certificate");
  const notAfterMs = leaf.validToDate.getTime();
  if (notAfterMs <= nowMs) throw invalid(`the certificate expired at ${leaf.validToDate.toISOString()}`);
  parse("certificate", () => createSecureContext(secureContextOptions(files)));
  const fingerprint = leaf.fingerprint256.replaceAll(":", "").toLowerCase();
  return Object.freeze({ ...files, notAfterMs, fingerprint });
}

function parsePrivateKey(pem: string): KeyObject {
  if (pem.includes("ENCRYPTED")) throw new MayflyError("TLS_PAIR_INVALID", "it is encrypted; expected one in clear");
  return createPrivateKey(pem);
}

function parse<T>(which: "certificate" | "key", read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw invalid(`the ${which} cannot be used`, cause);
  }
}

function invalid(detail: string, cause?: unknown): MayflyError {
  return new MayflyError("TLS_PAIR_INVALID", detail, { cause });
}
