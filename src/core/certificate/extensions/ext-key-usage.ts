import { oid, sequence } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

/** extKeyUsage (RFC 5280 §4.2.1.12), not critical: codeSigning and nothing else. */
export const CODE_SIGNING_ONLY: Uint8Array = encodeExtension(
  oid("2.5.29.37"),
  "not-critical",
  sequence(oid("1.3.6.1.5.5.7.3.3")),
);
