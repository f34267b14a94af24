import { encodeExtraData } from "../core/ct/encode-extra-data.ts";
import { signedTreeHeadOfNote } from "../core/ct/signed-tree-head.ts";
import type { LogIdentity, SignedTreeHead } from "../core/ct/signed-tree-head.ts";
import { leafInputOfView, viewTileLeaf } from "../core/ct/tile-leaf-view.ts";
import type { TileLeafView } from "../core/ct/tile-leaf-view.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import { TILE_WIDTH } from "../core/merkle/tile.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";
import { NoteError } from "../core/note/note-error.ts";
import { parseSignedNote } from "../core/note/signed-note.ts";
import type { LogSnapshot, LogStore } from "../ports/log-store.ts";
import { readAuditPath, readConsistencyProof } from "../tlog/log-reader.ts";
import { selfSignedOf } from "./self-signed.ts";

/** An entry as `get-entries` answers it (RFC 6962 §4.6). */
export interface ChainedEntry {
  /** MerkleTreeLeaf: what its leaf hash is computed from. */
  readonly leafInput: Uint8Array;
  /** PrecertChainEntry, or the chain of an X509ChainEntry. */
  readonly extraData: Uint8Array;
}

/** Consecutive entries. */
export interface EntryRange {
  /** At least one. */
  readonly entries: readonly ChainedEntry[];
  /** Whether the same question has this answer for ever: growth of the log adds nothing to it. */
  readonly isFinal: boolean;
}

/** A leaf's place in a tree, and the proof of it (RFC 6962 §2.1.1). */
export interface LeafProof {
  readonly leafIndex: number;
  /** 32 bytes each, the leaf's sibling first. */
  readonly auditPath: readonly Uint8Array[];
}

/**
 * What clients of RFC 6962 §4 ask. Each answer comes from one published state of the log; sizes are those of any tree up to
 * the published one. Questions beyond it are refused with MayflyError, and a log that is not what its checkpoint says is
 * LOG_CORRUPT; all throw `log_unavailable` while nothing is published.
 */
export interface Rfc6962View {
  /** The newest published tree head (§4.3). */
  treeHead(): Promise<SignedTreeHead>;
  /**
   * Proof that the tree of size `second` continues the one of size `first` (§4.4); empty when they are equal, or the first
   * is the empty tree, about which there is nothing to prove.
   *
   * @throws MayflyError NOT_PUBLISHED when `second` is larger than the published tree
   * @throws RangeError unless 0 ≤ first ≤ second
   */
  consistency(first: number, second: number): Promise<readonly Uint8Array[]>;
  /**
   * Where the first leaf with that hash is in the tree of size `treeSize`, and its audit path (§4.5).
   *
   * @param leafHash 32 bytes
   * @param treeSize at least 1
   * @throws MayflyError `not_found` (NO_SUCH_ENTRY) when that tree has no such leaf, or there is no such tree yet
   */
  proofByHash(leafHash: Uint8Array, treeSize: number): Promise<LeafProof>;
  /**
   * Entries from `start` on (§4.6). Answers end with a full tile, so that what many readers ask is the same and a cache
   * can keep it, and with the entry that brings them over {@link MAX_RANGE_BYTES}.
   *
   * @param end index of the last entry that is wanted, inclusive
   * @throws MayflyError NOT_PUBLISHED when the published log has no entry `start`
   */
  entries(start: number, end: number): Promise<EntryRange>;
  /**
   * An entry and its audit path in the tree of size `treeSize` (§4.8).
   *
   * @throws MayflyError NOT_PUBLISHED when `treeSize` is larger than the published tree
   * @throws RangeError unless 0 ≤ leafIndex < treeSize
   */
  entryAndProof(leafIndex: number, treeSize: number): Promise<ChainedEntry & LeafProof>;
  /** DER of the roots that chains of its entries lead to (§4.7), which are not always those that new ones may. */
  roots(): Promise<readonly Uint8Array[]>;
}

/** Of leaf inputs and extra data in one answer; one entry is answered whatever its size. */
export const MAX_RANGE_BYTES = 4 * 1024 * 1024;

/** Makes the view that clients of RFC 6962 get, straight from the log's store. */
export function makeRfc6962View(store: LogStore, identity: LogIdentity): Rfc6962View {
  const treeHeadOf = makeTreeHeadOf(identity);
  const rootsOf = makeRootsOf();
  return {
    treeHead: async () => treeHeadOf((await store.snapshot()).checkpoint.note),
    consistency: async (first, second) => consistencyOf(await store.snapshot(), first, second),
    proofByHash: async (leafHash, treeSize) => proofByHashOf(await store.snapshot(), leafHash, treeSize),
    entries: async (start, end) => entriesOf(await store.snapshot(), start, end),
    entryAndProof: async (leafIndex, treeSize) => entryAndProofOf(await store.snapshot(), leafIndex, treeSize),
    roots: async () => rootsOf(await store.snapshot()),
  };
}

/** Verifies each checkpoint once, however many ask for it. */
function makeTreeHeadOf(identity: LogIdentity): (note: string) => SignedTreeHead {
  let last: { readonly note: string; readonly treeHead: SignedTreeHead } | undefined;
  return (note) => {
    if (last?.note !== note) last = { note, treeHead: verifyTreeHead(note, identity) };
    return last.treeHead;
  };
}

/** Looks at the certificates once for each size of the log, however many ask for it. */
function makeRootsOf(): (snapshot: LogSnapshot) => Promise<readonly Uint8Array[]> {
  let last: { readonly size: number; readonly roots: readonly Uint8Array[] } | undefined;
  return async (snapshot) => {
    const { size } = snapshot.checkpoint;
    if (last?.size !== size) last = { size, roots: selfSignedOf(await snapshot.issuers()) };
    return last.roots;
  };
}

function verifyTreeHead(note: string, identity: LogIdentity): SignedTreeHead {
  try {
    return signedTreeHeadOfNote(parseSignedNote(note), identity);
  } catch (cause) {
    if (!(cause instanceof NoteError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "the published checkpoint is not what this log signed", { cause });
  }
}

async function consistencyOf(snapshot: LogSnapshot, first: number, second: number): Promise<readonly Uint8Array[]> {
  requireTree(snapshot, second);
  return first === 0 ? [] : readConsistencyProof(snapshot, first, second);
}

async function proofByHashOf(snapshot: LogSnapshot, leafHash: Uint8Array, treeSize: number): Promise<LeafProof> {
  const leafIndex = treeSize > snapshot.checkpoint.size ? undefined : await snapshot.indexOfLeaf(leafHash);
  if (leafIndex === undefined || leafIndex >= treeSize) {
    throw new MayflyError("NO_SUCH_ENTRY", `no such leaf in the tree of size ${treeSize}`);
  }
  return { leafIndex, auditPath: await readAuditPath(snapshot, leafIndex, treeSize) };
}

async function entryAndProofOf(
  snapshot: LogSnapshot,
  leafIndex: number,
  treeSize: number,
): Promise<ChainedEntry & LeafProof> {
  requireTree(snapshot, treeSize);
  const [auditPath, [entry]] = await Promise.all([
    readAuditPath(snapshot, leafIndex, treeSize),
    chainedEntriesOf(snapshot, leafIndex, leafIndex + 1),
  ]);
  if (entry === undefined) throw new TypeError("no entry, and no failure either");
  return { ...entry, leafIndex, auditPath };
}

async function entriesOf(snapshot: LogSnapshot, start: number, end: number): Promise<EntryRange> {
  const { size } = snapshot.checkpoint;
  if (start >= size) throw new MayflyError("NOT_PUBLISHED", `entry ${start} of ${size}`);
  const endOfTile = (Math.floor(start / TILE_WIDTH) + 1) * TILE_WIDTH;
  const wanted = Math.min(end + 1, endOfTile);
  const there = Math.min(wanted, size);
  const entries = withinBytes(await chainedEntriesOf(snapshot, start, there));
  return { entries, isFinal: there === wanted || start + entries.length < there };
}

/** The entries up to the one that brings them over the limit. */
function withinBytes(entries: readonly ChainedEntry[]): readonly ChainedEntry[] {
  let bytes = 0;
  const last = entries.findIndex(({ leafInput, extraData }) => {
    bytes += leafInput.length + extraData.length;
    return bytes > MAX_RANGE_BYTES;
  });
  return last === -1 ? entries : entries.slice(0, last + 1);
}

function requireTree({ checkpoint }: LogSnapshot, treeSize: number): void {
  if (treeSize > checkpoint.size) throw new MayflyError("NOT_PUBLISHED", `tree ${treeSize} of ${checkpoint.size}`);
}

async function chainedEntriesOf(snapshot: LogSnapshot, start: number, end: number): Promise<readonly ChainedEntry[]> {
  const stored = await snapshot.entries(start, end);
  if (stored.length !== end - start) throw new MayflyError("LOG_CORRUPT", `entries from ${start} on are missing`);
  const leaves = stored.map(viewOf);
  const chains = await readChains(snapshot, leaves);
  return leaves.map((leaf) => {
    const { signedEntry, fingerprints } = leaf;
    const preCertificate = signedEntry.kind === "precert_entry" ? signedEntry.preCertificate : undefined;
    return {
      leafInput: leafInputOfView(leaf),
      extraData: encodeExtraData(preCertificate, chains.get(keyOf(fingerprints)) ?? []),
    };
  });
}

function viewOf(stored: Uint8Array): TileLeafView {
  try {
    return viewTileLeaf(stored);
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "a stored entry is no entry of a certificate log", { cause });
  }
}

/** DER of every chain that the leaves name, by its fingerprints; entries of one CA share theirs. */
async function readChains(
  snapshot: LogSnapshot,
  leaves: readonly TileLeafView[],
): Promise<ReadonlyMap<string, readonly Uint8Array[]>> {
  const named = new Map(leaves.map(({ fingerprints }) => [keyOf(fingerprints), fingerprints]));
  const read = Array.from(
    named,
    async ([key, fingerprints]) => [key, await readChain(snapshot, fingerprints)] as const,
  );
  return new Map(await Promise.all(read));
}

function readChain(snapshot: LogSnapshot, fingerprints: Uint8Array): Promise<readonly Uint8Array[]> {
  const each = Array.from({ length: fingerprints.length / HASH_LENGTH }, (_, at) =>
    fingerprints.slice(at * HASH_LENGTH, (at + 1) * HASH_LENGTH),
  );
  return Promise.all(
    each.map(async (fingerprint) => {
      const der = await snapshot.issuer(fingerprint);
      if (der === undefined) throw new MayflyError("LOG_CORRUPT", `issuer ${keyOf(fingerprint)} is missing`);
      return der;
    }),
  );
}

function keyOf(hashes: Uint8Array): string {
  return Buffer.from(hashes).toString("hex");
}
