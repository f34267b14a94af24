import { timingSafeEqual } from "node:crypto";

/** "expand 32-byte k" (Salsa20 specification, section 9). */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
/** The words of each quarter round of a double round: columns, then rows (sections 4 to 6). */
const QUARTERS = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
] as const;
const POLY1305_PRIME = 2n ** 130n - 5n;
const POLY1305_CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;
const TAG_BYTES = 16;

/**
 * Opens what NaCl's `crypto_secretbox_xsalsa20poly1305` has sealed (D. J. Bernstein, "Cryptography in NaCl", section 9;
 * "Extending the Salsa20 nonce"). OpenSSL has no Salsa20. For key files only: it is slow, and its time depends on the key.
 *
 * @param sealed tag of 16 bytes, then the ciphertext
 * @param key 32 bytes
 * @param nonce 24 bytes
 * @returns undefined when the key is wrong, or anything was changed
 */
export function openSecretbox(sealed: Uint8Array, key: Uint8Array, nonce: Uint8Array): Uint8Array | undefined {
  if (key.length !== 32 || nonce.length !== 24)
    throw new RangeError("a secretbox has a key of 32 bytes, a nonce of 24");
  if (sealed.length < TAG_BYTES) return undefined;
  const ciphertext = sealed.subarray(TAG_BYTES);
  const stream = xsalsa20(key, nonce, 32 + ciphertext.length);
  if (!timingSafeEqual(poly1305(ciphertext, stream.subarray(0, 32)), sealed.subarray(0, TAG_BYTES))) return undefined;
  return ciphertext.map((byte, at) => byte ^ (stream[32 + at] ?? 0));
}

function xsalsa20(key: Uint8Array, nonce: Uint8Array, length: number): Uint8Array {
  const mixed = doubleRounds(salsaState(wordsOf(key), wordsOf(nonce.subarray(0, 16))));
  // HSalsa20 gives the diagonal and the words of the nonce, without adding the input again.
  const subkey = Uint32Array.from([0, 5, 10, 15, 6, 7, 8, 9], (at) => mixed[at] ?? 0);
  const rest = wordsOf(nonce.subarray(16));
  const stream = new Uint8Array(Math.ceil(length / 64) * 64);
  const view = new DataView(stream.buffer);
  for (let block = 0; block * 64 < length; block++) {
    const input = salsaState(subkey, Uint32Array.of(rest[0] ?? 0, rest[1] ?? 0, block, 0));
    doubleRounds(input).forEach((word, at) => {
      view.setUint32(block * 64 + at * 4, (word + (input[at] ?? 0)) >>> 0, true);
    });
  }
  return stream.subarray(0, length);
}

function salsaState(key: Uint32Array, nonce: Uint32Array): Uint32Array {
  const [a, b, c, d] = SIGMA;
  return Uint32Array.of(a, ...key.subarray(0, 4), b, ...nonce, c, ...key.subarray(4), d);
}

/** Twenty rounds. */
function doubleRounds(input: Uint32Array): Uint32Array {
  const state = Uint32Array.from(input);
  const word = (at: number): number => state[at] ?? 0;
  const mix = (target: number, [one, other]: readonly [number, number], bits: number): void => {
    const sum = (word(one) + word(other)) >>> 0;
    state[target] = word(target) ^ ((sum << bits) | (sum >>> (32 - bits)));
  };
  for (let round = 0; round < 20; round += 2) {
    for (const [a, b, c, d] of QUARTERS) {
      mix(b, [a, d], 7);
      mix(c, [b, a], 9);
      mix(d, [c, b], 13);
      mix(a, [d, c], 18);
    }
  }
  return state;
}

/** RFC 8439 section 2.5. */
function poly1305(message: Uint8Array, key: Uint8Array): Uint8Array {
  const r = numberOf(key.subarray(0, 16)) & POLY1305_CLAMP;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    sum = ((sum + numberOf(Uint8Array.of(...message.subarray(at, at + 16), 1))) * r) % POLY1305_PRIME;
  }
  const tag = BigInt.asUintN(128, sum + numberOf(key.subarray(16, 32)));
  return Uint8Array.from({ length: TAG_BYTES }, (_, at) => Number((tag >> BigInt(8 * at)) & 0xffn));
}

function numberOf(littleEndian: Uint8Array): bigint {
  return littleEndian.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(at * 4, true));
}
