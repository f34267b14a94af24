import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  appendToRightEdge,
  EMPTY_ROOT,
  leafHash,
  merkleTreeHash,
  nodeHash,
  rootOfRightEdge,
  splitPoint,
} from "../../../src/core/merkle/tree.ts";
import { fromHex, readVector, toHex } from "../../support/vectors.ts";

const vector = readVector("valid/rfc6962-tree.json") as {
  inputs: string[];
  roots: Record<string, string>;
  leafHashes: Record<string, string>;
  bulk: { sha256: string };
};
const leaves = vector.inputs.map((input) => leafHash(fromHex(input)));
const numbered = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => leafHash(Uint8Array.of(i % 256)));

describe("Merkle tree", () => {
  it.each(Object.entries(vector.roots))("has the reference root over %s leaves", (size, root) => {
    expect(toHex(merkleTreeHash(leaves.slice(0, Number(size))))).toBe(root);
  });

  it.each(Object.entries(vector.leafHashes))("has the reference hash of leaf %s", (index, hash) => {
    expect(toHex(leaves[Number(index)]!)).toBe(hash);
  });

  it("has the reference roots of all sizes from 0 to 130", () => {
    const all = numbered(130);
    const lines = Array.from({ length: 131 }, (_, n) => `${n} ${toHex(merkleTreeHash(all.slice(0, n)))}\n`);
    expect(createHash("sha256").update(lines.join("")).digest("hex")).toBe(vector.bulk.sha256);
  });

  it("tells leaves from nodes: a node's input as a leaf has another hash", () => {
    const [left, right] = [leaves[0]!, leaves[1]!];
    expect(toHex(leafHash(Buffer.concat([left, right])))).not.toBe(toHex(nodeHash(left, right)));
  });

  it("takes part of the leaves as a subtree", () => {
    expect(toHex(merkleTreeHash(leaves, { start: 4, end: 7 }))).toBe(toHex(merkleTreeHash(leaves.slice(4, 7))));
    expect(merkleTreeHash(leaves, { start: 3, end: 3 })).toBe(EMPTY_ROOT);
  });

  it("refuses hashes of another length and leaves that are not there", () => {
    expect(() => nodeHash(leaves[0]!, new Uint8Array(31))).toThrow(RangeError);
    expect(() => nodeHash(new Uint8Array(33), leaves[0]!)).toThrow(RangeError);
    expect(() => merkleTreeHash([new Uint8Array(31)])).toThrow(RangeError);
    expect(() => merkleTreeHash(leaves, { start: 4, end: 9 })).toThrow(RangeError);
  });

  it.each([
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 4],
    [2 ** 40, 2 ** 39],
    [2 ** 40 + 1, 2 ** 40],
    [2 ** 52 + 1, 2 ** 52],
  ])("splits a tree of %d leaves after %d", (size, left) => {
    expect(splitPoint(size)).toBe(left);
  });
});

describe("right edge", () => {
  it("grows leaf by leaf to the root that the definition gives", () => {
    const all = numbered(300);
    let edge: readonly Uint8Array[] = [];
    expect(rootOfRightEdge(edge)).toBe(EMPTY_ROOT);
    all.forEach((leaf, size) => {
      edge = appendToRightEdge(edge, size, leaf);
      expect(toHex(rootOfRightEdge(edge))).toBe(toHex(merkleTreeHash(all.slice(0, size + 1))));
    });
  });

  it("holds the perfect subtrees of a size, largest first", () => {
    let edge: readonly Uint8Array[] = [];
    leaves.slice(0, 7).forEach((leaf, size) => (edge = appendToRightEdge(edge, size, leaf)));
    const expected = [
      merkleTreeHash(leaves, { start: 0, end: 4 }),
      merkleTreeHash(leaves, { start: 4, end: 6 }),
      leaves[6]!,
    ];
    expect(edge.map(toHex)).toEqual(expected.map(toHex));
  });

  it("leaves the edge it was given as it was", () => {
    const edge = Object.freeze([leaves[0]!]);
    appendToRightEdge(edge, 1, leaves[1]!);
    expect(edge).toHaveLength(1);
  });

  it("works at sizes beyond 32 bits", () => {
    const before = Array.from({ length: 40 }, (_, i) => leafHash(Uint8Array.of(i)));
    expect(appendToRightEdge(before, 2 ** 40 - 1, leaves[0]!)).toHaveLength(1);
    expect(appendToRightEdge([leaves[0]!], 2 ** 40, leaves[1]!)).toHaveLength(2);
  });

  it("refuses an edge that belongs to another size", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 20), fc.nat(25), (size, length) => {
        const ones = size.toString(2).replaceAll("0", "").length;
        fc.pre(length !== ones);
        const edge = Array.from({ length }, () => leaves[0]!);
        expect(() => appendToRightEdge(edge, size, leaves[0]!)).toThrow(RangeError);
      }),
      { seed: 20261122 },
    );
    expect(() => appendToRightEdge([], -1, leaves[0]!)).toThrow(RangeError);
    expect(() => appendToRightEdge([], 0.5, leaves[0]!)).toThrow(RangeError);
  });
});
