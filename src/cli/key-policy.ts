import { Argument, Command } from "commander";
import type { CommandContext } from "./context.ts";
import { KEY_POLICIES, POLICY_BACKENDS } from "./key-policies.ts";
import type { PolicyBackend } from "./key-policies.ts";

/** `mayfly key policy`: the least privilege that Mayfly needs of a key service. */
export function keyPolicyCommand(context: CommandContext): Command {
  return new Command("policy")
    .description("print the least-privilege policy for keys in a key service")
    .usage("<backend>")
    .addArgument(new Argument("<backend>", "kind of the signer").choices(POLICY_BACKENDS))
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  mayfly key policy aws-kms > policy.json\n" +
        "  mayfly key policy google-kms\n" +
        "\nThe policy is on standard output, what to replace in it on standard error. To sign and to read the public key of one key is\n" +
        "all that Mayfly asks of a service; whoever makes, rotates or deletes keys is somebody else. docs/keys.md has the same.",
    )
    .action((backend: PolicyBackend) => {
      const { about, policy, commands } = KEY_POLICIES[backend];
      context.stderr(`${about}\n`);
      context.stdout(commands === undefined ? policy : `${policy}\n${commands}`);
    });
}
