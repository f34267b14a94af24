import { Command, Option } from "commander";
import { dataPaths } from "../compose/data-paths.ts";
import { verifyDataFolder, type DataFolderReport } from "../compose/verify-data-folder.ts";
import { activeShard } from "../config/active-shard.ts";
import { loadConfig } from "../config/load-config.ts";
import type { LogProblem } from "../tlog/log-problem.ts";
import type { CommandContext } from "./context.ts";
import { makeProgress } from "./progress.ts";
import { configOption } from "./required-option.ts";

interface LogVerifyOptions {
  readonly config: string;
  readonly dataDirectory?: string;
  readonly json?: true;
}

/** Each problem is counted, but a folder full of them need not be printed whole. */
const MAX_SHOWN = 100;

/** `mayfly log verify`: is all of the log there, unchanged, and everything that callers were told in it? */
export function logVerifyCommand(context: CommandContext, done: (exitCode: number) => void): Command {
  return new Command("verify")
    .description("verify everything in the data directory: log, checkpoint, head mark and audit trail")
    .usage("--config <file> [--data-directory <folder>]")
    .addOption(configOption())
    .addOption(new Option("-d, --data-directory <folder>", "look here and not where the configuration says"))
    .addOption(new Option("--json", "print one JSON object"))
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  mayfly log verify --config mayfly.yaml\n" +
        "  mayfly log verify --config mayfly.yaml --data-directory backup --json\n" +
        "\nEvery leaf hash, tile and root is computed again from the stored entries; precertificates, the published\n" +
        "checkpoint and head.note are verified with the keys that the log was made with; every index that the audit trail\n" +
        "says a caller was told is looked up. No key is opened and nothing is written: a service may run meanwhile.\n" +
        "\nExit codes:\n" +
        "  0  all is as it must be\n" +
        "  1  something is damaged or missing; a line for each says where and what\n" +
        "  2  wrong usage",
    )
    .action(async (options: LogVerifyOptions) => {
      done((await verify(options, context)) ? 0 : 1);
    });
}

async function verify(options: LogVerifyOptions, context: CommandContext): Promise<boolean> {
  const config = loadConfig(options.config);
  const dataDirectory = options.dataDirectory ?? config.dataDirectory;
  const paths = dataPaths({ dataDirectory }, activeShard(config).directory);
  const problems: LogProblem[] = [];
  const progress = makeProgress(context);
  const report = await verifyDataFolder({
    paths,
    origin: activeShard(config).origin,
    onProblem: (problem) => {
      if (problems.length < MAX_SHOWN) problems.push(problem);
    },
    onProgress: (entries, of) => {
      progress.show(`${entries} of ${of} entries verified`);
    },
  }).finally(() => {
    progress.end();
  });
  const print = options.json === true ? describeAsJson : describeAsText;
  context.stdout(print(paths.database, report, problems));
  return report.problems === 0;
}

function describeAsText(path: string, report: DataFolderReport, problems: readonly LogProblem[]): string {
  const { manifest, head, published, audit, answered, tiles } = report;
  const behind = head.size - (published?.size ?? 0);
  const trail =
    audit === undefined
      ? "damaged"
      : `${audit.lines} lines of ${audit.starts} processes, ${answered} certificates issued`;
  const notShown = report.problems - problems.length;
  const lines = [
    `log ${path}`,
    `  origin       ${manifest.origin}`,
    `  log id       ${Buffer.from(manifest.logId).toString("base64")}`,
    `  entries      ${head.size}${behind > 0 ? `, of which ${behind} are not published yet` : ""}`,
    `  root         ${Buffer.from(head.root).toString("base64")}`,
    `  tiles        ${tiles}`,
    `  audit trail  ${trail}`,
    ...problems.map(({ where, what }) => `damaged: ${where}: ${what}`),
    ...(notShown > 0 ? [`damaged: ${notShown} more`] : []),
    report.problems === 0 ? "good" : `DAMAGED: ${report.problems} ${report.problems === 1 ? "problem" : "problems"}`,
  ];
  return `${lines.join("\n")}\n`;
}

function describeAsJson(path: string, report: DataFolderReport, problems: readonly LogProblem[]): string {
  const { manifest, head, published, remembered, audit, answered, tiles } = report;
  const checkpoint = (tree: { size: number; root: Uint8Array; timestampMs: number } | undefined): object | null =>
    tree === undefined
      ? null
      : { size: tree.size, root: Buffer.from(tree.root).toString("base64"), timestampMs: tree.timestampMs };
  return `${JSON.stringify({
    ok: report.problems === 0,
    path,
    origin: manifest.origin,
    logId: Buffer.from(manifest.logId).toString("base64"),
    head: checkpoint(head),
    published: checkpoint(published),
    headMark: checkpoint(remembered),
    tiles,
    audit: audit ?? null,
    answered,
    problemCount: report.problems,
    problems,
  })}\n`;
}
