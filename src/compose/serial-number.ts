import { randomBytes } from "node:crypto";

/** Octets of a serial number; RFC 5280 §4.1.2.2 allows no more. */
const SERIAL_NUMBER_BYTES = 20;

/** A fresh serial number: 159 random bits, positive. Zero, one chance in 2^159, is drawn again. */
export function drawSerialNumber(): Uint8Array {
  for (;;) {
    const serial = randomBytes(SERIAL_NUMBER_BYTES);
    serial[0] = (serial[0] ?? 0) & 0x7f;
    if (serial.some((octet) => octet !== 0)) return serial;
  }
}
