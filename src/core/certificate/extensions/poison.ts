import { nullValue, oid } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

/** The poison of a precertificate (RFC 6962 §3.1): critical, NULL, known to no verifier, so that none accepts it. */
export const POISON: Uint8Array = encodeExtension(oid("1.3.6.1.4.1.11129.2.4.3"), "critical", nullValue());
