import { Command } from "commander";
import { loadConfig } from "../config/load-config.ts";
import { unsafeOptions } from "../config/rules.ts";
import type { CommandContext } from "./context.ts";

/** `mayfly config check`: reads a configuration as `serve` would, without opening a key, a log or a port. */
export function configCheckCommand(context: CommandContext): Command {
  return new Command("check")
    .description("check a configuration file and say what is wrong with it, by line")
    .requiredOption("-c, --config <file>", "configuration file")
    .addHelpText(
      "after",
      "\nExit code 0 when the file can be used, 1 when it cannot. Keys, log and ports are not touched.",
    )
    .action((options: { config: string }) => {
      const config = loadConfig(options.config);
      for (const name of unsafeOptions(config)) context.stdout(`warning: unsafe option in force: ${name}\n`);
      context.stdout(`${options.config}: good, ${String(config.issuers.length)} issuer(s), ${config.environment}\n`);
    });
}
