import { hash } from "node:crypto";
import { tilesOfAppend } from "../core/merkle/tile.ts";
import { appendToRightEdge, leafHash, rootOfRightEdge } from "../core/merkle/tree.ts";
import type { CommitBatch, NewEntry, StoredIssuer, TreeHead } from "../ports/log-store.ts";

/** An entry's bytes, once its place and time are known. */
export interface EncodedEntry {
  /** What the leaf hash is computed over (RFC 6962 §2.1), without the prefix byte. */
  readonly leafInput: Uint8Array;
  /** What the log keeps and serves; the log does not look inside. */
  readonly stored: Uint8Array;
}

/** Something to be put into the log. */
export interface Submission {
  /** What makes two submissions the same one, 32 bytes: a digest, or with one inside. */
  readonly submissionKey: Uint8Array;
  /** What the entry refers to. An object that was given before is not written again. */
  readonly issuers: readonly StoredIssuer[];
  /** Pure; may be called more than once with different places and times. */
  encode(index: number, timestampMs: number): EncodedEntry;
}

/** Thrown by {@link buildBatch} when one submission cannot be encoded; the others can go on without it. */
export class EncodeFailure extends Error {
  override readonly name = "EncodeFailure";
  /** Position in the batch. */
  readonly position: number;

  constructor(position: number, cause: unknown) {
    super(`submission ${position} of the batch cannot be encoded`, { cause });
    this.position = position;
  }
}

/**
 * Puts submissions behind a tree: entries, right edge, tiles and the new head. Pure.
 *
 * @param timestampMs of every entry and of the new head
 * @throws EncodeFailure
 */
export function buildBatch(
  previous: TreeHead,
  timestampMs: number,
  submissions: readonly Submission[],
): Omit<CommitBatch, "issuers"> {
  const entries = submissions.map((submission, at): NewEntry => {
    const { leafInput, stored } = encodeAt(submission, at, { index: previous.size + at, timestampMs });
    return {
      leafHash: leafHash(leafInput),
      stored,
      storedSha256: hash("sha256", stored, "buffer"),
      submissionKey: submission.submissionKey,
    };
  });
  return buildCommit(previous, timestampMs, entries);
}

/**
 * Puts entries that are encoded already behind a tree. Pure.
 *
 * @param timestampMs of the newest of them and of the new head
 */
export function buildCommit(
  previous: TreeHead,
  timestampMs: number,
  entries: readonly NewEntry[],
): Omit<CommitBatch, "issuers"> {
  const leafHashes = entries.map((entry) => entry.leafHash);
  const rightEdge = leafHashes.reduce(
    (edge, leaf, at) => appendToRightEdge(edge, previous.size + at, leaf),
    previous.rightEdge,
  );
  const { tiles, after } = tilesOfAppend(previous, leafHashes);
  const { size, partialTiles } = after;
  return {
    previous,
    head: { size, root: rootOfRightEdge(rightEdge), rightEdge, partialTiles, timestampMs },
    entries,
    tiles,
  };
}

function encodeAt(
  submission: Submission,
  position: number,
  place: { readonly index: number; readonly timestampMs: number },
): EncodedEntry {
  try {
    return submission.encode(place.index, place.timestampMs);
  } catch (cause) {
    throw new EncodeFailure(position, cause);
  }
}
