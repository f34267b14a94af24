import { readFileSync } from "node:fs";
import { checkPrimeSync, createPublicKey, generatePrimeSync } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { findRsaWeakness } from "../../../src/core/proof/rsa-weakness.ts";
import { makeKey } from "../../support/caller-keys.ts";

const bytesOf = (n: bigint): Buffer => {
  const hex = n.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
};
const prime = (bits: number): bigint => generatePrimeSync(bits, { bigint: true });

function modulusOf(spki: string): Buffer {
  const key = createPublicKey({ key: Buffer.from(spki, "base64"), format: "der", type: "spki" });
  return Buffer.from(key.export({ format: "jwk" }).n!, "base64url");
}

function vectors(kind: "valid" | "invalid"): readonly string[] {
  const text = readFileSync(new URL(`../../vectors/${kind}/rsa-roca.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { keys: string[] }).keys;
}

/** The next prime at or above `n`. */
function primeFrom(n: bigint): bigint {
  let candidate = n | 1n;
  while (!checkPrimeSync(candidate)) candidate += 2n;
  return candidate;
}

function primesUpTo(largest: number): bigint[] {
  return Array.from({ length: largest - 1 }, (_, i) => BigInt(i + 2)).filter((n) => checkPrimeSync(n));
}

/** A prime of the form k·M + (65537^a mod M), M the product of the first 126 primes: how Infineon's library made them. */
function infineonPrime(a: bigint): bigint {
  const m = primesUpTo(701).reduce((product, factor) => product * factor);
  let power = 1n;
  for (let i = 0n; i < a; i++) power = (power * 65537n) % m;
  const first = (3n << 1022n) / m;
  for (let k = first; ; k++) if (checkPrimeSync(k * m + power)) return k * m + power;
}

/** A composite of `bits` bits that has `factor` and is odd unless that is even. */
function withFactor(factor: bigint, bits: number): bigint {
  const n = ((1n << BigInt(bits)) / factor - 12345n) | 1n;
  return n * factor;
}

describe("findRsaWeakness", () => {
  it.each([2048, 3072, 4096])("K10: finds nothing in a fresh key of %i bits", (bits) => {
    const { n } = makeKey(`rsa-${String(bits)}`).publicKey.export({ format: "jwk" });
    expect(findRsaWeakness(Buffer.from(n!, "base64url"))).toBeUndefined();
  });

  it.each([2n, ...primesUpTo(751).slice(1)])("K10: finds the factor %s", (factor) => {
    expect(findRsaWeakness(bytesOf(withFactor(factor, 2048)))).toBe("RSA_SMALL_FACTOR");
  });

  it("K10: looks for no factor above 751", () => {
    const p = prime(1024);
    expect(findRsaWeakness(bytesOf(757n * primeFrom(p << 1000n)))).toBeUndefined();
  });

  it.each(vectors("invalid"))("K10: finds the ROCA fingerprint in the published weak key %.40s", (spki) => {
    expect(findRsaWeakness(modulusOf(spki))).toBe("RSA_ROCA");
  });

  it.each(vectors("valid"))("K10: finds no ROCA fingerprint in the published sound key %.40s", (spki) => {
    expect(findRsaWeakness(modulusOf(spki))).toBeUndefined();
  });

  it("K10: finds the ROCA fingerprint in a key made the way the faulty library made them", () => {
    expect(findRsaWeakness(bytesOf(infineonPrime(1234n) * infineonPrime(777n)))).toBe("RSA_ROCA");
  });

  it("K10: finds no ROCA fingerprint where only one factor has it", () => {
    expect(findRsaWeakness(bytesOf(infineonPrime(1234n) * (prime(1024) | 1n)))).toBeUndefined();
  });

  it.each([1024, 1536, 2048])("K10: refuses the square of a prime of %i bits", (bits) => {
    expect(findRsaWeakness(bytesOf(prime(bits) ** 2n))).toBe("RSA_FACTORS_TOO_CLOSE");
  });

  it.each([1024, 1536, 2048])("K10: refuses neighbouring primes of %i bits", (bits) => {
    const p = prime(bits);
    expect(findRsaWeakness(bytesOf(p * primeFrom(p + 2n)))).toBe("RSA_FACTORS_TOO_CLOSE");
  });

  it.each([
    [1, "RSA_FACTORS_TOO_CLOSE"],
    [2, "RSA_FACTORS_TOO_CLOSE"],
    [64, "RSA_FACTORS_TOO_CLOSE"],
    [110, "RSA_FACTORS_TOO_CLOSE"],
    [111, undefined],
  ])("K10: judges factors that Fermat's method finds in round %i as %s", (round, weakness) => {
    expect(findRsaWeakness(bytesOf(foundInRound(round)))).toBe(weakness);
  });
});

/** n = c² − d² without small factors, where c = ⌈√n⌉ + round − 1. */
function foundInRound(round: number): bigint {
  const r = BigInt(round - 1);
  for (let c = 1n << 1024n; ; c += 2n) {
    const d = (squareRoot(2n * c * r - r * r) + 1n) | 1n; // (c − r − 1)² < n ≤ (c − r)²
    const n = (c - d) * (c + d);
    if (findRsaWeakness(bytesOf(n)) !== "RSA_SMALL_FACTOR") return n;
  }
}

function squareRoot(n: bigint): bigint {
  let root = 0n;
  for (let bit = 1n << BigInt(n.toString(2).length >> 1); bit > 0n; bit >>= 1n) {
    if ((root + bit) ** 2n <= n) root += bit;
  }
  return root;
}
