import { TILE_WIDTH, tileWidthAt } from "../core/merkle/tile.ts";
import type { EntryJudge, EntryPart } from "./entry-part.ts";
import {
  GrowingTree,
  type GrowingTreeOptions,
  type JudgedPart,
  type ReadTile,
  type TreeSoFar,
} from "./growing-tree.ts";
import { inOrder } from "./in-order.ts";
import { noteProblem, type LogProblem, type OnProblem } from "./log-problem.ts";
import { makeIssuersOf, type IssuerOf } from "./verify-issuers.ts";
import type { TileOf } from "./verify-tiles.ts";

/** A log whose entries are verified, wherever it is. */
export interface VerifiableLog {
  readonly size: number;
  /** The entries `start` ≤ index < `end`, which lie in one data tile. `onProblem` was told of each that has no bytes. */
  readEntries(start: number, end: number, onProblem: OnProblem): Promise<EntryPart>;
  /** Hash tiles; undefined where the log offers none. */
  readonly tileOf: TileOf | undefined;
  readonly issuerOf: IssuerOf;
}

/** How entries are verified. */
export interface VerifyEntriesOptions extends Omit<GrowingTreeOptions, "tileOf"> {
  readonly judge: EntryJudge;
  /** Where to go on; from the first entry on by default. */
  readonly from?: TreeSoFar | undefined;
  /** Told of each part in log order, before it is added to the tree. */
  readonly onPart?: (part: JudgedPart) => Promise<void>;
  /** Told after each part; the verification ends early when it answers "stop". */
  readonly onTree?: (tree: GrowingTree) => Promise<"stop" | undefined>;
}

/** How many parts are read and judged ahead of the one that is added to the tree: what is held in memory. */
const PARTS_AHEAD = 16;

/**
 * Verifies entry by entry and builds the tree of them: every leaf hash, tile and stated root, and what entries refer to.
 * One pass; never more than 17 parts of 256 entries are in memory. Damage is reported and stepped over.
 *
 * @returns the tree of all entries, with every tile compared, or of those before "stop"
 * @throws what {@link noteProblem} does not take for damage
 */
export async function verifyEntries(log: VerifiableLog, options: VerifyEntriesOptions): Promise<GrowingTree> {
  const tree = new GrowingTree({ ...options, tileOf: log.tileOf }, options.from);
  const readPart = makeReadPart(log, options);
  for await (const { part, problems } of inOrder(partsOf(tree.size, log.size, readPart), PARTS_AHEAD)) {
    for (const problem of problems) options.onProblem(problem);
    await options.onPart?.(part);
    await tree.add(part);
    if ((await options.onTree?.(tree)) === "stop") return tree;
  }
  await tree.end();
  return tree;
}

/** A part as it comes: its problems wait for its turn, so that they are told in log order. */
interface ReadPart {
  readonly part: JudgedPart;
  readonly problems: readonly LogProblem[];
}

function* partsOf(
  start: number,
  size: number,
  readPart: (start: number, end: number) => Promise<ReadPart>,
): Generator<() => Promise<ReadPart>, void> {
  for (let at = start; at < size;) {
    const first = at;
    const end = Math.min(at - (at % TILE_WIDTH) + TILE_WIDTH, size);
    yield () => readPart(first, end);
    at = end;
  }
}

function makeReadPart(
  log: VerifiableLog,
  { judge, onProblem }: VerifyEntriesOptions,
): (start: number, end: number) => Promise<ReadPart> {
  const issuersOf = makeIssuersOf(log.issuerOf, onProblem);
  return async (start, end) => {
    const problems: LogProblem[] = [];
    const note: OnProblem = (problem) => void problems.push(problem);
    const index = Math.floor(start / TILE_WIDTH);
    const [entries, tile] = await Promise.all([
      log.readEntries(start, end, note),
      noteProblem(`tile 0/${index}`, note, () => readTile(log, index)),
    ]);
    const verdict = await judge.judge(entries, await issuersOf(judge.referencesOf(entries)));
    return { part: { start, verdict, tile }, problems: [...problems, ...verdict.problems] };
  };
}

async function readTile({ tileOf, size }: VerifiableLog, index: number): Promise<ReadTile | undefined> {
  return tileOf === undefined ? undefined : { hashes: await tileOf(0, index, tileWidthAt(0, index, size)) };
}
