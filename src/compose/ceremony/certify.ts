import { createPublicKey } from "node:crypto";
import type { CaTemplate } from "../../core/certificate/ca-certificate.ts";
import { encodeCaTbs } from "../../core/certificate/ca-certificate.ts";
import { encodeCertificate } from "../../core/certificate/encode-tbs.ts";
import { readChainFile } from "../../core/certificate/issuer-chain.ts";
import { readCaCertificate } from "../../core/certificate/read-ca-certificate.ts";
import { derChildren, parseDer } from "../../core/encoding/der-reader.ts";
import { encodePem } from "../../core/encoding/pem.ts";
import { MayflyError } from "../../core/errors.ts";
import type { Signer } from "../../ports/signer.ts";
import { keepFile, readKept } from "./keep-file.ts";
import type { Kept } from "./keep-file.ts";

/** One certificate to be signed, and where it is kept. */
export interface Certification {
  readonly file: string;
  readonly template: CaTemplate;
  /** Key of the authority above, or of the root itself. */
  readonly signer: Signer;
  /** Certificates to stand behind it in its file, its parent's first. */
  readonly above?: readonly Uint8Array[];
  /** Called right before the key is used. */
  readonly onSign: () => void;
}

/** A certificate that is in its file. */
export interface Certified {
  readonly der: Uint8Array;
  readonly kept: Kept;
}

/**
 * Signs one certificate and keeps it. Where its file is there, nothing is signed: it must hold exactly this certificate, by this
 * key.
 *
 * @throws MayflyError `internal` (CEREMONY_CONFLICT) for another file, `signer_failed`, `signer_unavailable`
 */
export async function certify(certification: Certification): Promise<Certified> {
  const { file, template, signer, above = [], onSign } = certification;
  const tbs = encodeCaTbs(template);
  const there = readKept(file);
  if (there !== undefined) return { der: requireSame(there, tbs, certification), kept: "there" };
  onSign();
  const der = encodeCertificate(tbs, template.signatureAlgorithm, await signer.sign(tbs));
  requireOwnSignature(der, certification);
  return { der, kept: keepFile(file, Buffer.from([der, ...above].map(toPem).join(""))) };
}

/** One certificate of a PEM file. */
export const toPem = (der: Uint8Array): string => `${encodePem("CERTIFICATE", der)}\n`;

function requireSame(pem: Buffer, tbs: Uint8Array, certification: Certification): Uint8Array {
  const [der, ...above] = readChainFile(pem);
  const expected = certification.above ?? [];
  const isSame =
    der !== undefined &&
    Buffer.from(derChildren(parseDer(der))[0]?.bytes ?? []).equals(tbs) &&
    Buffer.concat(above).equals(Buffer.concat([...expected]));
  if (isSame) {
    requireOwnSignature(der, certification);
    return der;
  }
  throw new MayflyError("CEREMONY_CONFLICT", `${certification.file} is another certificate; it was not touched`);
}

/** Read back by the rules that every chain is read by, so that nothing is kept which a start would refuse. */
function requireOwnSignature(der: Uint8Array, { file, signer }: Certification): void {
  const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
  if (readCaCertificate(der).isSignedBy(key)) return;
  throw new MayflyError("SIGNATURE_INVALID", `${file} is not signed by its authority's key`);
}
