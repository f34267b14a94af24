import { Command } from "commander";
import { startService } from "../compose/start-service.ts";
import { loadConfig } from "../config/load-config.ts";
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
  const { shutdown } = await startService(loadConfig(configFile), { env: context.env, pid: context.pid });
  stop = (): void => {
    shutdown.stop();
  };
  context.onCrash((error) => {
    shutdown.fail(error);
  });
  return shutdown.stopped;
}
