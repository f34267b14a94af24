import { beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { verifyInclusion } from "../../src/core/merkle/audit-path.ts";
import { verifyConsistency } from "../../src/core/merkle/consistency-proof.ts";
import { leafHash } from "../../src/core/merkle/tree.ts";
import type { LogSnapshot, LogStore } from "../../src/ports/log-store.ts";
import { readAuditPath, readConsistencyProof, readRoot } from "../../src/tlog/log-reader.ts";
import { building } from "../contracts/log-store.ts";
import { naiveRoot } from "../support/assert-log-consistent.ts";
import { checkpointOf, makeSubmissions, MANIFEST } from "../support/log-fixtures.ts";

const SIZE = 67_000;
const PUBLISHED = 66_100;

describe("proofs from tiles", () => {
  let store: LogStore;
  let snapshot: LogSnapshot;
  let leaves: readonly Uint8Array[];
  let roots: Map<number, Uint8Array>;

  beforeAll(async () => {
    store = createMemoryLogStore({ manifest: MANIFEST, onFatal: () => undefined });
    const head = await store.append(building(makeSubmissions("entry", PUBLISHED)));
    await store.publish(checkpointOf(head));
    await store.append(building(makeSubmissions("unpublished", SIZE - PUBLISHED)));
    snapshot = await store.snapshot();
    leaves = (await snapshot.entries(0, PUBLISHED)).map(leafHash);
    roots = new Map();
  });

  const rootAt = (size: number): Uint8Array => {
    const root = roots.get(size) ?? naiveRoot(leaves.slice(0, size));
    roots.set(size, root);
    return root;
  };

  const sizes = fc.constantFrom(1, 2, 255, 256, 257, 1_000, 65_535, 65_536, 65_537, PUBLISHED);

  it("proves any entry in trees of any published size", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (treeSize, seed) => {
        const leafIndex = seed % treeSize;
        const path = await readAuditPath(snapshot, leafIndex, treeSize);
        verifyInclusion({ leafHash: leaves[leafIndex]!, leafIndex, treeSize, root: rootAt(treeSize) }, path);
      }),
      { seed: 20261122, numRuns: 60 },
    );
  });

  it("proves that any tree continues any earlier one", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, sizes, async (one, other) => {
        const [first, second] = [Math.min(one, other), Math.max(one, other)];
        const proof = await readConsistencyProof(snapshot, first, second);
        verifyConsistency({ size: first, root: rootAt(first) }, { size: second, root: rootAt(second) }, proof);
      }),
      { seed: 20261122, numRuns: 60 },
    );
  });

  it("speaks of the checkpoint's tree when no size is given", async () => {
    const { size, root } = snapshot.checkpoint;
    verifyInclusion({ leafHash: leaves[7]!, leafIndex: 7, treeSize: size, root }, await readAuditPath(snapshot, 7));
    const proof = await readConsistencyProof(snapshot, 300);
    verifyConsistency({ size: 300, root: rootAt(300) }, { size, root }, proof);
  });

  it("computes the root of every earlier tree", async () => {
    for (const size of [0, 1, 255, 256, 300, 65_536, PUBLISHED]) {
      expect(Buffer.from(await readRoot(snapshot, size))).toEqual(Buffer.from(rootAt(size)));
    }
  });

  it.each<[string, () => Promise<unknown>]>([
    ["an entry that is not published", () => readAuditPath(snapshot, PUBLISHED, PUBLISHED + 1)],
    ["an entry beyond its tree", () => readAuditPath(snapshot, 10, 10)],
    ["an entry before the first", () => readAuditPath(snapshot, -1, 10)],
    ["half an entry", () => readAuditPath(snapshot, 1.5, 10)],
    ["a tree that is not published", () => readConsistencyProof(snapshot, 1, PUBLISHED + 1)],
    ["a continuation of nothing", () => readConsistencyProof(snapshot, 0, 10)],
    ["a tree that shrinks", () => readConsistencyProof(snapshot, 11, 10)],
    ["the root of a tree that is not published", () => readRoot(snapshot, PUBLISHED + 1)],
    ["the root of a tree of negative size", () => readRoot(snapshot, -1)],
  ])("refuses %s", async (_, read) => {
    await expect(read()).rejects.toThrow(RangeError);
  });

  it.each([
    ["missing", undefined],
    ["too short", new Uint8Array(32)],
  ])("calls a tile that is %s corrupt", async (_, tile) => {
    const broken: LogSnapshot = { ...snapshot, tile: () => Promise.resolve(tile) };
    await expect(readAuditPath(broken, 5, 1_000)).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
  });
});
