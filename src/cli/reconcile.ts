import { Command, InvalidArgumentError, Option } from "commander";
import { dataPaths } from "../compose/data-paths.ts";
import { reconcileDataFolder } from "../compose/reconcile-data-folder.ts";
import { loadConfig } from "../config/load-config.ts";
import type { ReconcileGap } from "../ctlog/reconcile/reconcile-gap.ts";
import type { ReconciledLog, ReconcileReport } from "../ctlog/reconcile/reconcile-logs.ts";
import type { CommandContext } from "./context.ts";
import { makeEntriesProgress } from "./entries-progress.ts";
import { configOption } from "./required-option.ts";

interface ReconcileCliOptions {
  readonly config: string;
  readonly dataDirectory?: string;
  readonly since?: number;
  readonly json?: true;
}

/** Each gap is counted, but a folder full of them need not be printed whole. */
const MAX_SHOWN = 100;

/** `mayfly reconcile`: does the audit trail explain each entry of the log, and the log each certificate of the trail? */
export function reconcileCommand(context: CommandContext, done: (exitCode: number) => void): Command {
  return new Command("reconcile")
    .description("compare the audit trail with the logs: is each certificate in both?")
    .usage("--config <file> [--data-directory <folder>] [--since <time>]")
    .addOption(configOption())
    .addOption(new Option("-d, --data-directory <folder>", "look here and not where the configuration says"))
    .addOption(
      new Option(
        "--since <time>",
        "leave out what is older, as 2026-11-22T12:00:00Z; reconcile.since when not given",
      ).argParser(parseTime),
    )
    .addOption(new Option("--json", "print one JSON object"))
    .addHelpText("after", HELP)
    .action(async (options: ReconcileCliOptions) => {
      done((await reconcile(options, context)) ? 0 : 1);
    });
}

const HELP =
  "\nExamples:\n" +
  "  mayfly reconcile --config mayfly.yaml\n" +
  "  mayfly reconcile --config mayfly.yaml --since 2026-11-01T00:00:00Z --json\n" +
  "\nTrail to log: each certificate that the audit trail says was issued is in the log that it names, at its index, with\n" +
  "its serial number and the content that was intended. Log to trail: each entry of every shard has an intent, which is\n" +
  "written before the CA's key is used; an entry without one was made with the keys behind the trail's back. The hash\n" +
  "chain of the trail is checked on the way. Whether the log itself is whole, mayfly log verify finds out.\n" +
  "\nEntries older than the oldest file of the trail, and than --since, are counted as not covered. No key is opened and\n" +
  "nothing is written: a service may run meanwhile.\n" +
  "\nExit codes:\n" +
  "  0  no gap in either direction\n" +
  "  1  gaps, a line for each, or something could not be read\n" +
  "  2  wrong usage";

const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?$/u;

/** A day is its midnight in UTC. */
function parseTime(text: string): number {
  const timeMs = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError("It is no time such as 2026-11-22T12:00:00Z.");
  return timeMs;
}

async function reconcile(options: ReconcileCliOptions, context: CommandContext): Promise<boolean> {
  const config = loadConfig(options.config);
  const dataDirectory = options.dataDirectory ?? config.dataDirectory;
  const gaps: ReconcileGap[] = [];
  const progress = makeEntriesProgress(context);
  const report = await reconcileDataFolder({
    logs: config.log.shards.map(({ name, origin, directory }) => ({
      name,
      origin,
      paths: dataPaths({ dataDirectory }, directory),
    })),
    auditTrail: dataPaths({ dataDirectory }).auditTrail,
    nowMs: Date.now(),
    sinceMs: options.since ?? config.reconcile.since,
    onGap: (gap) => {
      if (gaps.length < MAX_SHOWN) gaps.push(gap);
    },
    onProgress: progress.show,
  }).finally(() => {
    progress.end();
  });
  context.stdout(options.json === true ? describeAsJson(report, gaps) : describeAsText(report, gaps));
  return report.gaps === 0;
}

function describeAsText(report: ReconcileReport, gaps: readonly ReconcileGap[]): string {
  const { trail } = report;
  const notShown = report.gaps - gaps.length;
  const lines = [
    `audit trail ${trail === undefined ? "damaged" : describeFiles(trail)}`,
    ...(trail === undefined ? [] : [`  intents      ${trail.intents}, of which ${trail.abandoned} have no entry`]),
    ...report.logs.flatMap(describeLog),
    ...gaps.map(({ where, what }) => `gap: ${where}: ${what}`),
    ...(notShown > 0 ? [`gap: ${notShown} more`] : []),
    report.gaps === 0 ? "good" : `GAPS: ${report.gaps}`,
  ];
  return `${lines.join("\n")}\n`;
}

function describeFiles({ firstFile, lastFile }: NonNullable<ReconcileReport["trail"]>): string {
  return lastFile === 0 ? "without lines" : `files ${firstFile} to ${lastFile}`;
}

function describeLog({ name, size, issued, undelivered, unanswered, notCovered }: ReconciledLog): readonly string[] {
  return [
    `log ${name}`,
    `  entries      ${size}`,
    `  issued       ${issued}`,
    `  undelivered  ${undelivered}, logged and then refused or failed`,
    `  unanswered   ${unanswered}, logged and without an outcome`,
    `  not covered  ${notCovered}`,
  ];
}

function describeAsJson(report: ReconcileReport, gaps: readonly ReconcileGap[]): string {
  const { logs, trail } = report;
  return `${JSON.stringify({ ok: report.gaps === 0, trail: trail ?? null, logs, gapCount: report.gaps, gaps })}\n`;
}
