import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { Answer } from "./ask.ts";

/** What is looked at of an answer, whoever asked for it. */
type Granted = Pick<Answer, "status" | "text" | "body">;

/** The certificates of a granted signing call, PEM, leaf first; holds the answer to have nothing beside them. */
export function pemsIn({ status, text, body }: Granted): readonly string[] {
  assert.equal(status, 200, text);
  const { signedCertificateEmbeddedSct } = body as {
    signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
  };
  const { certificates } = signedCertificateEmbeddedSct.chain;
  assert.deepEqual(body, { signedCertificateEmbeddedSct: { chain: { certificates } } });
  return certificates;
}

/** {@link pemsIn}, parsed. */
export function chainIn(answer: Granted): readonly X509Certificate[] {
  return pemsIn(answer).map((pem) => new X509Certificate(pem));
}

/** The certificate of a granted signing call. */
export function certificateIn(answer: Granted): X509Certificate {
  return chainIn(answer)[0]!;
}
