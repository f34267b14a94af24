import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { auditPath, auditPathSubtrees, verifyInclusion, type Inclusion } from "../../../src/core/merkle/audit-path.ts";
import { ProofError } from "../../../src/core/merkle/proof-error.ts";
import { leafHash, merkleTreeHash } from "../../../src/core/merkle/tree.ts";
import { flipBit, fromHex, readVector, toHex } from "../../support/vectors.ts";

const vector = readVector("valid/rfc6962-tree.json") as {
  inputs: string[];
  auditPaths: { leafIndex: number; treeSize: number; path: string[] }[];
};
const reference = vector.inputs.map((input) => leafHash(fromHex(input)));
const leaves = Array.from({ length: 300 }, (_, i) => leafHash(Uint8Array.of(i >> 8, i & 255)));

function inclusionOf(leafIndex: number, treeSize: number): Inclusion {
  const root = merkleTreeHash(leaves, { start: 0, end: treeSize });
  return { leafHash: leaves[leafIndex]!, leafIndex, treeSize, root };
}

/** A leaf index and a larger tree size. */
const places = fc.integer({ min: 1, max: 300 }).chain((size) => fc.tuple(fc.nat(size - 1), fc.constant(size)));

describe("audit path", () => {
  it.each(vector.auditPaths)(
    "of leaf $leafIndex in $treeSize is the reference one",
    ({ leafIndex, treeSize, path }) => {
      const computed = auditPath(reference, leafIndex, treeSize);
      expect(computed.map(toHex)).toEqual(path);
      const root = merkleTreeHash(reference, { start: 0, end: treeSize });
      verifyInclusion({ leafHash: reference[leafIndex]!, leafIndex, treeSize, root }, computed);
    },
  );

  it("proves every leaf of every tree up to 70 leaves", () => {
    for (let size = 1; size <= 70; size++) {
      for (let index = 0; index < size; index++)
        verifyInclusion(inclusionOf(index, size), auditPath(leaves, index, size));
    }
  });

  it("covers the rest of the tree exactly once", () => {
    fc.assert(
      fc.property(places, ([index, size]) => {
        const covered = [...auditPathSubtrees(index, size), { start: index, end: index + 1 }];
        covered.sort((a, b) => a.start - b.start);
        expect(covered.map(({ start }) => start)).toEqual([0, ...covered.slice(0, -1).map(({ end }) => end)]);
        expect(covered.at(-1)?.end).toBe(size);
      }),
      { seed: 20261122 },
    );
  });

  it("has plans for trees of 2^40 leaves", () => {
    expect(auditPathSubtrees(2 ** 40 - 1, 2 ** 40)).toHaveLength(40);
    expect(auditPathSubtrees(2 ** 40, 2 ** 40 + 1)).toEqual([{ start: 0, end: 2 ** 40 }]);
  });

  it("does not prove anything when one bit of it, of the leaf or of the root is turned", () => {
    fc.assert(
      fc.property(places, fc.nat(), fc.nat(255), ([index, size], which, bit) => {
        const inclusion = inclusionOf(index, size);
        const path = auditPath(leaves, index, size);
        const at = which % (path.length + 2);
        const changed = path.map((hash, i) => (i === at ? flipBit(hash, bit) : hash));
        const statement = {
          ...inclusion,
          ...(at === path.length ? { root: flipBit(inclusion.root, bit) } : {}),
          ...(at === path.length + 1 ? { leafHash: flipBit(inclusion.leafHash, bit) } : {}),
        };
        expect(() => {
          verifyInclusion(statement, changed);
        }).toThrow(ProofError);
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });

  it("proves no other place than the leaf's own", () => {
    fc.assert(
      fc.property(places, fc.nat(299), ([index, size], other) => {
        fc.pre(other !== index);
        expect(() => {
          verifyInclusion({ ...inclusionOf(index, size), leafIndex: other }, auditPath(leaves, index, size));
        }).toThrow(ProofError);
      }),
      { seed: 20261122 },
    );
  });

  const good = auditPath(leaves, 5, 13);
  const spare = leaves[0]!;
  it.each<[string, Partial<Inclusion>, Uint8Array[]]>([
    ["a path without its last hash", {}, good.slice(0, -1)],
    ["a path without its first hash", {}, good.slice(1)],
    ["an empty path", {}, []],
    ["a hash too many at the end", {}, [...good, spare]],
    ["a hash too many at the start", {}, [spare, ...good]],
    ["the root at the end", {}, [...good, inclusionOf(5, 13).root]],
    ["a short hash", {}, good.map((hash, i) => (i === 1 ? hash.subarray(1) : hash))],
    ["a long hash", {}, good.map((hash, i) => (i === 1 ? Buffer.concat([hash, hash]) : hash))],
    ["a short root", { root: new Uint8Array(31) }, good],
    ["a short leaf hash", { leafHash: new Uint8Array(0) }, good],
    ["a leaf beyond the tree", { leafIndex: 13 }, good],
    ["a negative leaf", { leafIndex: -1 }, good],
    ["a leaf between two leaves", { leafIndex: 4.5 }, good],
    ["an empty tree", { leafIndex: 0, treeSize: 0 }, []],
    ["a tree of unsafe size", { treeSize: 2 ** 53 }, good],
    ["a smaller tree", { treeSize: 6 }, good],
    ["a larger tree", { treeSize: 17 }, good],
  ])("refuses %s", (_, change, path) => {
    expect(() => {
      verifyInclusion({ ...inclusionOf(5, 13), ...change }, path);
    }).toThrow(ProofError);
  });

  it("of the last of 16 leaves does not prove the last of 8, whose way up looks the same at first", () => {
    const { leafHash, root } = inclusionOf(15, 16);
    expect(() => {
      verifyInclusion({ leafHash, root, leafIndex: 7, treeSize: 8 }, auditPath(leaves, 15, 16));
    }).toThrow(ProofError);
  });

  it.each([
    [-1, 3],
    [3, 3],
    [0, 0],
    [0.5, 2],
    [0, 301],
  ])("is not made for leaf %d of %d", (index, size) => {
    expect(() => auditPath(leaves, index, size)).toThrow(RangeError);
  });
});
