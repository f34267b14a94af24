import { randomFillSync } from "node:crypto";

/** Octets of a serial number; RFC 5280 §4.1.2.2 allows no more. */
const SERIAL_NUMBER_BYTES = 20;

/** Drawn ahead: one call for 200 serial numbers costs little more than one for a single one, some 6 µs. */
const pool = new Uint8Array(200 * SERIAL_NUMBER_BYTES);
let used = pool.length;

/** A fresh serial number: 159 random bits, positive. Zero, one chance in 2^159, is drawn again. */
export function drawSerialNumber(): Uint8Array {
  for (;;) {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const serial = pool.slice(used, (used += SERIAL_NUMBER_BYTES));
    serial[0] = (serial[0] ?? 0) & 0x7f;
    if (serial.some((octet) => octet !== 0)) return serial;
  }
}
