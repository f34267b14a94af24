import { createPrivateKey } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeKeyObjectSigner } from "../../../src/adapters/signers/key-object-signer.ts";
import {
  decodeDataTile,
  encodeTileLeaf,
  leafInputOfTileLeaf,
  type TileLeaf,
} from "../../../src/core/ct/static-entry.ts";
import { tilePath, tilesOfAppend, TILE_WIDTH, tileWidthAt } from "../../../src/core/merkle/tile.ts";
import { leafHash } from "../../../src/core/merkle/tree.ts";
import { makeTreeHeadCheckpointSigner } from "../../../src/ctlog/tree-head-checkpoint-signer.ts";
import { signCheckpoint } from "../../../src/tlog/sign-checkpoint.ts";
import { naiveRoot } from "../assert-log-consistent.ts";
import { publicFiles } from "./public-files.ts";
import type { ForeignLog } from "./tesseract-log.ts";

/** What a log's checkpoint is to say, and who signs it. */
export interface StatedCheckpoint {
  readonly origin?: string;
  readonly size?: number;
  readonly root?: Uint8Array;
  readonly timestampMs?: number;
  /** PEM; the log's own key when left out. */
  readonly privateKeyPem?: string;
}

const SIGNATURE_LINE = /^\u2014 \S+ (\S+)$/mu;

/** A copy of a log's files that can be changed like no log would change them. */
export class TamperedLog {
  readonly directory: string;
  readonly #log: ForeignLog;

  constructor(log: ForeignLog) {
    this.#log = log;
    this.directory = mkdtempSync(join(tmpdir(), "mayfly-tampered-"));
    for (const path of publicFiles(log.directory, log.size)) {
      cpSync(join(log.directory, path), join(this.directory, path), { recursive: true });
    }
  }

  get size(): number {
    return this.#log.size;
  }

  /** Names of the issuers' files. */
  get issuers(): readonly string[] {
    return readdirSync(join(this.directory, "issuer"));
  }

  read(path: string): Uint8Array {
    return readFileSync(join(this.directory, path));
  }

  /** Puts other bytes in the place of a file's. */
  edit(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
    writeFileSync(join(this.directory, path), change(this.read(path)));
  }

  /** Changes one bit. */
  flip(path: string, at: number): void {
    this.edit(path, (bytes) => flipped(bytes, at));
  }

  delete(path: string): void {
    rmSync(join(this.directory, path));
  }

  swap(one: string, other: string): void {
    const [first, second] = [this.read(one), this.read(other)];
    this.edit(one, () => second);
    this.edit(other, () => first);
  }

  /** Path of a hash tile as wide as the checkpoint makes it. */
  tile(level: number, index: number): string {
    return tilePath({ kind: "hash", level, index, width: tileWidthAt(level, index, this.size) });
  }

  dataTile(index: number): string {
    return tilePath({ kind: "data", index, width: tileWidthAt(0, index, this.size) });
  }

  entry(index: number): TileLeaf {
    const leaf = this.#entriesOf(Math.floor(index / TILE_WIDTH))[index % TILE_WIDTH];
    if (leaf === undefined) throw new RangeError(`no entry ${String(index)}`);
    return leaf;
  }

  /** Lowest index from `from` on of an entry of that kind that has a CA between itself and its root. */
  find(kind: "x509_entry" | "precert_entry", from: number): number {
    for (let index = from; index < this.size; index += 1) {
      const { timestampedEntry, certificateChain } = this.entry(index);
      if (timestampedEntry.signedEntry.kind === kind && certificateChain.length === 2) return index;
    }
    throw new RangeError(`no ${kind} behind ${String(from)}`);
  }

  /** Puts another entry in the place of one; its data tile stays well formed. */
  editEntry(index: number, change: (leaf: TileLeaf) => TileLeaf): void {
    const tile = Math.floor(index / TILE_WIDTH);
    const entries = this.#entriesOf(tile).map((leaf, at) => (at === index % TILE_WIDTH ? change(leaf) : leaf));
    this.edit(this.dataTile(tile), () => Buffer.concat(entries.map(encodeTileLeaf)));
  }

  /** Computes every hash tile anew from the entries as they are now: what a log does that rewrites its past. */
  rebuildTiles(): Uint8Array {
    const hashes = this.#leafHashes();
    const { tiles } = tilesOfAppend({ size: 0, partialTiles: [] }, hashes);
    for (const { level, index, hashes: content } of tiles) this.edit(this.tile(level, index), () => content);
    return naiveRoot(hashes);
  }

  /** Root of the first so many entries. */
  root(size = this.size): Uint8Array {
    return naiveRoot(this.#leafHashes().slice(0, size));
  }

  /** Edits the checkpoint's text and leaves its signature as it was. */
  editCheckpoint(change: (note: string) => string): void {
    this.edit("checkpoint", (bytes) => Buffer.from(change(Buffer.from(bytes).toString("utf8"))));
  }

  /** Signs another checkpoint, by default with the log's own key and of what the log holds. */
  async sign(stated: StatedCheckpoint): Promise<void> {
    const { origin = this.#log.origin, size = this.size, root = this.root(size), timestampMs = Date.now() } = stated;
    const key = createPrivateKey(stated.privateKeyPem ?? this.#log.privateKeyPem);
    const signer = makeTreeHeadCheckpointSigner(origin, makeKeyObjectSigner(key));
    const { note } = await signCheckpoint({ origin, size, root, timestampMs }, [signer]);
    this.editCheckpoint(() => note);
  }

  /** The signature line's bytes, base64 decoded. */
  editSignature(change: (signature: Uint8Array) => Uint8Array): void {
    this.editCheckpoint((note) =>
      note.replace(SIGNATURE_LINE, (line, text: string) =>
        line.replace(text, Buffer.from(change(Buffer.from(text, "base64"))).toString("base64")),
      ),
    );
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #entriesOf(tile: number): readonly TileLeaf[] {
    return decodeDataTile(this.read(this.dataTile(tile)));
  }

  #leafHashes(): Uint8Array[] {
    const tiles = Array.from({ length: Math.ceil(this.size / TILE_WIDTH) }, (_, index) => this.#entriesOf(index));
    return tiles.flat().map((leaf) => leafHash(leafInputOfTileLeaf(encodeTileLeaf(leaf))));
  }
}

/** The bytes with one bit changed. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
