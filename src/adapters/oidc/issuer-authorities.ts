import { createSecureContext, getCACertificates } from "node:tls";
import type { SecureContext } from "node:tls";

/** Contexts that somebody still uses, by the certificates that they are made of. */
const contexts = new Map<string, WeakRef<SecureContext>>();

/**
 * What an issuer's TLS is judged by: the system's authorities and its own. Making one takes some 12 ms and 1 MB, and each
 * issuer of a pattern has the same ones, however many there are: they share it.
 *
 * @param own certificates, PEM
 */
export function issuerAuthorities(own: string): SecureContext {
  const known = contexts.get(own)?.deref();
  if (known !== undefined) return known;
  for (const [pem, context] of contexts) if (context.deref() === undefined) contexts.delete(pem);
  const made = createSecureContext({ minVersion: "TLSv1.2", ca: [...getCACertificates("default"), own] });
  contexts.set(own, new WeakRef(made));
  return made;
}
