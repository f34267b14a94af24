import { DatabaseSync } from "node:sqlite";
import { verifyAuditTrail } from "../../../src/adapters/audit/verify-audit-trail.ts";
import type { DataPaths } from "../../../src/compose/data-paths.ts";
import { reconcileDataFolder } from "../../../src/compose/reconcile-data-folder.ts";
import { verifyDataFolder, type DataFolderReport } from "../../../src/compose/verify-data-folder.ts";
import { subtreeHash, TILE_WIDTH } from "../../../src/core/merkle/tile.ts";
import { HASH_LENGTH } from "../../../src/core/merkle/tree.ts";
import type { Witness } from "./witness.ts";

/** What was found in a data folder after a process ended there. */
export interface Verdict {
  /** Nothing when the log kept every promise. */
  readonly broken: readonly string[];
  readonly report: DataFolderReport;
}

/** The data folder of a log, and what it was made as. */
export interface JudgedFolder {
  readonly paths: DataPaths;
  readonly origin: string;
}

/**
 * Compares a data folder with itself (`log verify`, `reconcile`) and with everything that had left the process: each SCT is in the tree
 * at its index, each checkpoint that was served is a prefix of the tree, no tree was signed twice, nothing that a caller
 * was told is missing from the audit trail.
 */
export async function judge(folder: JudgedFolder, witness: Witness): Promise<Verdict> {
  witness.read();
  const broken = [...witness.lies];
  const report = await verifyDataFolder({
    ...folder,
    onProblem: ({ where, what }) => broken.push(`log verify: ${where}: ${what}`),
  });
  await reconcileDataFolder({
    logs: [{ name: "log", ...folder }],
    auditTrail: folder.paths.auditTrail,
    nowMs: Date.now(),
    onGap: ({ where, what }) => broken.push(`reconcile: ${where}: ${what}`),
  });
  // Read by a query of its own: what the product's reader gives back is log verify's to judge.
  const database = new DatabaseSync(folder.paths.database, { readOnly: true });
  const tiles: Tiles = { size: report.head.size, tile: readTiles(database) };
  broken.push(...brokenScts(tiles, witness), ...brokenCheckpoints(tiles, witness));
  database.close();
  broken.push(...brokenOrder(witness), ...(await missingOutcomes(folder, witness)));
  return { broken, report };
}

/** The tree as its tiles have it. */
interface Tiles {
  readonly size: number;
  readonly tile: (level: number, index: number) => Uint8Array;
}

function readTiles(database: DatabaseSync): Tiles["tile"] {
  const select = database.prepare("SELECT hashes FROM tile WHERE key = ?");
  return (level, index) => {
    const hashes = select.get(level * 2 ** 40 + index)?.["hashes"];
    return ArrayBuffer.isView(hashes) ? new Uint8Array(hashes.buffer, hashes.byteOffset, hashes.byteLength) : NOTHING;
  };
}

const NOTHING = new Uint8Array(0);

/** Every SCT that reached a caller is in the tree at its index. The tree itself is log verify's to judge. */
function brokenScts({ size, tile }: Tiles, { scts }: Witness): string[] {
  const broken: string[] = [];
  for (const { logIndex, leafHash } of scts.values()) {
    const at = (logIndex % TILE_WIDTH) * HASH_LENGTH;
    const hashes = tile(0, Math.floor(logIndex / TILE_WIDTH)).subarray(at, at + HASH_LENGTH);
    const found = Buffer.from(hashes).toString("hex");
    if (logIndex >= size || found === "") broken.push(`SCT of entry ${String(logIndex)} is not in the log`);
    else if (found !== leafHash) broken.push(`SCT of entry ${String(logIndex)} is not what the log has there`);
  }
  return broken;
}

/** Every checkpoint that was served is a prefix of the log (RFC 6962 §2.1.2). */
function brokenCheckpoints(tiles: Tiles, { checkpoints }: Witness): string[] {
  const broken: string[] = [];
  const distinct = new Map(checkpoints.map((each) => [`${String(each.size)} ${each.root}`, each]));
  for (const { size, root } of distinct.values()) {
    if (size > tiles.size) broken.push(`a checkpoint of ${String(size)} entries is beyond the log`);
    else if (rootOf(tiles, size) !== root) broken.push(`a checkpoint of ${String(size)} entries is no prefix`);
  }
  return broken;
}

function rootOf({ tile }: Tiles, size: number): string {
  return Buffer.from(subtreeHash(0, size, tile)).toString("hex");
}

/** A later signature is over no smaller tree, no two have one time, and no checkpoint is older than what it covers. */
function brokenOrder({ checkpoints, scts }: Witness): string[] {
  const broken: string[] = [];
  const byTime = checkpoints.toSorted((a, b) => a.timestampMs - b.timestampMs);
  for (const [at, { size, timestampMs }] of byTime.entries()) {
    const before = byTime[at - 1];
    if (before === undefined) continue;
    if (size < before.size)
      broken.push(`a tree of ${String(size)} entries was signed after one of ${String(before.size)}`);
    if (timestampMs === before.timestampMs) broken.push(`two checkpoints of one time, ${String(size)} entries`);
  }
  for (const sct of scts.values()) {
    const older = checkpoints.find(({ size, timestampMs }) => size > sct.logIndex && timestampMs < sct.timestampMs);
    if (older !== undefined) broken.push(`a checkpoint is older than entry ${String(sct.logIndex)}, which it covers`);
  }
  return broken;
}

/** What a caller was answered stands in the audit trail, whose chains are log verify's to judge. */
async function missingOutcomes({ paths }: JudgedFolder, { scts }: Witness): Promise<string[]> {
  const written = new Map<number, string>();
  await verifyAuditTrail(paths.auditTrail, (issued) => {
    for (const { logIndex, serialNumber } of issued) written.set(logIndex, serialNumber);
    return Promise.resolve();
  }).catch(() => undefined);
  return [...scts.values()]
    .filter(({ logIndex, serialNumber }) => written.get(logIndex) !== serialNumber)
    .map(({ logIndex }) => `the audit trail does not tell of the certificate of entry ${String(logIndex)}`);
}
