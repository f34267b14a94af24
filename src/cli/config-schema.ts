import { Command } from "commander";
import { configJsonSchema } from "../config/schema.ts";
import type { CommandContext } from "./context.ts";

/** `mayfly config schema`: the JSON Schema that lets an editor complete and check configuration files. */
export function configSchemaCommand(context: CommandContext): Command {
  return new Command("schema")
    .description("print the JSON Schema of the configuration file, for editors")
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  mayfly config schema > mayfly.schema.json\n" +
        "\nIn an editor that runs yaml-language-server, put this line on top of the configuration file:\n" +
        "  # yaml-language-server: $schema=mayfly.schema.json",
    )
    .action(() => {
      context.stdout(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
}
