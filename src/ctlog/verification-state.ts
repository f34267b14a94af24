import { hash } from "node:crypto";
import { parseLogKey, type LogKey } from "../core/ct/log-key.ts";
import { decodeBase64, encodeBase64 } from "../core/encoding/base64.ts";
import {
  isJsonArray,
  isJsonNumber,
  isJsonObject,
  JsonError,
  parseJson,
  type JsonValue,
} from "../core/encoding/json-reader.ts";
import { MayflyError } from "../core/errors.ts";
import { subtreeHash, TILE_WIDTH, tileWidthAt } from "../core/merkle/tile.ts";
import { HASH_LENGTH, rootOfRightEdge } from "../core/merkle/tree.ts";
import { encodeVerifierKey, parseVerifierKey, SIGNATURE_TYPE, type VerifierKey } from "../core/note/verifier-key.ts";
import { NoteError } from "../core/note/note-error.ts";
import type { TreeSoFar } from "../tlog/growing-tree.ts";
import type { LogProblem } from "../tlog/log-problem.ts";
import { verifyTrustedCheckpoint, type LogTrust, type VerifiedCheckpoint } from "./trusted-checkpoint.ts";

/** What a verification of somebody's log leaves for the next one. */
export interface VerificationState {
  /** By which keys, under which name the log is known. */
  readonly trust: LogTrust;
  /** DER SubjectPublicKeyInfo of the trust's log key. */
  readonly logKeySpki: Uint8Array | undefined;
  /** The newest checkpoint that was verified. */
  readonly checkpoint: VerifiedCheckpoint;
  /** The tree of the entries that were verified. */
  readonly tree: TreeSoFar;
  /** Older checkpoints, of more entries than were verified: the log must still be shown to continue them. */
  readonly pending: readonly VerifiedCheckpoint[];
  /** What was found so far, the first hundred of it: a log does not become good by being read on. */
  readonly problems: readonly LogProblem[];
  readonly problemCount: number;
}

/** First member of the file, so that nobody reads it for something else. */
const FORMAT = "mayfly-verify/1";

/** Verifications of a growing log that were cut short, one after the other: more than anybody lets happen. */
const MAX_PENDING = 64;

/** Bounds on a state file: a hundred problems, checkpoints, and a tile for each level. */
const LIMITS = { maxDepth: 6, maxMembers: 1_000 };

/** A state as the text of its file: one JSON object, ended by a newline, with a digest that notices a damaged file. */
export function encodeVerificationState(state: VerificationState): string {
  const { trust, logKeySpki, checkpoint, tree, pending, problems, problemCount } = state;
  const content = JSON.stringify({
    origin: trust.origin,
    logKey: logKeySpki === undefined ? null : encodeBase64(logKeySpki),
    checkpointKey: trust.checkpointKey === undefined ? null : encodeVerifierKey(trust.checkpointKey),
    checkpoint: textOf(checkpoint),
    pending: pending.slice(-MAX_PENDING).map(textOf),
    tree: {
      size: tree.size,
      rightEdge: tree.rightEdge.map(encodeBase64),
      partialTiles: tree.partialTiles.map(encodeBase64),
      lastMs: tree.lastMs,
      newestMs: tree.newestMs,
    },
    problemCount,
    problems,
  });
  return `${JSON.stringify({ format: FORMAT, sha256: hash("sha256", content, "hex"), content })}\n`;
}

function textOf({ note }: VerifiedCheckpoint): string {
  return Buffer.from(note).toString("utf8");
}

/**
 * Reads a state; the inverse of {@link encodeVerificationState}. Its checkpoints are verified again, and its tree must be
 * one tree.
 *
 * @throws MayflyError `log_failed` (VERIFY_STATE_INVALID)
 */
export function decodeVerificationState(text: Uint8Array): VerificationState {
  try {
    return readState(readContent(text));
  } catch (cause) {
    const isForeign = cause instanceof JsonError || cause instanceof NoteError || cause instanceof MayflyError;
    if (!isForeign && !(cause instanceof RangeError)) throw cause;
    throw new MayflyError("VERIFY_STATE_INVALID", "no state of a verification", { cause });
  }
}

function readContent(text: Uint8Array): Members {
  const file = new Members(parseJson(text, LIMITS));
  const content = file.text("content");
  if (file.text("format") !== FORMAT) throw new RangeError("of another format");
  if (file.text("sha256") !== hash("sha256", content, "hex")) throw new RangeError("damaged");
  return new Members(parseJson(Buffer.from(content), LIMITS));
}

function readState(members: Members): VerificationState {
  const logKeySpki = members.optional("logKey", readBytes);
  const checkpointKey = members.optional("checkpointKey", readCheckpointKey);
  const logKey: LogKey | undefined = logKeySpki === undefined ? undefined : parseLogKey(logKeySpki);
  if (logKey === undefined && checkpointKey === undefined) throw new RangeError("of a log without a key");
  const trust: LogTrust = {
    origin: members.text("origin"),
    ...(logKey === undefined ? {} : { logKey }),
    ...(checkpointKey === undefined ? {} : { checkpointKey }),
  };
  return {
    trust,
    logKeySpki,
    checkpoint: verifyTrustedCheckpoint(Buffer.from(members.text("checkpoint")), trust),
    pending: members.list("pending").map((note) => verifyTrustedCheckpoint(readText(note), trust)),
    tree: readTree(new Members(members.value("tree"))),
    problemCount: members.number("problemCount"),
    problems: members.list("problems").map((each) => {
      const problem = new Members(each);
      return { where: problem.text("where"), what: problem.text("what") };
    }),
  };
}

function readTree(members: Members): TreeSoFar {
  const tree: TreeSoFar = {
    size: members.number("size"),
    rightEdge: members.list("rightEdge").map(readBytes),
    partialTiles: members.list("partialTiles").map(readBytes),
    lastMs: members.number("lastMs"),
    newestMs: members.number("newestMs"),
  };
  requireOneTree(tree);
  return tree;
}

/** The right edge and the unfinished tiles say the same in two ways. */
function requireOneTree({ size, rightEdge, partialTiles }: TreeSoFar): void {
  const isEveryTileOfItsWidth = partialTiles.every((tile, level) => {
    const index = Math.floor(size / TILE_WIDTH ** (level + 1));
    return tile.length === tileWidthAt(level, index, size) * HASH_LENGTH;
  });
  const isEveryLevelThere = size < TILE_WIDTH ** partialTiles.length;
  if (!isEveryTileOfItsWidth || !isEveryLevelThere) throw new RangeError("tiles of another tree");
  const root =
    size === 0 ? rootOfRightEdge([]) : subtreeHash(0, size, (level) => partialTiles[level] ?? new Uint8Array(0));
  if (Buffer.compare(root, rootOfRightEdge(rightEdge)) !== 0) throw new RangeError("right edge of another tree");
}

function readCheckpointKey(text: string): VerifierKey {
  const key = parseVerifierKey(text);
  if (key.type !== SIGNATURE_TYPE.ed25519) throw new RangeError("a key that signs no checkpoints");
  return key;
}

function readText(value: JsonValue): Uint8Array {
  if (typeof value !== "string") throw new RangeError("a note that is no text");
  return Buffer.from(value);
}

function readBytes(value: JsonValue): Uint8Array {
  const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
  if (bytes === undefined) throw new RangeError("bytes that are no base64");
  return bytes;
}

/** A JSON object whose members must be there and of their type. */
class Members {
  readonly #object: ReadonlyMap<string, JsonValue>;

  constructor(value: JsonValue) {
    if (!isJsonObject(value)) throw new RangeError("no object");
    this.#object = value;
  }

  value(name: string): JsonValue {
    const value = this.#object.get(name);
    if (value === undefined) throw new RangeError(`without ${name}`);
    return value;
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value !== "string") throw new RangeError(`${name} is no text`);
    return value;
  }

  /** Whole and not negative. */
  number(name: string): number {
    const value = this.value(name);
    const number = isJsonNumber(value) ? Number(value.text) : NaN;
    if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`${name} is no number`);
    return number;
  }

  list(name: string): readonly JsonValue[] {
    const value = this.value(name);
    if (!isJsonArray(value)) throw new RangeError(`${name} is no list`);
    return value;
  }

  /** @returns undefined for null */
  optional<T>(name: string, read: (text: string) => T): T | undefined {
    return this.value(name) === null ? undefined : read(this.text(name));
  }
}
