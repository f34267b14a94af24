import { readFileSync } from "node:fs";
import { bundleToJSON } from "@sigstore/bundle";
import type { Bundle } from "@sigstore/bundle";
import { FulcioSigner, MessageSignatureBundleBuilder } from "@sigstore/sign";

/** What was signed, and what came of it. */
export interface SignedFile {
  readonly artifact: Buffer;
  readonly bundle: Bundle;
  /** The bundle as Sigstore clients exchange it (protobuf-specs, JSON). */
  readonly bundleJson: string;
}

/**
 * Signs a file with Sigstore's own client. There is neither a transparency log for signatures nor a timestamp authority
 * here, so the bundle holds the certificate and the signature only.
 */
export async function signFile(file: string, mayflyUrl: string, getToken: () => Promise<string>): Promise<SignedFile> {
  const artifact = readFileSync(file);
  const signer = new FulcioSigner({ fulcioBaseURL: mayflyUrl, identityProvider: { getToken } });
  const bundle = await new MessageSignatureBundleBuilder({ signer, witnesses: [] }).create({ data: artifact });
  return { artifact, bundle, bundleJson: `${JSON.stringify(bundleToJSON(bundle), null, 2)}\n` };
}

/** DER of the leaf in a bundle. */
export function leafOf(bundle: Bundle): Buffer {
  const { content } = bundle.verificationMaterial;
  const der =
    content.$case === "certificate"
      ? content.certificate.rawBytes
      : content.$case === "x509CertificateChain"
        ? content.x509CertificateChain.certificates[0]?.rawBytes
        : undefined;
  if (der === undefined) throw new TypeError("the bundle holds no certificate");
  return Buffer.from(der);
}
