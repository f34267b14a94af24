/** y-coordinates of the eight points of small order, those that multiplied by 8 give the identity; little-endian. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/**
 * Whether an Ed25519 public key is a point of small order, for which signatures can be made without a private key, or
 * has a y of p = 2^255 − 19 or above, which RFC 8032 §5.1.3 refuses. A y that belongs to no point is left to the
 * signature, which cannot verify.
 *
 * @param key 32 bytes
 */
export function isWeakEd25519(key: Uint8Array): boolean {
  const y = Buffer.from(key);
  y[31] = (y[31] ?? 0) & 0x7f; // the top bit is the sign of x
  const notBelowP = y[31] === 0x7f && (y[0] ?? 0) >= 0xed && y.subarray(1, 31).every((octet) => octet === 0xff);
  return notBelowP || SMALL_ORDER_Y.has(y.toString("hex"));
}
