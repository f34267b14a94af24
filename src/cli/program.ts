import { Command, CommanderError } from "commander";
import { readVersion } from "../compose/version.ts";
import { ConfigError } from "../config/load-config.ts";
import { describeCauses } from "../core/errors.ts";
import { caCreateCommand } from "./ca-create.ts";
import { configCheckCommand } from "./config-check.ts";
import { configSchemaCommand } from "./config-schema.ts";
import type { CommandContext } from "./context.ts";
import { keyCreateCommand } from "./key-create.ts";
import { logInitCommand } from "./log-init.ts";
import { serveCommand } from "./serve.ts";

/**
 * Runs `mayfly` with the given arguments.
 *
 * @returns the exit code: 0 done, 1 failed or refused, 2 wrong usage
 */
export async function runProgram(args: readonly string[], context: CommandContext): Promise<number> {
  let exitCode = 0;
  const done = (code: number): void => {
    exitCode = code;
  };
  const program = makeProgram(context, done);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    context.stderr(error instanceof ConfigError ? `${error.message}\n` : `mayfly: ${describeCauses(error)}\n`);
    return 1;
  }
  return exitCode;
}

function makeProgram(context: CommandContext, done: (code: number) => void): Command {
  const program = new Command("mayfly")
    .description(
      "An ephemeral certificate authority that speaks Fulcio's API.\n" +
        "It checks an OIDC token and proof of a key, logs the issuance, and answers with a ten-minute certificate.",
    )
    .version(readVersion(), "-V, --version", "print the version and exit")
    .helpCommand(false)
    .addHelpText(
      "after",
      "\nFirst steps:\n" +
        "  mayfly ca create --directory keys --organization example.com --passphrase-file passphrase\n" +
        "  mayfly key create --algorithm ecdsa-p256 --out keys/log.json --passphrase-file passphrase\n" +
        "  mayfly key create --algorithm ed25519 --out keys/checkpoint.json --passphrase-file passphrase\n" +
        "  mayfly log init --config mayfly.yaml\n" +
        "  mayfly serve --config mayfly.yaml\n" +
        "\nEvery command explains itself with --help.",
    );
  const log = new Command("log").description("look after the certificate transparency log").helpCommand(false);
  log.addCommand(logInitCommand(context));
  const config = new Command("config").description("check and describe configuration files").helpCommand(false);
  config.addCommand(configCheckCommand(context)).addCommand(configSchemaCommand(context));
  const key = new Command("key").description("make encrypted key files").helpCommand(false);
  key.addCommand(keyCreateCommand(context));
  const ca = new Command("ca").description("make a certificate authority of file keys").helpCommand(false);
  ca.addCommand(caCreateCommand(context));
  for (const command of [serveCommand(context, done), log, config, key, ca]) program.addCommand(command);
  settle(program, context);
  return program;
}

/** commander must neither exit nor print by itself, on any level. */
function settle(command: Command, context: CommandContext): void {
  command.exitOverride().configureOutput({ writeOut: context.stdout, writeErr: context.stderr });
  for (const child of command.commands) settle(child, context);
}
