import assert from "node:assert/strict";
import type { LogStore, PublishedCheckpoint } from "../../src/ports/log-store.ts";
import { sha256 } from "./log-fixtures.ts";

/** RFC 6962 §2.1, written down once more as the RFC says it. */
export function naiveRoot(leafHashes: readonly Uint8Array[]): Uint8Array {
  const [only] = leafHashes;
  if (only === undefined) return sha256(new Uint8Array(0));
  if (leafHashes.length === 1) return only;
  let k = 1;
  while (k * 2 < leafHashes.length) k *= 2;
  return sha256(Buffer.concat([[1], naiveRoot(leafHashes.slice(0, k)), naiveRoot(leafHashes.slice(k))].map(toBytes)));
}

const toBytes = (bytes: Uint8Array | number[]): Uint8Array => Uint8Array.from(bytes);

/**
 * Verifies a whole log again from what its readers can see, with none of the code that wrote it: entries against leaf
 * hashes, every tile of every level against the leaf hashes, the published root against all of them; and that nothing
 * beyond the published size can be read.
 *
 * @param leafInputOf what an entry's leaf hash is computed over; its stored bytes by default
 */
export async function assertLogConsistent(
  store: LogStore,
  leafInputOf: (stored: Uint8Array) => Uint8Array = (stored) => stored,
): Promise<PublishedCheckpoint> {
  const snapshot = await store.snapshot();
  const { size, root, timestampMs } = snapshot.checkpoint;
  const head = await store.head();
  assert.ok(head.size >= size, "more is published than committed");
  assert.ok(head.size > size || head.timestampMs <= timestampMs, "the checkpoint is older than its tree");
  const stored = await snapshot.entries(0, size + 10);
  assert.equal(stored.length, size, "every published entry can be read and no other");
  const leafHashes = stored.map((bytes) => sha256(Buffer.concat([Uint8Array.of(0), leafInputOf(bytes)])));
  assert.deepEqual(Buffer.from(naiveRoot(leafHashes)), Buffer.from(root), "root");
  let hashes = leafHashes;
  for (let level = 0; hashes.length > 0; level++) {
    const tiles = Math.ceil(hashes.length / 256);
    const above: Uint8Array[] = [];
    for (let index = 0; index < tiles; index++) {
      const expected = hashes.slice(index * 256, (index + 1) * 256);
      const tile = await snapshot.tile(level, index);
      assert.deepEqual(Buffer.from(tile ?? []), Buffer.concat(expected), `tile ${level}/${index}`);
      if (expected.length === 256) above.push(naiveRoot(expected));
    }
    assert.equal(await snapshot.tile(level, tiles), undefined, "no empty tile");
    hashes = above;
  }
  return snapshot.checkpoint;
}
