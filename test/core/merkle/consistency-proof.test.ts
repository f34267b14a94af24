import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  consistencyProof,
  consistencySubtrees,
  verifyConsistency,
  type StatedTree,
} from "../../../src/core/merkle/consistency-proof.ts";
import { ProofError } from "../../../src/core/merkle/proof-error.ts";
import { leafHash, merkleTreeHash } from "../../../src/core/merkle/tree.ts";
import { flipBit, fromHex, readVector, toHex } from "../../support/vectors.ts";

const vector = readVector("valid/rfc6962-tree.json") as {
  inputs: string[];
  consistencyProofs: { first: number; second: number; proof: string[] }[];
};
const tiles = readVector("valid/tlog-tiles.json") as {
  consistencyProof: { first: number; second: number; proof: string[] };
};
const reference = vector.inputs.map((input) => leafHash(fromHex(input)));
const leaves = Array.from({ length: 300 }, (_, i) => leafHash(Uint8Array.of(i >> 8, i & 255)));

function tree(size: number, of: readonly Uint8Array[] = leaves): StatedTree {
  return { size, root: merkleTreeHash(of, { start: 0, end: size }) };
}

/** Two sizes, the first not larger than the second. */
const sizes = fc
  .tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }))
  .map(([a, b]): [number, number] => (a < b ? [a, b] : [b, a]));

describe("consistency proof", () => {
  it.each(vector.consistencyProofs)("from $first to $second is the reference one", ({ first, second, proof }) => {
    const computed = consistencyProof(reference, first, second);
    expect(computed.map(toHex)).toEqual(proof);
    verifyConsistency(tree(first, reference), tree(second, reference), computed);
  });

  it("from 256 to 300 is the one of Go's tlog", () => {
    const { first, second, proof } = tiles.consistencyProof;
    expect(consistencyProof(leaves, first, second).map(toHex)).toEqual(proof);
  });

  it("proves every pair of sizes up to 70", () => {
    for (let second = 1; second <= 70; second++) {
      for (let first = 1; first <= second; first++) {
        verifyConsistency(tree(first), tree(second), consistencyProof(leaves, first, second));
      }
    }
  });

  it("has plans for trees of 2^40 leaves", () => {
    expect(consistencySubtrees(2 ** 40, 2 ** 40 + 1)).toEqual([{ start: 2 ** 40, end: 2 ** 40 + 1 }]);
    expect(consistencySubtrees(1, 2 ** 40)).toHaveLength(40);
  });

  it("does not prove anything when one bit of it or of a root is turned", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(255), ([first, second], which, bit) => {
        const proof = consistencyProof(leaves, first, second);
        const at = which % (proof.length + 2);
        const changed = proof.map((hash, i) => (i === at ? flipBit(hash, bit) : hash));
        const [from, to] = [tree(first), tree(second)];
        expect(() => {
          verifyConsistency(
            at === proof.length ? { ...from, root: flipBit(from.root, bit) } : from,
            at === proof.length + 1 ? { ...to, root: flipBit(to.root, bit) } : to,
            changed,
          );
        }).toThrow(ProofError);
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });

  it("does not connect a tree with one whose past was rewritten", () => {
    const rewritten = leaves.map((leaf, i) => (i === 2 ? leaves[3]! : leaf));
    fc.assert(
      fc.property(sizes, ([first, second]) => {
        fc.pre(first > 2 && first < second);
        expect(() => {
          verifyConsistency(tree(first), tree(second, rewritten), consistencyProof(rewritten, first, second));
        }).toThrow(ProofError);
      }),
      { seed: 20261122 },
    );
  });

  const good = consistencyProof(leaves, 6, 13);
  const spare = leaves[0]!;
  it.each<[string, StatedTree, StatedTree, Uint8Array[]]>([
    ["a proof without its last hash", tree(6), tree(13), good.slice(0, -1)],
    ["a proof without its first hash", tree(6), tree(13), good.slice(1)],
    ["an empty proof between different sizes", tree(6), tree(13), []],
    ["an empty proof from a power of two", tree(8), tree(13), []],
    ["a hash too many at the end", tree(6), tree(13), [...good, spare]],
    ["a hash too many at the start", tree(6), tree(13), [spare, ...good]],
    ["a short hash", tree(6), tree(13), good.map((hash) => hash.subarray(1))],
    ["a short root", { size: 6, root: new Uint8Array(31) }, tree(13), good],
    ["the empty tree as the first", { size: 0, root: merkleTreeHash([]) }, tree(13), []],
    ["a shrinking tree", tree(13), tree(6), good],
    ["swapped sizes", { ...tree(6), size: 13 }, { ...tree(13), size: 6 }, good],
    ["a first tree of another size", { ...tree(6), size: 5 }, tree(13), good],
    ["a second tree of another size", tree(6), { ...tree(13), size: 17 }, good],
    ["a size that is no integer", { ...tree(6), size: 6.5 }, tree(13), good],
    ["a proof between equal sizes", tree(6), tree(6), [spare]],
    ["equal sizes with different roots", tree(6), { size: 6, root: tree(7).root }, []],
  ])("refuses %s", (_, first, second, proof) => {
    expect(() => {
      verifyConsistency(first, second, proof);
    }).toThrow(ProofError);
  });

  it("accepts equal trees with an empty proof", () => {
    expect(consistencyProof(leaves, 6, 6)).toEqual([]);
    verifyConsistency(tree(6), tree(6), []);
  });

  it.each([
    [0, 3],
    [4, 3],
    [-1, 3],
    [1, 301],
    [0.5, 3],
  ])("is not made from %d to %d", (first, second) => {
    expect(() => consistencyProof(leaves, first, second)).toThrow(RangeError);
  });
});
