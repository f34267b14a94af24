import { existsSync } from "node:fs";
import { Command, Option } from "commander";
import { dataPaths } from "../compose/data-paths.ts";
import { verifyDataFolder, type DataFolderReport } from "../compose/verify-data-folder.ts";
import { otherLogIds } from "../compose/other-log-ids.ts";
import { namedShard } from "../config/named-shard.ts";
import { loadConfig } from "../config/load-config.ts";
import type { ShardConfig } from "../config/log-schema.ts";
import type { Config } from "../config/schema.ts";
import type { LogProblem } from "../tlog/log-problem.ts";
import type { CommandContext } from "./context.ts";
import { makeEntriesProgress } from "./entries-progress.ts";
import { verifySourceByCli, type VerifySourceCliOptions } from "./log-verify-source.ts";

interface LogVerifyOptions extends VerifySourceCliOptions {
  readonly dataDirectory?: string;
  readonly shard?: string;
}

/** Each problem is counted, but a folder full of them need not be printed whole. */
const MAX_SHOWN = 100;

/** `mayfly log verify`: is all of the log there, unchanged, and everything that callers were told in it? */
export function logVerifyCommand(context: CommandContext, done: (exitCode: number) => void): Command {
  const command = new Command("verify")
    .description("verify a whole log: the one in the data directory, or anybody's by its URL or folder")
    .usage("--config <file> [--data-directory <folder>] | <location> --key <key> [--state <file>]")
    .argument("[location]", "URL or folder of a log (static-ct-api, or RFC 6962); left out: the data directory")
    .addOption(new Option("-c, --config <file>", "configuration file; for a location it says which keys are ours"))
    .addOption(new Option("-d, --data-directory <folder>", "look here and not where the configuration says"))
    .addOption(new Option("--shard <name>", "which shard of the data directory; all of them when left out"))
    .addOption(new Option("--key <key>", "the log's P-256 public key: a file (PEM, DER or base64), or base64"))
    .addOption(new Option("--vkey <key>", "the log's Ed25519 key, NAME+ID+BASE64; with --key both must have signed"))
    .addOption(new Option("--origin <name>", "first line of the log's checkpoints"))
    .addOption(new Option("--trust-on-first-use", "believe the key in the log's own log.v3.json; --state remembers it"))
    .addOption(new Option("--state <file>", "go on from this file where it is there, and leave it for the next time"))
    .addOption(new Option("--json", "print one JSON object"))
    .addHelpText("after", HELP);
  return command.action(async (location: string | undefined, options: LogVerifyOptions) => {
    const mistake = mistakeIn(location, options);
    if (mistake !== undefined) command.error(`error: ${mistake}`, { code: "mayfly.wrongOptions" });
    if (location !== undefined) done(await verifySourceByCli(location, options, context));
    else if (options.config !== undefined) done((await verifyFolder(options.config, options, context)) ? 0 : 1);
    else command.error("error: required option '-c, --config <file>' not specified", { code: "mayfly.missingOption" });
  });
}

const HELP =
  "\nExamples:\n" +
  "  mayfly log verify --config mayfly.yaml\n" +
  "  mayfly log verify --config mayfly.yaml --data-directory backup --json\n" +
  "  mayfly log verify https://ca.example.com/log --key log.pem --state ca.state\n" +
  "  mayfly log verify /srv/log --config mayfly.yaml\n" +
  "\nData directory: every leaf hash, tile and root is computed again from the stored entries; precertificates, the\n" +
  "published checkpoint, head.note, cosigned.note and frozen-LOGID.note are verified with the keys that the log was\n" +
  "made with; every index that the audit trail says a caller was told is looked up. No key is opened and nothing is\n" +
  "written: a service may run meanwhile.\n" +
  "\nLocation: the newest checkpoint is verified with the given keys; every entry under it, every hash tile of its\n" +
  "tree, the certificates that entries refer to, and that those issued them. With --state the next time costs only\n" +
  "what is new, and it is proved that the log has only grown; of checkpoints that contradict each other both are kept\n" +
  "beside the state. What was damaged once stays so until the state is removed. SIGINT ends it early, with a state.\n" +
  "\nExit codes:\n" +
  "  0  all is as it must be\n" +
  "  1  something is damaged or missing; a line for each says where and what\n" +
  "  2  wrong usage\n" +
  "  3  the location did not answer, or it was ended early: nothing is wrong as far as it was read";

/** What the given options say too much, or do not say. */
function mistakeIn(location: string | undefined, options: LogVerifyOptions): string | undefined {
  const { config, key, vkey, origin, trustOnFirstUse, state, dataDirectory, shard } = options;
  if (location === undefined) {
    const isForLocation = [key, vkey, origin, trustOnFirstUse, state].some((given) => given !== undefined);
    return isForLocation ? "--key, --vkey, --origin, --trust-on-first-use and --state are for a location" : undefined;
  }
  if (dataDirectory !== undefined || shard !== undefined) {
    return "--data-directory and --shard are for the log of the configuration, not for a location";
  }
  const isKeyNamed = [config, key, vkey, trustOnFirstUse, state].some((given) => given !== undefined);
  return isKeyNamed
    ? undefined
    : "whose key? one of --key, --vkey, --config, --trust-on-first-use, or a --state that knows";
}

async function verifyFolder(file: string, options: LogVerifyOptions, context: CommandContext): Promise<boolean> {
  const written = loadConfig(file);
  const config = { ...written, dataDirectory: options.dataDirectory ?? written.dataDirectory };
  const verified: VerifiedShard[] = [];
  for (const shard of shardsToVerify(config, options.shard)) verified.push(await verifyShard(config, shard, context));
  const isGood = verified.every(({ report }) => report.problems === 0);
  if (options.json !== true) context.stdout(verified.map(describeAsText).join(""));
  else {
    const [only, ...more] = verified.map(describeAsJson);
    const whole = more.length === 0 ? only : { ok: isGood, shards: [only, ...more] };
    context.stdout(`${JSON.stringify(whole)}\n`);
  }
  return isGood;
}

/** A shard that nobody has made yet has nothing to verify; the active one must be there. */
function shardsToVerify(config: Config, name: string | undefined): readonly ShardConfig[] {
  if (name !== undefined) return [namedShard(config, name)];
  return config.log.shards.filter(
    ({ state, directory }) => state !== "staged" || existsSync(dataPaths(config, directory).database),
  );
}

interface VerifiedShard {
  /** Of its database. */
  readonly path: string;
  readonly report: DataFolderReport;
  readonly problems: readonly LogProblem[];
}

async function verifyShard(config: Config, shard: ShardConfig, context: CommandContext): Promise<VerifiedShard> {
  const paths = dataPaths(config, shard.directory);
  const problems: LogProblem[] = [];
  const progress = makeEntriesProgress(context);
  const report = await verifyDataFolder({
    paths,
    origin: shard.origin,
    otherLogs: await otherLogIds(config, shard),
    onProblem: (problem) => {
      if (problems.length < MAX_SHOWN) problems.push(problem);
    },
    onProgress: progress.show,
  }).finally(() => {
    progress.end();
  });
  return { path: paths.database, report, problems };
}

function describeAsText({ path, report, problems }: VerifiedShard): string {
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

function describeAsJson({ path, report, problems }: VerifiedShard): object {
  const { manifest, head, published, remembered, audit, answered, tiles } = report;
  const checkpoint = (tree: { size: number; root: Uint8Array; timestampMs: number } | undefined): object | null =>
    tree === undefined
      ? null
      : { size: tree.size, root: Buffer.from(tree.root).toString("base64"), timestampMs: tree.timestampMs };
  return {
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
  };
}
