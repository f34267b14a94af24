import { Command, Option } from "commander";
import { freezeLog } from "../compose/freeze-log.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandContext } from "./context.ts";
import { configOption, RequiredOption } from "./required-option.ts";

interface LogFreezeOptions {
  readonly config: string;
  readonly shard?: string;
  readonly yes: true;
}

/** `mayfly log freeze`: ends a log's growth for ever, of a service that is stopped. */
export function logFreezeCommand(context: CommandContext): Command {
  return new Command("freeze")
    .description("sign a log's last checkpoint and have it take nothing more, for ever")
    .usage("--config <file> [--shard <name>] --yes")
    .addOption(configOption())
    .addOption(new Option("--shard <name>", "which shard; needed only where there are several"))
    .addOption(new RequiredOption("--yes", "say that you know: this cannot be undone"))
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  mayfly log freeze --config mayfly.yaml --shard 2026 --yes\n" +
        "\nThe service must be stopped, and the shard's keys must be configured. A running service freezes a shard by itself\n" +
        "when its state becomes frozen in the configuration (SIGHUP); this command is for a log that is not to be continued,\n" +
        "and for one that a hand-over left unfrozen. Afterwards the shard can only be configured as frozen.",
    )
    .action(async ({ config, shard }: LogFreezeOptions) => {
      const { manifest, final, ...frozen } = await freezeLog(loadConfig(config), {
        env: context.env,
        pid: context.pid,
        name: shard,
        onNotice: (level, message, fields = {}) => {
          if (level !== "info") context.stderr(`mayfly: ${message} ${JSON.stringify(fields)}\n`);
        },
      });
      context.stdout(
        `log of shard ${frozen.shard} is frozen\n` +
          `  origin   ${manifest.origin}\n` +
          `  log id   ${Buffer.from(manifest.logId).toString("base64")}\n` +
          `  entries  ${final.size}\n` +
          `  root     ${Buffer.from(final.root).toString("base64")}\n`,
      );
    });
}
