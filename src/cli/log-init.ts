import { Command, Option } from "commander";
import { initLog } from "../compose/init-log.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandContext } from "./context.ts";
import { configOption } from "./required-option.ts";

/** `mayfly log init`: makes the log that `serve` will write; `serve` itself never makes one in production. */
export function logInitCommand(context: CommandContext): Command {
  return new Command("init")
    .description("make a new, empty log in the data directory and fix its origin and keys for ever")
    .usage("--config <file> [--shard <name>]")
    .addOption(configOption())
    .addOption(new Option("--shard <name>", "make this shard only, and not each one that has no log yet"))
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  mayfly log init --config mayfly.yaml\n" +
        "  mayfly log init --config mayfly.yaml --shard 2027\n" +
        "\nA log's keys and origin identify it and are never changed or used for another log. Refuses where a log exists,\n" +
        "and where a head mark or an audit trail lies without one: that is a lost volume, not a reason for a new log.\n" +
        "A shard in a folder of its own can be made while the service runs.",
    )
    .action(async (options: { config: string; shard?: string }) => {
      for (const { manifest, path } of await initLog(loadConfig(options.config), context, options.shard)) {
        context.stdout(
          `log made in ${path}\n` +
            `  origin  ${manifest.origin}\n` +
            `  log id  ${Buffer.from(manifest.logId).toString("base64")}\n`,
        );
      }
    });
}
