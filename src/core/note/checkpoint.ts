import { decodeBase64, encodeBase64 } from "../encoding/base64.ts";
import { HASH_LENGTH } from "../merkle/tree.ts";
import { NoteError } from "./note-error.ts";

/*
 * C2SP tlog-checkpoint, the text of a signed note:
 *
 *   <origin>
 *   <tree size, decimal, no leading zeros>
 *   <base64(root hash)>
 *   <extension line>*
 */

/** The statement of a log about its tree. */
export interface Checkpoint {
  /** Name of the log. */
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Lines after the root hash, none of them empty. Nothing is known about their meaning. */
  readonly extensions: readonly string[];
}

/**
 * A checkpoint's note text (C2SP tlog-checkpoint), ended by a newline.
 *
 * @throws RangeError when the result would be no checkpoint
 */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  if (!Number.isSafeInteger(size) || size < 0 || root.length !== HASH_LENGTH) throw new RangeError("no tree to state");
  if ([origin, ...extensions].some((line) => line === "" || line.includes("\n"))) {
    throw new RangeError("a line of a checkpoint is not empty and has no newline");
  }
  return [origin, String(size), encodeBase64(root), ...extensions].map((line) => `${line}\n`).join("");
}

const SIZE = /^(?:0|[1-9]\d{0,15})$/u;

/**
 * Reads a checkpoint's note text; the inverse of {@link formatCheckpoint}.
 *
 * @param text of a signed note
 * @throws NoteError when it is no checkpoint, or not in canonical form
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith("\n")) throw new NoteError("checkpoint without a final newline");
  const [origin = "", size = "", rootBase64 = "", ...extensions] = text.slice(0, -1).split("\n");
  const root = decodeBase64(rootBase64);
  if (origin === "" || extensions.includes("")) throw new NoteError("empty line in a checkpoint");
  if (root?.length !== HASH_LENGTH) throw new NoteError("checkpoint without a root hash");
  return { origin, size: parseSize(size), root, extensions };
}

function parseSize(text: string): number {
  const size = Number(text);
  // Number() alone would take " 1", "01" and "1e3" as well.
  if (!SIZE.test(text) || !Number.isSafeInteger(size)) throw new NoteError("checkpoint without a tree size");
  return size;
}
