import { boolean, integer, oid, sequence } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

const BASIC_CONSTRAINTS = oid("2.5.29.19");
const CA_TRUE = boolean(true);

/**
 * basicConstraints of a CA (RFC 5280 §4.2.1.9), critical, CA:TRUE.
 *
 * @param pathLength how many CA certificates may follow below this one, 0 to 255; undefined sets no limit
 */
export function encodeCaBasicConstraints(pathLength: number | undefined): Uint8Array {
  if (pathLength === undefined) return encodeExtension(BASIC_CONSTRAINTS, "critical", sequence(CA_TRUE));
  if (!Number.isInteger(pathLength) || pathLength < 0 || pathLength > 255) {
    throw new RangeError(`a path length of ${String(pathLength)} makes no sense`);
  }
  return encodeExtension(BASIC_CONSTRAINTS, "critical", sequence(CA_TRUE, integer(Uint8Array.of(pathLength))));
}
