import { hash, X509Certificate } from "node:crypto";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import type { SignedEntity } from "@sigstore/verify";
import { leafOf } from "./sign-file.ts";
import type { SignedFile } from "./sign-file.ts";

/** What a relying party must know beforehand: whom to trust. */
export interface TrustAnchors {
  /** PEM of the CA chain, issuing CA first, root last. */
  readonly chainPem: string;
  /** DER SubjectPublicKeyInfo of the log's P-256 key. */
  readonly logPublicKey: Buffer;
}

const START = "2026-01-01T00:00:00Z";

/** The chain's certificates, in file order. */
export function certificatesOf(chainPem: string): X509Certificate[] {
  return (chainPem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/gu) ?? []).map(
    (pem) => new X509Certificate(pem),
  );
}

/** The anchors as Sigstore's clients read them (protobuf-specs, TrustedRoot). */
export function trustedRoot(anchors: TrustAnchors): TrustedRoot {
  const certificates = certificatesOf(anchors.chainPem).map(({ raw }) => ({ rawBytes: raw.toString("base64") }));
  return TrustedRoot.fromJSON({
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    certificateAuthorities: [{ certChain: { certificates }, validFor: { start: START } }],
    ctlogs: [
      {
        hashAlgorithm: "SHA2_256",
        publicKey: {
          rawBytes: anchors.logPublicKey.toString("base64"),
          keyDetails: "PKIX_ECDSA_P256_SHA_256",
          validFor: { start: START },
        },
        logId: { keyId: hash("sha256", anchors.logPublicKey, "base64") },
      },
    ],
  });
}

/**
 * Verifies a signed file with Sigstore's own verifier: the signature, the certificate chain, the embedded SCT and the
 * identity. Nothing proves when the file was signed, so the time is asserted: the first second of the certificate.
 *
 * @throws VerificationError or PolicyError of `@sigstore/verify`
 */
export function verifyBundle(signed: SignedFile, anchors: TrustAnchors, identity: string): void {
  verifyBundleUnder(trustedRoot(anchors), signed, identity);
}

/**
 * The same under a trusted root as clients get it.
 *
 * @throws VerificationError or PolicyError of `@sigstore/verify`
 */
export function verifyBundleUnder(root: TrustedRoot, signed: SignedFile, identity: string): void {
  const { notBefore } = readCertificate(leafOf(signed.bundle));
  const verifier = new Verifier(toTrustMaterial(root), {
    ctlogThreshold: 1,
    tlogThreshold: 0,
    timestampThreshold: 0,
  });
  const entity: SignedEntity = toSignedEntity(signed.bundle, signed.artifact);
  const asserted: SignedEntity["timestamps"][number] = {
    $case: "transparency-log",
    tlogEntry: {
      integratedTime: String(notBefore.getTime() / 1000),
      logId: { keyId: Buffer.alloc(32) },
      logIndex: "0",
      kindVersion: { kind: "asserted", version: "0" },
      // Present, or the verifier does not look at the time; nothing verifies it, as the entry stands in no bundle.
      inclusionPromise: { signedEntryTimestamp: Buffer.alloc(0) },
      inclusionProof: undefined,
      canonicalizedBody: Buffer.alloc(0),
    },
  };
  verifier.verify({ ...entity, timestamps: [asserted] }, { subjectAlternativeName: anchored(identity) });
}

/** `@sigstore/verify` searches with an unanchored pattern: `a@x` would also match `ba@xy`. */
function anchored(identity: string): RegExp {
  return new RegExp(`^${identity.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")}$`, "u");
}

/** What a person wants to know of a certificate. */
export interface CertificateSummary {
  readonly serialNumber: string;
  readonly subjectAltName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Reads a certificate with Node's own parser. */
export function readCertificate(der: Buffer): CertificateSummary {
  const certificate = new X509Certificate(der);
  return {
    serialNumber: certificate.serialNumber.toLowerCase(),
    subjectAltName: certificate.subjectAltName ?? "",
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
  };
}

/**
 * Checks the chain with Node's own parser and OpenSSL: every signature, every issuer, and a root that signed itself.
 *
 * @throws Error naming the certificate that its issuer did not sign
 */
export function verifyChain(leaf: Buffer, anchors: TrustAnchors): void {
  const path = [new X509Certificate(leaf), ...certificatesOf(anchors.chainPem)];
  path.forEach((certificate, position) => {
    const issuer = path[position + 1] ?? certificate;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      throw new Error(`certificate ${String(position)} of the chain is not signed by the one above it`);
    }
  });
}
