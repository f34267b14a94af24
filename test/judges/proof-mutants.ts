import { drawBetween, type Random, type StatedProof } from "./stated-proof.ts";

/** A proof that differs from a true one, and how. */
export interface ProofMutant {
  readonly what: string;
  readonly stated: StatedProof;
}

type Hashes = readonly Uint8Array[];

/**
 * All mutants of a proof: of its hashes, of what it is said to prove, and of the sizes and the index. A mutant may still
 * be true: in some trees an index or a size has neighbours that the same hashes prove.
 */
export function mutantsOf(stated: StatedProof, random: Random): readonly ProofMutant[] {
  return [
    ...pathMutants(stated.proof, random).map(([what, proof]) => ({ what, stated: { ...stated, proof } })),
    ...hashMutants(stated, random),
    ...numberMutants(stated),
  ].filter((mutant) => isAsked(mutant.stated));
}

/**
 * Numbers that no log has are left out. So is consistency with the empty tree, on which verifiers differ by convention:
 * nothing can be proved about it, which some call true (RFC 9162 §2.1.4.2 leaves it open).
 */
function isAsked(stated: StatedProof): boolean {
  const numbers = stated.kind === "inclusion" ? [stated.index, stated.size] : [stated.size1 - 1, stated.size2 - 1];
  return numbers.every((number) => number >= 0);
}

function flipped(hash: Uint8Array, random: Random): Uint8Array {
  const changed = Uint8Array.from(hash);
  const at = drawBetween(random, 0, hash.length - 1);
  changed[at] = (changed[at] ?? 0) ^ (1 << drawBetween(random, 0, 7));
  return changed;
}

const without = (hashes: Hashes, at: number): Hashes => hashes.filter((_, index) => index !== at);

function pathMutants(proof: Hashes, random: Random): readonly (readonly [string, Hashes])[] {
  const any = drawBetween(random, 0, proof.length);
  const foreign = Uint8Array.from({ length: 32 }, () => drawBetween(random, 0, 255));
  const grown: (readonly [string, Hashes])[] = [
    ["a hash added in front", [foreign, ...proof]],
    ["a hash added behind", [...proof, foreign]],
    ["a hash added between", [...proof.slice(0, any), foreign, ...proof.slice(any)]],
  ];
  const at = drawBetween(random, 0, proof.length - 1);
  const chosen = proof[at];
  if (chosen === undefined) return grown;
  const other = drawBetween(random, 0, proof.length - 1);
  const swapped = proof.map((hash, index) => (index === at ? proof[other] : index === other ? chosen : hash) ?? hash);
  return [
    ...grown,
    ["a bit of a hash flipped", proof.map((hash, index) => (index === at ? flipped(hash, random) : hash))],
    ["the first hash dropped", proof.slice(1)],
    ["the last hash dropped", proof.slice(0, -1)],
    ["a hash dropped", without(proof, at)],
    ["all hashes dropped", []],
    ["a hash repeated", [...proof.slice(0, at), chosen, ...proof.slice(at)]],
    ["two hashes swapped", swapped],
    ["the hashes reversed", proof.toReversed()],
    ["a hash cut short", proof.map((hash, index) => (index === at ? hash.subarray(0, 31) : hash))],
  ];
}

function hashMutants(stated: StatedProof, random: Random): readonly ProofMutant[] {
  if (stated.kind === "inclusion") {
    return [
      { what: "a bit of the leaf flipped", stated: { ...stated, leaf: flipped(stated.leaf, random) } },
      { what: "the sibling as the leaf", stated: { ...stated, leaf: stated.proof[0] ?? stated.root } },
      { what: "a bit of the root flipped", stated: { ...stated, root: flipped(stated.root, random) } },
    ];
  }
  return [
    { what: "a bit of the first root flipped", stated: { ...stated, root1: flipped(stated.root1, random) } },
    { what: "a bit of the second root flipped", stated: { ...stated, root2: flipped(stated.root2, random) } },
    { what: "the roots swapped", stated: { ...stated, root1: stated.root2, root2: stated.root1 } },
  ];
}

/** 2^32 apart: what bit operators take for the same number. */
const STEPS = [-1, 1, 2 ** 32] as const;

function numberMutants(stated: StatedProof): readonly ProofMutant[] {
  return STEPS.flatMap((step): readonly ProofMutant[] => {
    const by = step > 0 ? `+${String(step)}` : String(step);
    if (stated.kind === "inclusion") {
      return [
        { what: `index ${by}`, stated: { ...stated, index: stated.index + step } },
        { what: `size ${by}`, stated: { ...stated, size: stated.size + step } },
        { what: `index and size ${by}`, stated: { ...stated, index: stated.index + step, size: stated.size + step } },
      ];
    }
    return [
      { what: `first size ${by}`, stated: { ...stated, size1: stated.size1 + step } },
      { what: `second size ${by}`, stated: { ...stated, size2: stated.size2 + step } },
    ];
  });
}
