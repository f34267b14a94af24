import { sign } from "node:crypto";
import { toMessageSignatureBundle } from "@sigstore/bundle";
import { verifyBundle, type TrustAnchors } from "../../../dev/verify-bundle.ts";
import type { KeyPair } from "../certificate-fixtures.ts";
import { sha256 } from "../log-fixtures.ts";

/** A certificate that was issued, and whom it names. */
export interface IssuedCertificate {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly identity: string;
  readonly logIndex: number;
}

const ARTIFACT = Buffer.from("an artifact\n");

/**
 * Signs something with the certificate's key and lets Sigstore's own verifier look at the signature, the chain, the SCT and
 * the identity.
 *
 * @throws VerificationError or PolicyError of `@sigstore/verify`
 */
export function verifyIssued({ certificate, identity }: IssuedCertificate, key: KeyPair, anchors: TrustAnchors): void {
  const bundle = toMessageSignatureBundle({
    digest: Buffer.from(sha256(ARTIFACT)),
    signature: sign("sha256", ARTIFACT, key.privateKey),
    certificate: Buffer.from(certificate),
  });
  verifyBundle({ artifact: ARTIFACT, bundle, bundleJson: "" }, anchors, identity);
}
