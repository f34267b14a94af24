import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { CommandContext } from "./context.ts";

/** The file lies in the package, two folders up both from `src/` and from `dist/`. */
const EXAMPLE = new URL("../../config/mayfly.example.yaml", import.meta.url);

/** `mayfly config example`: a configuration to start from, with every setting explained. */
export function configExampleCommand(context: CommandContext): Command {
  return new Command("example")
    .description("print a configuration to start from, in which every setting is explained")
    .addHelpText("after", "\nExample:\n  mayfly config example > mayfly.yaml")
    .action(() => {
      context.stdout(readFileSync(EXAMPLE, "utf8"));
    });
}
