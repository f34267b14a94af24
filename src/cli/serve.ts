import { Command } from "commander";
import { startService } from "../compose/start-service.ts";
import { loadConfig } from "../config/load-config.ts";
import { recordFilesRead } from "../config/read-settings-file.ts";
import type { Config } from "../config/schema.ts";
import type { CommandContext } from "./context.ts";
import { configOption } from "./required-option.ts";

/** `mayfly serve`: runs the service until SIGTERM or SIGINT, or until something fails that only a restart can mend. */
export function serveCommand(context: CommandContext, done: (exitCode: number) => void): Command {
  return new Command("serve")
    .description("run the certificate authority and its log")
    .usage("--config <file>")
    .addOption(configOption())
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  mayfly serve --config mayfly.yaml\n" +
        "\nLogs are JSON lines on standard output; the line `ready` names the addresses.\n" +
        "SIGTERM or SIGINT: readiness turns false, requests are still taken for shutdown.lameDuckSeconds, those in flight\n" +
        "are finished, the log is closed. A second signal skips shutdown.lameDuckSeconds.\n" +
        "SIGUSR2: issuance is paused, at once and however often it is sent; everything else goes on.\n" +
        "SIGHUP: the configuration is read again, with all files that it names, and issuance is paused or resumed as\n" +
        "issuance.paused says there. Changes of these files are noticed without a signal too, within seconds; a file with a\n" +
        "fault changes nothing. Settings that cannot change in a running service are named, and wait for the next start.\n" +
        "\nExit codes:\n" +
        "  0  stopped as asked\n" +
        "  1  the start was refused, or something failed that only a restart can mend\n" +
        "  2  wrong usage",
    )
    .action(async (options: { config: string }) => {
      const exitCode = await serve(options.config, context);
      done(exitCode);
      // Whatever still holds the event loop open (a half-closed socket, a resolver) must not delay the exit.
      context.exit(exitCode);
    });
}

async function serve(configFile: string, context: CommandContext): Promise<number> {
  // As the first process of a container, one without a handler is not ended by SIGTERM.
  let stop = (): void => {
    context.stderr("mayfly: stopped before it was ready\n");
    context.exit(0);
  };
  context.onStopSignal(() => {
    stop();
  });
  // A brake that is pulled too early must hold, and not end the process.
  const early = { isPauseAsked: false };
  let pause = (): void => {
    early.isPauseAsked = true;
  };
  let readAgain = (): void => undefined;
  context.onPauseSignal(() => {
    pause();
  });
  context.onReadAgainSignal(() => {
    readAgain();
  });
  const loadFile = (): Config => loadConfig(configFile);
  const read = new Map<string, string>();
  const config = recordFilesRead(read, loadFile);
  const { env, pid } = context;
  const service = await startService(config, { env, pid, configFiles: { read, readAgain: loadFile } });
  const { shutdown } = service;
  stop = (): void => {
    shutdown.stop();
  };
  pause = (): void => {
    service.pauseIssuance();
  };
  if (early.isPauseAsked) pause();
  readAgain = (): void => {
    service.readConfigAgain(loadFile);
  };
  context.onCrash((error) => {
    shutdown.fail(error);
  });
  return shutdown.stopped;
}
