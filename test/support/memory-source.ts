import { MayflyError } from "../../src/core/errors.ts";
import { TILE_WIDTH } from "../../src/core/merkle/tile.ts";
import { merkleTreeHash } from "../../src/core/merkle/tree.ts";
import type { LogSource } from "../../src/ports/log-source.ts";
import { sha256 } from "./log-fixtures.ts";
import type { TiledLog } from "./tiled-log.ts";
import { toHex } from "./vectors.ts";

/** A source in memory, that remembers what it was asked for and answers as it is told. */
export interface MemorySource extends LogSource {
  /** `tile 0/0`, `entries 0 256` and the like, in order. */
  readonly asked: string[];
  /** Changes the answer to a question; the bytes are a copy. */
  change: (question: string, bytes: Uint8Array) => Uint8Array | undefined;
  /** Most entries that one answer has. */
  pageSize: number;
  closed: boolean;
}

/** Tiles by name, for all sources of a log: those of large logs take time. */
const COMPUTED = new WeakMap<TiledLog, Map<string, Uint8Array>>();

/**
 * A source of a log of any size whose tiles are computed when they are asked for.
 *
 * @param size how much of the log there is
 */
export function makeMemorySource(log: TiledLog, size = log.size): MemorySource {
  const computed = COMPUTED.get(log) ?? new Map<string, Uint8Array>();
  COMPUTED.set(log, computed);
  const tileOf = (level: number, index: number, width: number): Uint8Array => {
    const name = `${level}/${index}/${width}`;
    const tile = computed.get(name) ?? computeTile(level, index, width);
    computed.set(name, tile);
    return tile;
  };
  const computeTile = (level: number, index: number, width: number): Uint8Array => {
    const span = TILE_WIDTH ** level;
    const hashes = Array.from({ length: width }, (_, at) => {
      const start = (index * TILE_WIDTH + at) * span;
      return merkleTreeHash(log.leafHashes, { start, end: start + span });
    });
    return new Uint8Array(Buffer.concat(hashes));
  };
  const answer = (question: string, bytes: Uint8Array): Uint8Array | undefined => {
    source.asked.push(question);
    return source.change(question, new Uint8Array(bytes));
  };
  const source: MemorySource = {
    location: "memory",
    asked: [],
    change: (_, bytes) => bytes,
    pageSize: TILE_WIDTH,
    closed: false,
    checkpoint: () => {
      const root = merkleTreeHash(log.leafHashes.slice(0, size));
      const note = answer("checkpoint", Buffer.from(log.signNote({ size, root, timestampMs: 1 })));
      return note === undefined
        ? Promise.reject(new MayflyError("SOURCE_INVALID", "no checkpoint"))
        : Promise.resolve(note);
    },
    tile: (level, index, width) => Promise.resolve(answer(`tile ${level}/${index}`, tileOf(level, index, width))),
    entries: (start, end) => {
      source.asked.push(`entries ${start} ${end}`);
      const entries = log.entries.slice(start, Math.min(end, start + source.pageSize));
      return Promise.resolve(
        entries.flatMap(({ stored }, at) => source.change(`entry ${start + at}`, new Uint8Array(stored)) ?? []),
      );
    },
    issuer: (fingerprint) => {
      const der = log.issuers.find((one) => toHex(sha256(one)) === toHex(fingerprint));
      return Promise.resolve(der === undefined ? undefined : answer("issuer", der));
    },
    close: () => {
      source.closed = true;
      return Promise.resolve();
    },
  };
  return source;
}
