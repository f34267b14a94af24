import { formatSignedNote, parseSignedNote } from "../../core/note/signed-note.ts";
import type { NoteSignature } from "../../core/note/signed-note.ts";
import type { PublishedCheckpoint } from "../../ports/log-store.ts";

/** Trees whose cosignatures are remembered: the one being shown, the one before it, and those of slow witnesses. */
const MAX_TREES = 8;

/** A tree and who cosigned it. */
interface CosignedTree {
  /** As it was signed last. */
  checkpoint: PublishedCheckpoint;
  /** By witness: its newest cosignature. */
  readonly cosignatures: Map<string, NoteSignature>;
}

/**
 * Cosignatures that came for the newest trees of a log. A cosignature is over origin, size and root, so it stays true when
 * the log signs the same tree again.
 */
export class CosignedCheckpoints {
  readonly #required: number;
  /** By note text; the oldest first. */
  readonly #trees = new Map<string, CosignedTree>();
  #newest: PublishedCheckpoint | undefined;
  /** The last note that was completed, for as long as no cosignature comes: readers ask for it again and again. */
  #completed: { readonly of: PublishedCheckpoint; readonly checkpoint: PublishedCheckpoint } | undefined;

  /** @param required how many witnesses make a quorum */
  constructor(required: number) {
    this.#required = required;
  }

  /** The newest checkpoint that a quorum has cosigned, with their lines. */
  get newest(): PublishedCheckpoint | undefined {
    return this.#newest;
  }

  /** Takes a verified cosignature over a checkpoint's text. Returns whether it has a quorum now. */
  add(checkpoint: PublishedCheckpoint, witness: string, cosignature: NoteSignature): boolean {
    const text = textOf(checkpoint);
    const tree = this.#trees.get(text) ?? { checkpoint, cosignatures: new Map<string, NoteSignature>() };
    if (checkpoint.timestampMs > tree.checkpoint.timestampMs) tree.checkpoint = checkpoint;
    tree.cosignatures.set(witness, cosignature);
    this.#completed = undefined;
    this.#trees.set(text, tree);
    for (const oldest of this.#trees.keys()) {
      if (this.#trees.size <= MAX_TREES) break;
      this.#trees.delete(oldest);
    }
    const hasQuorum = tree.cosignatures.size >= this.#required;
    if (hasQuorum && tree.checkpoint.size >= (this.#newest?.size ?? 0)) {
      this.#newest = withLines(tree.checkpoint, tree.cosignatures);
    }
    return hasQuorum;
  }

  /** How many witnesses have cosigned exactly this tree. */
  count(checkpoint: PublishedCheckpoint): number {
    return this.#trees.get(textOf(checkpoint))?.cosignatures.size ?? 0;
  }

  /** The checkpoint with every cosignature that came for exactly this tree, in place of older ones of the same witnesses. */
  complete(checkpoint: PublishedCheckpoint): PublishedCheckpoint {
    const last = this.#completed;
    if (last?.of.note === checkpoint.note && last.of.timestampMs === checkpoint.timestampMs) return last.checkpoint;
    const tree = this.#trees.get(textOf(checkpoint));
    const completed = tree === undefined ? checkpoint : withLines(checkpoint, tree.cosignatures);
    this.#completed = { of: checkpoint, checkpoint: completed };
    return completed;
  }
}

/** The text that signatures are over: everything before the empty line. */
function textOf({ note }: PublishedCheckpoint): string {
  return note.slice(0, note.lastIndexOf("\n\n") + 1);
}

function withLines(
  checkpoint: PublishedCheckpoint,
  cosignatures: ReadonlyMap<string, NoteSignature>,
): PublishedCheckpoint {
  const { text, signatures } = parseSignedNote(checkpoint.note);
  const newer = [...cosignatures.values()];
  const others = signatures.filter((line) => !newer.some((cosignature) => isSameKey(line, cosignature)));
  return { ...checkpoint, note: formatSignedNote({ text, signatures: [...others, ...newer] }) };
}

function isSameKey(a: NoteSignature, b: NoteSignature): boolean {
  return a.name === b.name && Buffer.compare(a.keyId, b.keyId) === 0;
}
