import { setTimeout } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { openExport, type OpenedExport } from "../compose/export-log.ts";
import { loadConfig } from "../config/load-config.ts";
import { MayflyError } from "../core/errors.ts";
import type { ExportReport } from "../ctlog/export-log.ts";
import type { CommandContext } from "./context.ts";
import { makeProgress } from "./progress.ts";
import { configOption, RequiredOption } from "./required-option.ts";

interface LogExportOptions {
  readonly config: string;
  readonly directory: string;
  readonly shard?: string;
  readonly gzip?: true;
  readonly every?: number;
  readonly compare?: true;
  readonly keepPartials?: true;
  readonly json?: true;
}

/** `mayfly log export`: the log as files, for a web server, a CDN or an object store. */
export function logExportCommand(context: CommandContext): Command {
  return new Command("export")
    .description("write the log as static-ct-api files, for a web server or a CDN to serve")
    .usage("--config <file> --directory <folder> [--every <time>]")
    .addOption(configOption())
    .addOption(new RequiredOption("-d, --directory <folder>", "folder to write to, apart from the data directory"))
    .addOption(new Option("--shard <name>", "which shard; needed only where there are several"))
    .addOption(new Option("--gzip", "compress data tiles; must be given each time or never"))
    .addOption(
      new Option("--every <time>", "go on until SIGTERM, looking for a new checkpoint so often: 10s, 5m").argParser(
        parseInterval,
      ),
    )
    .addOption(new Option("--compare", "compare files that are there with the log byte by byte, not only in length"))
    .addOption(new Option("--keep-partials", "keep partial tiles that no reader needs any more"))
    .addOption(new Option("--json", "print one JSON object for each export"))
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  mayfly log export --config mayfly.yaml --directory /srv/log --gzip\n" +
        "  mayfly log export --config mayfly.yaml --directory /srv/log --gzip --every 10s\n" +
        "\nWrites what is new since the last export: certificates, full tiles, partial tiles, and the checkpoint when all\n" +
        "of them are on the disk. The folder is a whole log at any moment, also after a crash; a second export at the\n" +
        "same time is refused. Refuses a folder of another log, and one with more entries than the log has, or others:\n" +
        "then the log was set back, or there are two of it. The service may run meanwhile; no key is opened.",
    )
    .action((options: LogExportOptions) => exportLog(options, context));
}

async function exportLog(options: LogExportOptions, context: CommandContext): Promise<void> {
  const progress = makeProgress(context);
  const opened = openExport({
    config: loadConfig(options.config),
    directory: options.directory,
    shard: options.shard,
    pid: context.pid,
    gzip: options.gzip === true,
    compare: options.compare === true,
    keepPartials: options.keepPartials === true,
    onProgress: (tiles, of) => {
      progress.show(`${tiles} of ${of} full tiles exported`);
    },
  });
  const print = (report: ExportReport): void => {
    progress.end();
    context.stdout(options.json === true ? describeAsJson(report) : describeAsText(options.directory, report));
  };
  try {
    if (options.every === undefined) print(await opened.run());
    else await exportEvery(options.every, opened, { print, onStopSignal: context.onStopSignal });
  } finally {
    progress.end();
    opened.close();
  }
}

interface Repetition {
  readonly print: (report: ExportReport) => void;
  readonly onStopSignal: CommandContext["onStopSignal"];
}

/** An export that has begun is brought to its end also when the signal to stop comes. */
async function exportEvery(
  intervalMs: number,
  { run }: OpenedExport,
  { print, onStopSignal }: Repetition,
): Promise<void> {
  const stop = new AbortController();
  onStopSignal(() => {
    stop.abort();
  });
  while (!stop.signal.aborted) {
    const report = await run().catch(undefinedUntilPublished);
    if (report !== undefined && report.written.files > 0) print(report);
    await setTimeout(intervalMs, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

/** A log that was never served has nothing to show yet. */
function undefinedUntilPublished(error: unknown): undefined {
  if (error instanceof MayflyError && error.reason === "LOG_CLOSED") return undefined;
  throw error;
}

const INTERVAL = /^(?<count>[1-9][0-9]{0,4})(?<unit>[smh])$/u;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
/** Timers of Node.js count milliseconds in 31 bits. */
const MAX_INTERVAL_MS = 86_400_000;

function parseInterval(text: string): number {
  const { count = "", unit = "" } = INTERVAL.exec(text)?.groups ?? {};
  const intervalMs = Number(count) * (UNIT_MS[unit] ?? 0);
  if (intervalMs === 0 || intervalMs > MAX_INTERVAL_MS) {
    throw new InvalidArgumentError("Expected a time of 1s to 24h, such as 10s or 5m.");
  }
  return intervalMs;
}

function describeAsText(directory: string, { checkpoint, previous, written }: ExportReport): string {
  const grown = previous === undefined ? "" : `, ${checkpoint.size - previous.size} of them new`;
  return `${directory}: ${checkpoint.size} entries${grown}; ${written.files} files written\n`;
}

function describeAsJson({ checkpoint, previous, written }: ExportReport): string {
  return `${JSON.stringify({
    size: checkpoint.size,
    root: Buffer.from(checkpoint.root).toString("base64"),
    timestampMs: checkpoint.timestampMs,
    previousSize: previous?.size ?? null,
    files: written.files,
    bytes: written.bytes,
  })}\n`;
}
