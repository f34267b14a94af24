import type { SignedCertificateTimestamp } from "./ct/sct.ts";
import type { EncodedTemplate } from "./certificate/encode-tbs.ts";

/** The key a caller wants certified, in one of Fulcio's two forms; not yet checked in any way. */
export type KeyRequest =
  | {
      readonly kind: "public-key";
      /** What the caller sent as its key: PEM text, or DER where the entrance allows it. */
      readonly publicKey: Uint8Array;
      /** Signature over the principal's challenge; empty when the caller sent none. */
      readonly proof: Uint8Array;
    }
  | {
      readonly kind: "csr";
      /** PEM text of a PKCS#10 certification request (RFC 2986, RFC 7468). */
      readonly csr: Uint8Array;
    };

/** One signing call as every entrance (HTTP, gRPC) hands it to issuance. */
export interface SigningRequest {
  /** The OIDC ID token as sent, a compact JWS; empty when the caller sent none. */
  readonly idToken: string;
  readonly key: KeyRequest;
}

/** A signed precertificate (RFC 6962 §3.1) together with what it and its certificate are encoded from. */
export interface Precertificate {
  readonly encoded: EncodedTemplate;
  /** DER of the TBSCertificate with the poison extension, the bytes that were signed. */
  readonly tbs: Uint8Array;
  /** DER of the whole precertificate. */
  readonly der: Uint8Array;
}

/** What one successful issuance gives back. */
export interface IssuedCertificate {
  /** DER of the leaf with its embedded SCT. */
  readonly leaf: Uint8Array;
  /** PEM of the issuing chain, issuing CA first, root last, one string per certificate without a final newline. */
  readonly chainPem: readonly string[];
  readonly sct: SignedCertificateTimestamp;
  /** 20 octets, big-endian, positive. */
  readonly serialNumber: Uint8Array;
  /** Position in the log; absent where an external log does not tell. */
  readonly logIndex?: number;
}

/**
 * The service: one request in, one logged certificate out. Throws `MayflyError`.
 *
 * @param signal ends the work before its next stage; its reason is the `MayflyError` that is thrown then. It is not
 *   optional, so that what stands around issuance cannot forget to hand it on
 */
export type IssueCertificate = (request: SigningRequest, signal: AbortSignal) => Promise<IssuedCertificate>;
