import { bitString, oid } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

const KEY_USAGE = oid("2.5.29.15");

/** keyUsage of a leaf (RFC 5280 §4.2.1.3), critical: digitalSignature (bit 0) and nothing else. */
export const LEAF_KEY_USAGE: Uint8Array = encodeExtension(KEY_USAGE, "critical", bitString(Uint8Array.of(0x80), 7));

/** keyUsage of a CA (RFC 5280 §4.2.1.3), critical: keyCertSign (bit 5) and cRLSign (bit 6). */
export const CA_KEY_USAGE: Uint8Array = encodeExtension(KEY_USAGE, "critical", bitString(Uint8Array.of(0x06), 1));
