import { POISON } from "./poison.ts";
import { encodeSctListExtension } from "./sct-list.ts";

/** What closes the extensions, the only difference between the three encodings of a template (RFC 6962 §3.1 to §3.3). */
export type LastExtension =
  /** The logged TBS. */
  | { readonly kind: "none" }
  /** The precertificate. */
  | { readonly kind: "poison" }
  /** The certificate; `list` is the TLS-encoded SignedCertificateTimestampList. */
  | { readonly kind: "sct-list"; readonly list: Uint8Array };

const NOTHING = new Uint8Array(0);

/** DER Extension that closes the list; no octets for the logged TBS. */
export function encodeLastExtension(last: LastExtension): Uint8Array {
  switch (last.kind) {
    case "none":
      return NOTHING;
    case "poison":
      return POISON;
    case "sct-list":
      return encodeSctListExtension(last.list);
  }
}
