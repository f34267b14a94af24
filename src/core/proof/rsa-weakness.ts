import type { Reason } from "../errors.ts";

/** A small factor is looked for up to this prime. */
const LARGEST_PRIME = 751;
/** The ROCA fingerprint is looked for in the residues of the primes up to this one. */
const LARGEST_ROCA_PRIME = 167;
const FERMAT_ROUNDS = 110;

const ODD_PRIMES = oddPrimes(LARGEST_PRIME);

/** Primes in groups whose product is exact as a number: one division of the modulus serves a whole group. */
const PRIME_GROUPS = groupPrimes(ODD_PRIMES);

/**
 * For each prime in whose residues 65537 does not reach everything: the residues that it reaches. Infineon's library
 * made primes that are a power of 65537 modulo a product of small primes, so their products are in all of these sets
 * (CVE-2017-15361; Nemec et al., "The Return of Coppersmith's Attack", 2017, §3).
 */
const ROCA_RESIDUES: ReadonlyMap<number, ReadonlySet<number>> = new Map(
  ODD_PRIMES.filter((prime) => prime <= LARGEST_ROCA_PRIME)
    .map((prime): [number, Set<number>] => [prime, powersOf65537(prime)])
    .filter(([prime, residues]) => residues.size < prime - 1),
);

/**
 * Two moduli, each a product of coprime factors for which squares are rare among the residues. One in about 3000
 * numbers is a square modulo all of them.
 */
const SQUARE_FILTERS = [
  [64, 63, 65, 11],
  [17, 19, 23, 29, 31],
].map((factors) => ({
  modulus: factors.reduce((product, factor) => product * factor),
  squares: factors.map((factor) => ({ factor, residues: squaresModulo(factor) })),
}));

/**
 * Why the holder of an RSA key is not the only one who can use it: a small factor (an even modulus included), the ROCA
 * fingerprint, or two factors so close that Fermat's method finds them in 110 rounds.
 *
 * @param modulus big-endian, its first bit set
 * @returns undefined for a key without these faults
 */
export function findRsaWeakness(modulus: Uint8Array): Reason | undefined {
  const n = BigInt(`0x${Buffer.from(modulus.buffer, modulus.byteOffset, modulus.byteLength).toString("hex")}`);
  if (n % 2n === 0n) return "RSA_SMALL_FACTOR";
  let roca = true;
  for (const { product, primes } of PRIME_GROUPS) {
    const residue = Number(n % product);
    for (const prime of primes) {
      if (residue % prime === 0) return "RSA_SMALL_FACTOR";
      if (ROCA_RESIDUES.get(prime)?.has(residue % prime) === false) roca = false;
    }
  }
  if (roca) return "RSA_ROCA";
  return fermatFactors(n) ? "RSA_FACTORS_TOO_CLOSE" : undefined;
}

/**
 * Fermat's method: n = a² − b² with a close to √n. The rounds run on residues that fit a number; only an a² − n that is
 * a square modulo every filter is looked at in full.
 */
function fermatFactors(n: bigint): boolean {
  const root = squareRoot(n);
  const start = root * root === n ? root : root + 1n;
  const filters = SQUARE_FILTERS.map(({ modulus, squares }) => ({
    a: Number(start % BigInt(modulus)),
    n: Number(n % BigInt(modulus)),
    modulus,
    squares,
  }));
  for (let round = 0; round < FERMAT_ROUNDS; round++) {
    const maybeSquare = filters.every((filter) => {
      const a = (filter.a + round) % filter.modulus;
      const difference = (a * a + filter.modulus - filter.n) % filter.modulus;
      return filter.squares.every(({ factor, residues }) => residues.has(difference % factor));
    });
    if (maybeSquare && isSquare((start + BigInt(round)) ** 2n - n)) return true;
  }
  return false;
}

function isSquare(n: bigint): boolean {
  return squareRoot(n) ** 2n === n;
}

/** The largest integer whose square is at most `n`, by Newton's method from above. */
function squareRoot(n: bigint): bigint {
  if (n < 2n) return n;
  const bits = n.toString(16).length * 4;
  let root = 1n << BigInt(Math.ceil(bits / 2));
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function oddPrimes(largest: number): number[] {
  const primes: number[] = [];
  for (let candidate = 3; candidate <= largest; candidate += 2) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}

function groupPrimes(primes: readonly number[]): { product: bigint; primes: number[] }[] {
  const groups: { product: bigint; primes: number[] }[] = [];
  for (const prime of primes) {
    const group = groups.at(-1);
    if (group === undefined || group.product * BigInt(prime) > BigInt(Number.MAX_SAFE_INTEGER)) {
      groups.push({ product: BigInt(prime), primes: [prime] });
    } else {
      group.product *= BigInt(prime);
      group.primes.push(prime);
    }
  }
  return groups;
}

function powersOf65537(prime: number): Set<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power);
  return powers;
}

function squaresModulo(factor: number): ReadonlySet<number> {
  return new Set(Array.from({ length: factor }, (_, root) => (root * root) % factor));
}
