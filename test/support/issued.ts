import { X509Certificate } from "node:crypto";
import type { Answer } from "./ask.ts";

/** The certificates of a granted signing call, leaf first. */
export function chainIn({ body }: Answer): X509Certificate[] {
  const { signedCertificateEmbeddedSct } = body as {
    signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
  };
  return signedCertificateEmbeddedSct.chain.certificates.map((pem) => new X509Certificate(pem));
}

/** The certificate of a granted signing call. */
export function certificateIn(answer: Answer): X509Certificate {
  return chainIn(answer)[0]!;
}
