import { Command, InvalidArgumentError, Option } from "commander";
import { adoptConfiguredLog, type AdoptedLog } from "../compose/adopt-log.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandContext } from "./context.ts";
import { makeProgress } from "./progress.ts";
import { configOption, RequiredOption } from "./required-option.ts";

interface LogAdoptOptions {
  readonly config: string;
  readonly from: string;
  readonly shard?: string;
  readonly atLeast?: number;
  readonly moveAside?: true;
}

/** `mayfly log adopt`: a log whose database is lost goes on from a copy of the log that is not older than it was. */
export function logAdoptCommand(context: CommandContext): Command {
  return new Command("adopt")
    .description("make the log's database again from a copy of the log, if nothing knows of a newer state")
    .usage("--config <file> --from <location> [--at-least <entries>]")
    .addOption(configOption())
    .addOption(new RequiredOption("--from <location>", "folder or URL of a copy: an export, or a mirror of one"))
    .addOption(new Option("--shard <name>", "which shard; needed only where there are several"))
    .addOption(
      new Option(
        "--at-least <entries>",
        "entries that the log had, known from elsewhere; needed where nothing in the data directory tells",
      ).argParser(parseEntries),
    )
    .addOption(new Option("--move-aside", "move a database that is there into a folder beside it"))
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  mayfly log adopt --config mayfly.yaml --from /srv/log\n" +
        "  mayfly log adopt --config mayfly.yaml --from https://log.example.com/2026 --at-least 120000\n" +
        "\nEvery entry is verified and every hash computed again; the copy's checkpoint must be signed by the configured\n" +
        "keys. Refuses a copy with fewer entries than head.note, the audit trail, a database that can still be read,\n" +
        "witnesses or --at-least know of, or with others: callers hold proof of what is missing, and a log that goes on without it\n" +
        "forks. Then leave the log frozen and go on with a new shard. The service must be stopped; afterwards it\n" +
        "continues the log with the next index. A log that was frozen is frozen again.",
    )
    .action(async (options: LogAdoptOptions) => {
      const progress = makeProgress(context);
      const adopted = await adoptConfiguredLog({
        config: loadConfig(options.config),
        context,
        shard: options.shard,
        from: options.from,
        atLeast: options.atLeast,
        moveAside: options.moveAside === true,
        onProgress: (entries, of) => {
          progress.show(`${entries} of ${of} entries adopted`);
        },
      }).finally(() => {
        progress.end();
      });
      context.stdout(describe(adopted));
    });
}

function describe(adopted: AdoptedLog): string {
  const { manifest, checkpoint, path, marks, movedTo, unreadableDatabase, silentWitnesses, isFrozen } = adopted;
  const lines = [
    `log adopted in ${path}`,
    `  origin   ${manifest.origin}`,
    `  log id   ${Buffer.from(manifest.logId).toString("base64")}`,
    `  entries  ${checkpoint.size}`,
    `  root     ${Buffer.from(checkpoint.root).toString("base64")}`,
    ...(isFrozen ? ["  frozen   it takes nothing more"] : []),
    ...marks.map(({ where, size }) => `  not behind ${where}: ${size}`),
    ...silentWitnesses.map((witness) => `  not known from ${witness}`),
    ...(movedTo === undefined ? [] : [`  the database that was there is in ${movedTo}`]),
    ...(unreadableDatabase === undefined ? [] : [`  it could not be asked: ${unreadableDatabase}`]),
  ];
  return `${lines.join("\n")}\n`;
}

function parseEntries(text: string): number {
  const entries = /^(0|[1-9][0-9]{0,14})$/u.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(entries)) throw new InvalidArgumentError("Expected a number of entries.");
  return entries;
}
