import { Command } from "commander";
import { loadConfig } from "../config/load-config.ts";
import { unsafeOptions } from "../config/rules.ts";
import type { CommandContext } from "./context.ts";
import { configOption } from "./required-option.ts";

/** `mayfly config check`: reads a configuration as `serve` would, without opening a key, a log or a port. */
export function configCheckCommand(context: CommandContext): Command {
  return new Command("check")
    .description("check a configuration file and say what is wrong with it, by line")
    .usage("--config <file>")
    .addOption(configOption())
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  mayfly config check --config mayfly.yaml\n" +
        "\nOnly the file itself is read: keys, log and ports are not touched.\n" +
        "Exit code 0 when it can be used, 1 when it cannot; then each problem is a line FILE:LINE: SETTING: WHAT.",
    )
    .action((options: { config: string }) => {
      const config = loadConfig(options.config);
      for (const name of unsafeOptions(config)) context.stdout(`warning: unsafe option in force: ${name}\n`);
      const issuers = config.issuers.length === 1 ? "1 issuer" : `${String(config.issuers.length)} issuers`;
      context.stdout(`${options.config}: good (${config.environment}, ${issuers})\n`);
    });
}
