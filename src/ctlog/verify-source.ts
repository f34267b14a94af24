import { MayflyError } from "../core/errors.ts";
import { TILE_WIDTH, tileWidthAt } from "../core/merkle/tile.ts";
import { rootOfRightEdge } from "../core/merkle/tree.ts";
import type { LogSource } from "../ports/log-source.ts";
import { packReadEntries, type EntryJudge } from "../tlog/entry-part.ts";
import { EMPTY_TREE, type GrowingTree, type StatedTreeOfLog, type TreeSoFar } from "../tlog/growing-tree.ts";
import { noteProblem, type LogProblem, type OnProblem } from "../tlog/log-problem.ts";
import { verifyEntries, type VerifiableLog } from "../tlog/verify-entries.ts";
import { conflictOfCheckpoints, conflictOfTiles } from "./checkpoint-conflict.ts";
import type { LogKind } from "./judge-entries.ts";
import { verifyTrustedCheckpoint, type LogTrust, type VerifiedCheckpoint } from "./trusted-checkpoint.ts";

/** What an earlier verification of the same log came to. */
export interface EarlierVerification {
  /** The newest checkpoint that was verified then. */
  readonly checkpoint: VerifiedCheckpoint;
  /** The tree of the entries that were verified. */
  readonly tree: TreeSoFar;
  /** Older checkpoints, of more entries than were verified then: nothing has been compared with them yet. */
  readonly pending: readonly VerifiedCheckpoint[];
}

/** How somebody's log is verified. */
export interface VerifySourceOptions {
  readonly trust: LogTrust;
  /** Makes the judge of so many entries. */
  readonly openJudge: (kind: LogKind, entries: number) => EntryJudge;
  /** Where to go on; from the first entry on when left out. */
  readonly earlier?: EarlierVerification;
  readonly onProblem: OnProblem;
  /** Told of what the specifications allow and Mayfly's own logs never do. */
  readonly onNotice: OnProblem;
  /** Told after each part; the verification ends early when it answers "stop". */
  readonly onProgress?: (progress: SourceProgress) => Promise<"stop" | undefined>;
}

/** How far a verification has come. */
export interface SourceProgress {
  readonly checkpoint: VerifiedCheckpoint;
  readonly tree: TreeSoFar;
  /** Earlier checkpoints that the tree has not grown to. Whoever ends here must still compare with them later. */
  readonly pending: readonly VerifiedCheckpoint[];
  /** Whether one that it has grown to is of another tree. */
  readonly isConflict: boolean;
}

/** What was found in somebody's log. */
export interface VerifiedSource {
  /** Undefined when the log's checkpoint is not to be trusted; then nothing else was looked at. */
  readonly checkpoint: VerifiedCheckpoint | undefined;
  readonly kind: LogKind | undefined;
  /** The tree of all entries that were verified, now and earlier. */
  readonly tree: TreeSoFar;
  /** As {@link SourceProgress.pending}. */
  readonly pending: readonly VerifiedCheckpoint[];
  /** Entries and tiles that were verified now. */
  readonly entries: number;
  readonly tiles: number;
  /** Whether the checkpoint and the earlier one do not fit together: then they are evidence that the log was rewritten. */
  readonly isConflict: boolean;
  /** Whether every entry of the checkpoint was verified. */
  readonly isComplete: boolean;
}

/**
 * Verifies a log as an outsider: its newest checkpoint, every entry under it, and every hash tile; that precertificates are
 * what was logged, and everything was issued by the CA that it names. Continues an earlier verification: the tree of the
 * entries that were verified then must be the beginning of the log's tree now.
 *
 * @throws MayflyError `log_failed` (SOURCE_UNAVAILABLE) when the log does not answer
 */
export async function verifySource(source: LogSource, options: VerifySourceOptions): Promise<VerifiedSource> {
  const { earlier, onProblem } = options;
  const { tree = EMPTY_TREE, pending = [] } = earlier ?? {};
  const nothing = { entries: 0, tiles: 0, isConflict: false, isComplete: false, tree, pending };
  const checkpoint = await noteProblem(CHECKPOINT, onProblem, async () =>
    verifyTrustedCheckpoint(await source.checkpoint(), options.trust),
  );
  if (checkpoint === undefined) return { ...nothing, checkpoint, kind: undefined };
  const kind = await kindOf(source, checkpoint.size);
  const conflict = earlier === undefined ? undefined : await conflictOf(source, { checkpoint, earlier, kind });
  if (conflict !== undefined) {
    onProblem(conflict);
    return { ...nothing, checkpoint, kind, isConflict: true };
  }
  return verifyTree({ source, checkpoint, kind }, options);
}

/** A log without hash tiles is one of RFC 6962. */
async function kindOf(source: LogSource, size: number): Promise<LogKind> {
  if (size === 0) return "static-ct";
  try {
    return (await source.tile(0, 0, tileWidthAt(0, 0, size))) === undefined ? "rfc6962" : "static-ct";
  } catch (error) {
    // It has tiles, if not this one: that is reported when it is compared.
    if (error instanceof MayflyError && error.reason === "SOURCE_INVALID") return "static-ct";
    throw error;
  }
}

async function conflictOf(
  source: LogSource,
  { checkpoint, earlier, kind }: SourceProgressOf & { readonly earlier: EarlierVerification },
): Promise<LogProblem | undefined> {
  const conflict = [earlier.checkpoint, ...earlier.pending]
    .map((before) => conflictOfCheckpoints(checkpoint, before))
    .find((found) => found !== undefined);
  if (conflict !== undefined || kind === "rfc6962") return conflict;
  return conflictOfTiles(source, checkpoint, earlier.tree);
}

type SourceProgressOf = Pick<SourceProgress, "checkpoint"> & { readonly kind: LogKind };

async function verifyTree(
  { source, checkpoint, kind }: SourceProgressOf & { readonly source: LogSource },
  options: VerifySourceOptions,
): Promise<VerifiedSource> {
  const { earlier, onProblem, onNotice, onProgress } = options;
  const { size } = checkpoint;
  const from = earlier?.tree ?? EMPTY_TREE;
  let isRefuted = false;
  const older: OlderEntries = { count: 0, first: undefined };
  const tree = await verifyEntries(verifiable(source, size, kind), {
    judge: options.openJudge(kind, size - from.size),
    stated: statedTrees(checkpoint, earlier),
    from,
    onProblem: (problem) => {
      isRefuted ||= problem.where === EARLIER_CHECKPOINT;
      onProblem(problem);
    },
    onOlderEntry: ({ where }) => {
      older.count += 1;
      older.first ??= where;
    },
    onTree: ({ soFar }: GrowingTree) => {
      const pending = pendingAt(soFar.size, checkpoint, earlier);
      return (
        onProgress?.({ checkpoint, tree: soFar, pending, isConflict: isRefuted }) ??
        Promise.resolve<undefined>(undefined)
      );
    },
  });
  noteOlderEntries(older, onNotice);
  const isRoot = Buffer.compare(rootOfRightEdge(tree.soFar.rightEdge), checkpoint.root) === 0;
  // Entries that are not those of the checkpoint say nothing about an earlier one, unless nothing else could have.
  const isUnproved = kind === "rfc6962" && from.size > 0 && tree.size === size;
  return {
    checkpoint,
    kind,
    tree: tree.soFar,
    pending: pendingAt(tree.size, checkpoint, earlier),
    entries: tree.size - from.size,
    tiles: tree.comparedTiles,
    isConflict: isRoot ? isRefuted : isUnproved,
    isComplete: tree.size === size,
  };
}

/** Entries whose time is before that of the entry before them. */
interface OlderEntries {
  count: number;
  first: string | undefined;
}

/** Nothing but Mayfly's own rule says that times do not go back, and logs that take submissions at once do not keep it. */
function noteOlderEntries({ count, first }: OlderEntries, onNotice: OnProblem): void {
  if (first === undefined) return;
  const are = count === 1 ? "is older than the entry before it" : "are older than the entry before them";
  onNotice({ where: "entries", what: `${count} ${are}, ${first} first` });
}

/** Names of the checkpoints in problems. */
const CHECKPOINT = "checkpoint";
const EARLIER_CHECKPOINT = "earlier checkpoint";

/** Earlier checkpoints are compared too, but for those whose whole tree was verified then. */
function statedTrees(
  checkpoint: VerifiedCheckpoint,
  earlier: EarlierVerification | undefined,
): readonly StatedTreeOfLog[] {
  const { size = 0 } = earlier?.tree ?? {};
  return [
    statedTree(CHECKPOINT, checkpoint),
    ...checkpointsBeyond(size, earlier).map((each) => statedTree(EARLIER_CHECKPOINT, each)),
  ];
}

/** Of checkpoints of one size, which state one tree, the newest is enough. */
function pendingAt(
  size: number,
  checkpoint: VerifiedCheckpoint,
  earlier: EarlierVerification | undefined,
): readonly VerifiedCheckpoint[] {
  return checkpointsBeyond(size, earlier).filter((each) => each.size !== checkpoint.size);
}

/** Earlier checkpoints of more than so many entries. */
function checkpointsBeyond(treeSize: number, earlier: EarlierVerification | undefined): readonly VerifiedCheckpoint[] {
  if (earlier === undefined) return [];
  return [...earlier.pending, earlier.checkpoint].filter(({ size }) => size > treeSize);
}

function statedTree(where: string, { size, root, timestampMs }: VerifiedCheckpoint): StatedTreeOfLog {
  return { where, size, root, timestampMs };
}

function verifiable(source: LogSource, size: number, kind: LogKind): VerifiableLog {
  return {
    size,
    readEntries: async (start, end, onProblem) => {
      const where =
        kind === "rfc6962" ? `entries ${start} to ${end - 1}` : `data tile ${Math.floor(start / TILE_WIDTH)}`;
      const stored = await noteProblem(where, onProblem, () => readWhole(source, { start, end }, size));
      return packReadEntries(start, stored ?? Array.from({ length: end - start }, () => undefined), onProblem);
    },
    tileOf: kind === "rfc6962" ? undefined : (level, index, width) => source.tile(level, index, width),
    issuerOf: (fingerprint) => source.issuer(fingerprint),
  };
}

/** A log may give fewer entries than were asked for, but not none (RFC 6962 §4.6). */
async function readWhole(
  source: LogSource,
  { start, end }: { readonly start: number; readonly end: number },
  size: number,
): Promise<readonly Uint8Array[]> {
  const stored: Uint8Array[] = [];
  while (stored.length < end - start) {
    const entries = await source.entries(start + stored.length, end, size);
    if (entries.length === 0) throw new MayflyError("SOURCE_INVALID", `${source.location} gives no entries`);
    stored.push(...entries);
  }
  if (stored.length !== end - start)
    throw new MayflyError("SOURCE_INVALID", `${source.location} gives too many entries`);
  return stored;
}
