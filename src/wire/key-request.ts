import { MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import type { KeyRequest } from "../core/issuance-types.ts";

/** What every version of the signing call says of a key; what the caller left out is undefined. */
export interface KeyFields {
  /** PEM text as UTF-8, or DER where the entrance takes it. */
  readonly publicKey: Uint8Array | undefined;
  readonly proof: Uint8Array | undefined;
  /** PEM text of a certification request; an empty one counts as left out. */
  readonly csr: Uint8Array | undefined;
}

/** Bytes after decoding. The largest honest values are 0.5 KiB (RSA-4096), 0.8 KiB and 2 KiB. */
const MAX_PROOF_BYTES = 2 * 1024;
const MAX_KEY_BYTES = 8 * 1024;
const MAX_CSR_BYTES = 16 * 1024;

const EMPTY = new Uint8Array(0);

/**
 * The key that a signing call asks a certificate for; a certification request wins. An absent key becomes an empty one, so
 * that a caller with neither a good token nor a key hears of the token first, as from Fulcio.
 *
 * @throws MayflyError `malformed_request`, `invalid_public_key` or `invalid_csr` when one of them is too long
 */
export function makeKeyRequest({ publicKey = EMPTY, proof = EMPTY, csr = EMPTY }: KeyFields): KeyRequest {
  if (csr.length > 0) return { kind: "csr", csr: bounded(csr, MAX_CSR_BYTES, "CSR_TOO_LONG") };
  return {
    kind: "public-key",
    publicKey: bounded(publicKey, MAX_KEY_BYTES, "KEY_TOO_LONG"),
    proof: bounded(proof, MAX_PROOF_BYTES, "FIELD_TOO_LONG"),
  };
}

/**
 * As {@link makeKeyRequest}, for the first version of the call: there a message without any key is refused before its
 * token is looked at, as by Fulcio. One whose key is empty is not without.
 *
 * @throws MayflyError as {@link makeKeyRequest}, and `invalid_public_key` (KEY_MISSING)
 */
export function makeV1KeyRequest(fields: KeyFields): KeyRequest {
  const request = makeKeyRequest(fields);
  if (request.kind === "public-key" && fields.publicKey === undefined) {
    throw new MayflyError("KEY_MISSING", "neither a public key nor a certification request");
  }
  return request;
}

function bounded(bytes: Uint8Array, maxBytes: number, reason: Reason): Uint8Array {
  if (bytes.length > maxBytes) throw new MayflyError(reason, `more than ${maxBytes} bytes`);
  return bytes;
}
