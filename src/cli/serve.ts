import { Command } from "commander";
import { startService } from "../compose/start-service.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandContext } from "./context.ts";

/** `mayfly serve`: runs the service until SIGTERM or SIGINT, or until something fails that only a restart can mend. */
export function serveCommand(context: CommandContext, done: (exitCode: number) => void): Command {
  return new Command("serve")
    .description("run the certificate authority and its log")
    .requiredOption("-c, --config <file>", "configuration file")
    .addHelpText(
      "after",
      "\nSIGTERM or SIGINT: readiness turns false, requests in flight are finished, the log is closed, exit code 0.\n" +
        "A second signal ends the process after the log's writer is safe. Logs are JSON lines on standard output.",
    )
    .action(async (options: { config: string }) => {
      const { shutdown } = await startService(loadConfig(options.config), { env: context.env });
      context.onStopSignal(() => {
        shutdown.stop();
      });
      context.onCrash((error) => {
        shutdown.fail(error);
      });
      const exitCode = await shutdown.stopped;
      done(exitCode);
      // Whatever still holds the event loop open (a half-closed socket, a resolver) must not delay the exit.
      context.exit(exitCode);
    });
}
