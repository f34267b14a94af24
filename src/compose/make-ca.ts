import type { CaIdentity, CaTemplate } from "../core/certificate/ca-certificate.ts";
import { encodeCaTbs } from "../core/certificate/ca-certificate.ts";
import { encodeCertificate } from "../core/certificate/encode-tbs.ts";
import { encodePem } from "../core/encoding/pem.ts";
import type { Signer } from "../ports/signer.ts";
import { drawSerialNumber } from "./serial-number.ts";

/** Keys and names of a new certificate authority. */
export interface NewCa {
  readonly organization: string;
  readonly root: Signer;
  readonly issuing: Signer;
  readonly nowMs: number;
}

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
const ROOT_YEARS = 10;
const ISSUING_YEARS = 3;

/**
 * Signs the certificates of a root and of an issuing CA under it (docs/certificate-profile.md).
 *
 * @returns PEM chain, issuing CA first, with a final newline
 */
export async function makeCaChain(ca: NewCa): Promise<string> {
  const notBeforeMs = Math.floor(ca.nowMs / 1000) * 1000;
  const identity = (signer: Signer, commonName: string): CaIdentity => ({
    name: { organization: ca.organization, commonName: `${ca.organization} ${commonName}` },
    subjectPublicKeyInfo: signer.publicKey,
  });
  const root = identity(ca.root, "root");
  const common = { signatureAlgorithm: ca.root.algorithm, notBeforeMs };
  const templates: CaTemplate[] = [
    {
      ...common,
      subject: identity(ca.issuing, "issuing CA"),
      issuer: root,
      serialNumber: drawSerialNumber(),
      pathLength: 0,
      notAfterMs: notBeforeMs + ISSUING_YEARS * YEAR_MS,
    },
    {
      ...common,
      subject: root,
      issuer: "self",
      serialNumber: drawSerialNumber(),
      pathLength: 1,
      notAfterMs: notBeforeMs + ROOT_YEARS * YEAR_MS,
    },
  ];
  let chain = "";
  for (const template of templates) {
    const tbs = encodeCaTbs(template);
    const der = encodeCertificate(tbs, ca.root.algorithm, await ca.root.sign(tbs));
    chain += `${encodePem("CERTIFICATE", der)}\n`;
  }
  return chain;
}
