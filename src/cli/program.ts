import { Command, CommanderError } from "commander";
import { readVersion } from "../compose/version.ts";
import { ConfigError } from "../config/load-config.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { caCheckCommand } from "./ca-check.ts";
import { caCreateCommand } from "./ca-create.ts";
import { caCsrCommand } from "./ca-csr.ts";
import { caInitCommand } from "./ca-init.ts";
import { caRotateCommand } from "./ca-rotate.ts";
import { caSignCommand } from "./ca-sign.ts";
import { checkConfigCommand } from "./check-config.ts";
import { configCheckCommand } from "./config-check.ts";
import { configExampleCommand } from "./config-example.ts";
import { configFromFulcioCommand } from "./config-from-fulcio.ts";
import { configSchemaCommand } from "./config-schema.ts";
import type { CommandContext } from "./context.ts";
import { explainCommand } from "./explain.ts";
import { keyCreateCommand } from "./key-create.ts";
import { keyImportCommand } from "./key-import.ts";
import { keyPolicyCommand } from "./key-policy.ts";
import { logAdoptCommand } from "./log-adopt.ts";
import { logExportCommand } from "./log-export.ts";
import { logFreezeCommand } from "./log-freeze.ts";
import { logInitCommand } from "./log-init.ts";
import { logShardsCommand } from "./log-shards.ts";
import { logVerifyCommand } from "./log-verify.ts";
import { reconcileCommand } from "./reconcile.ts";
import { requireOptions } from "./required-option.ts";
import { serveCommand } from "./serve.ts";
import { trustCommands } from "./trust.ts";

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
    context.stderr(`${describeFailure(error)}\n`);
    return 1;
  }
  return exitCode;
}

/** A configuration's problems stand on lines of their own, as FILE:LINE: WHAT; anything else is a single line with its reason. */
function describeFailure(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const reason = error instanceof MayflyError ? ` (${error.reason})` : "";
  return `mayfly: ${describeCauses(error).replaceAll(/[\r\n]+\s*/gu, " ")}${reason}`;
}

const FIRST_STEPS = `
First steps:
  (umask 077 && mkdir keys && openssl rand -base64 32 > keys/passphrase)
  mayfly ca create --directory keys --organization example.com --passphrase-file keys/passphrase
  mayfly key create --algorithm ecdsa-p256 --out keys/log.json --passphrase-file keys/passphrase
  mayfly key create --algorithm ed25519 --out keys/checkpoint.json --passphrase-file keys/passphrase
  mayfly config example > mayfly.yaml
  mayfly config check --config mayfly.yaml
  mayfly log init --config mayfly.yaml
  mayfly serve --config mayfly.yaml
  mayfly log verify --config mayfly.yaml
  mayfly reconcile --config mayfly.yaml
  mayfly trust trusted-root --config mayfly.yaml --out trusted_root.json

Exit codes: 0 done, 1 failed or refused, 2 wrong usage. Every command explains itself with --help.`;

function makeProgram(context: CommandContext, done: (code: number) => void): Command {
  const program = new Command("mayfly")
    .description(
      "An ephemeral certificate authority that speaks Fulcio's API.\n" +
        "It checks an OIDC token and proof of a key, logs the issuance, and answers with a ten-minute certificate.",
    )
    .version(readVersion(), "-V, --version", "print the version and exit")
    .helpCommand("help [command]", "explain a command")
    .addHelpText("after", FIRST_STEPS)
    .hook("preAction", (_, command) => {
      requireOptions(command);
    })
    .addCommand(serveCommand(context, done))
    .addCommand(
      group("log", "look after the certificate transparency log", [
        logInitCommand(context),
        logVerifyCommand(context, done),
        logExportCommand(context),
        logAdoptCommand(context),
        logFreezeCommand(context),
        logShardsCommand(context),
      ]),
    )
    .addCommand(reconcileCommand(context, done))
    .addCommand(checkConfigCommand(context, done))
    .addCommand(explainCommand(context))
    .addCommand(group("trust", "write the files that tell clients whom to trust", trustCommands(context)))
    .addCommand(
      group("config", "write and check configuration files", [
        configExampleCommand(context),
        configCheckCommand(context),
        configSchemaCommand(context),
        configFromFulcioCommand(context, done),
      ]),
    )
    .addCommand(
      group("key", "make key files, and say what key services must allow", [
        keyCreateCommand(context),
        keyImportCommand(context),
        keyPolicyCommand(context),
      ]).alias("keys"),
    )
    .addCommand(
      group("ca", "make and check a certificate authority", [
        caInitCommand(context),
        caCsrCommand(context),
        caSignCommand(context),
        caCheckCommand(context, done),
        caCreateCommand(context),
        caRotateCommand(context, done),
      ]),
    );
  settle(program, "mayfly", context);
  return program;
}

function group(name: string, description: string, commands: readonly Command[]): Command {
  const parent = new Command(name).description(description).helpCommand(false).usage("<command>");
  for (const command of commands) parent.addCommand(command);
  return parent.addHelpText("after", `\nEvery command explains itself: mayfly ${name} <command> --help`);
}

/** commander must neither exit nor print by itself, on any level; wrong usage says where to read on. */
function settle(command: Command, path: string, context: CommandContext): void {
  command
    .exitOverride()
    .configureOutput({
      writeOut: context.stdout,
      writeErr: context.stderr,
      outputError: (text, write) => {
        write(text.replace(/^error: /u, "mayfly: "));
      },
    })
    .helpOption("-h, --help", "show this text and exit")
    .showHelpAfterError(`Try: ${path} --help`);
  for (const child of command.commands) settle(child, `${path} ${child.name()}`, context);
}
