import { readFile } from "node:fs/promises";
import { readOwnManifests } from "../compose/own-manifests.ts";
import type { TrustRequest } from "../compose/log-trust.ts";
import { verifyLogSource, type LogSourceReport } from "../compose/verify-log-source.ts";
import { loadConfig } from "../config/load-config.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { parseTrustedLogKey, parseTrustedVerifierKey } from "../ctlog/trusted-keys.ts";
import type { LogProblem } from "../tlog/log-problem.ts";
import type { CommandContext } from "./context.ts";
import { makeEntriesProgress } from "./entries-progress.ts";

/** Options of `mayfly log verify` for a log that is named by its URL or folder. */
export interface VerifySourceCliOptions {
  readonly config?: string;
  readonly key?: string;
  readonly vkey?: string;
  readonly origin?: string;
  readonly trustOnFirstUse?: true;
  readonly state?: string;
  readonly json?: true;
}

/** Each problem is counted, but a log full of them need not be printed whole. */
const MAX_SHOWN = 100;

/** Everything is as it must be; something is not; nothing is known to be wrong, but not all was read. */
const EXIT = { good: 0, damaged: 1, unfinished: 3 } as const;

/**
 * Verifies a log as an outsider and prints what was found.
 *
 * @returns exit code
 */
export async function verifySourceByCli(
  location: string,
  options: VerifySourceCliOptions,
  context: CommandContext,
): Promise<number> {
  const found = { problems: [] as LogProblem[], notices: [] as LogProblem[] };
  const keep = (list: LogProblem[]) => (problem: LogProblem) => {
    if (list.length < MAX_SHOWN) list.push(problem);
  };
  let isStopAsked = false;
  context.onStopSignal(() => {
    // Whoever asks twice does not want to wait for what is being read.
    if (isStopAsked) context.exit(EXIT.unfinished);
    isStopAsked = true;
  });
  const progress = makeEntriesProgress(context);
  try {
    const report = await verifyLogSource({
      location,
      trust: await trustOf(options),
      statePath: options.state,
      onProblem: keep(found.problems),
      onNotice: keep(found.notices),
      onProgress: progress.show,
      isStopAsked: () => isStopAsked,
    });
    progress.end();
    context.stdout((options.json === true ? describeAsJson : describeAsText)(report, found));
    return exitCodeOf(report);
  } catch (error) {
    progress.end();
    if (!(error instanceof MayflyError) || error.reason !== "SOURCE_UNAVAILABLE") throw error;
    context.stderr(`mayfly: ${describeCauses(error).replaceAll(/[\r\n]+\s*/gu, " ")}\n`);
    return EXIT.unfinished;
  }
}

async function trustOf({ key, vkey, origin, config, trustOnFirstUse }: VerifySourceCliOptions): Promise<TrustRequest> {
  return {
    ...(key === undefined ? {} : { logKeySpki: await readKey(key) }),
    ...(vkey === undefined ? {} : { checkpointKey: parseTrustedVerifierKey(vkey) }),
    ...(origin === undefined ? {} : { origin }),
    ...(config === undefined ? {} : { manifests: await readOwnManifests(loadConfig(config)) }),
    ...(trustOnFirstUse === undefined ? {} : { isFirstUseTrusted: true }),
  };
}

/** DER of a P-256 SubjectPublicKeyInfo has no shorter base64, and no path is so long without a slash or a dot. */
const BASE64_KEY = /^[A-Za-z0-9+/]{100,}={0,2}$/u;

async function readKey(fileOrBase64: string): Promise<Uint8Array> {
  const { publicKey } = parseTrustedLogKey(
    BASE64_KEY.test(fileOrBase64) ? fileOrBase64 : keyOfFile(await readKeyFile(fileOrBase64)),
  );
  return new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
}

async function readKeyFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new MayflyError("FILE_NOT_READ", `cannot read the key ${path}`, { cause });
  }
}

/** DER begins with a SEQUENCE, text does not. */
function keyOfFile(bytes: Uint8Array): Uint8Array | string {
  return bytes[0] === 0x30 && bytes[1] !== 0x30 ? bytes : Buffer.from(bytes).toString("latin1");
}

function exitCodeOf({ problemCount, unfinished }: LogSourceReport): number {
  if (problemCount > 0) return EXIT.damaged;
  return unfinished === undefined ? EXIT.good : EXIT.unfinished;
}

interface Found {
  readonly problems: readonly LogProblem[];
  readonly notices: readonly LogProblem[];
}

function describeAsText(report: LogSourceReport, { problems, notices }: Found): string {
  const { location, trust, checkpoint, evidence } = report;
  const notShown = report.problemCount - problems.length;
  const lines = [
    `log ${location}`,
    `  origin       ${trust.origin}`,
    ...(trust.logKey === undefined ? [] : [`  log id       ${base64(trust.logKey.logId)}`]),
    ...(checkpoint === undefined ? [] : describeTree(report, checkpoint)),
    ...notices.map(({ where, what }) => `note: ${where}: ${what}`),
    ...problems.map(({ where, what }) => `damaged: ${where}: ${what}`),
    ...(notShown > 0 ? [`damaged: ${notShown} more`] : []),
    ...evidence.map((file) => `evidence: ${file}`),
    describeOutcome(report),
  ];
  return `${lines.join("\n")}\n`;
}

function describeTree(
  { kind, tree, entries, tiles }: LogSourceReport,
  checkpoint: NonNullable<LogSourceReport["checkpoint"]>,
): readonly string[] {
  return [
    ...(kind === undefined ? [] : [`  kind         ${kind}`]),
    `  checkpoint   ${checkpoint.size} entries${checkpoint.timestampMs === undefined ? "" : `, signed ${new Date(checkpoint.timestampMs).toISOString()}`}`,
    `  root         ${base64(checkpoint.root)}`,
    `  verified     ${tree.size} entries, ${entries} of them now`,
    `  tiles        ${tiles}`,
  ];
}

function describeOutcome({ problemCount, unfinished, tree, checkpoint }: LogSourceReport): string {
  if (problemCount > 0) return `DAMAGED: ${problemCount} ${problemCount === 1 ? "problem" : "problems"}`;
  if (unfinished === undefined) return "good";
  return `UNFINISHED: ${unfinished}; ${tree.size} of ${checkpoint?.size ?? 0} entries verified, nothing wrong so far`;
}

function describeAsJson(report: LogSourceReport, { problems, notices }: Found): string {
  const { trust, checkpoint, location, kind, tree, entries, tiles, isConflict, evidence, unfinished } = report;
  return `${JSON.stringify({
    ok: exitCodeOf(report) === EXIT.good,
    location,
    kind: kind ?? null,
    origin: trust.origin,
    logId: trust.logKey === undefined ? null : base64(trust.logKey.logId),
    checkpoint:
      checkpoint === undefined
        ? null
        : { size: checkpoint.size, root: base64(checkpoint.root), timestampMs: checkpoint.timestampMs ?? null },
    verified: tree.size,
    entries,
    tiles,
    isConflict,
    evidence,
    unfinished: unfinished ?? null,
    notices,
    problemCount: report.problemCount,
    problems,
  })}\n`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
