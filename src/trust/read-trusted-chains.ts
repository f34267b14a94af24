import { readTrustedRoot } from "./read-trusted-root.ts";

/**
 * The chains of the certificate authorities of a TrustedRoot (Sigstore protobuf-specs), as they stand there.
 *
 * @returns DER certificates of each
 * @throws MayflyError `internal` (TRUST_INVALID) when it is none
 */
export function readTrustedChains(trustedRoot: Uint8Array): readonly (readonly Uint8Array[])[] {
  return readTrustedRoot(trustedRoot).authorities.map(({ certificates }) => certificates);
}
