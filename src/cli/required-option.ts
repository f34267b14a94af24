import { Option } from "commander";
import type { Command } from "commander";

/**
 * An option that must be given. commander's own required options are missed before unknown ones are refused: to
 * `--confg mayfly.yaml` it would say that `--config` is missing, not that `--confg` is a mistake.
 */
export class RequiredOption extends Option {
  constructor(flags: string, description: string) {
    super(flags, `${description} (required)`);
  }
}

/** `--config`, as every command that reads a configuration has it. */
export function configOption(): RequiredOption {
  return new RequiredOption("-c, --config <file>", "configuration file");
}

/**
 * Checks that a command which is about to run was given what it requires.
 *
 * @throws CommanderError naming the first option that is missing
 */
export function requireOptions(command: Command): void {
  const missing = command.options.find(
    (option) => option instanceof RequiredOption && command.getOptionValue(option.attributeName()) === undefined,
  );
  if (missing !== undefined) {
    command.error(`error: required option '${missing.flags}' not specified`, { code: "mayfly.missingOption" });
  }
}
