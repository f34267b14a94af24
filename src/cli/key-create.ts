import { Command, Option } from "commander";
import { createKey } from "../compose/create-key.ts";
import type { CommandContext } from "./context.ts";
import { passphraseFileOption, passphraseFrom } from "./passphrase-option.ts";

interface KeyCreateOptions {
  readonly algorithm: "ecdsa-p256" | "ecdsa-p384" | "ed25519";
  readonly out: string;
  readonly passphraseFile: string;
}

/** `mayfly key create`: a fresh key in an encrypted file. */
export function keyCreateCommand(context: CommandContext): Command {
  return new Command("create")
    .description("make a key and keep it in a file encrypted with a passphrase (scrypt, AES-256-GCM)")
    .addOption(
      new Option("-a, --algorithm <name>", "kind of key")
        .choices(["ecdsa-p256", "ecdsa-p384", "ed25519"])
        .default("ecdsa-p256"),
    )
    .requiredOption("-o, --out <file>", "key file to write; must not exist")
    .addOption(passphraseFileOption())
    .addHelpText(
      "after",
      "\nA log needs two: ecdsa-p256 for SCTs and tree heads, ed25519 for checkpoints. The public key is printed as PEM.",
    )
    .action(async (options: KeyCreateOptions) => {
      const { algorithm, out } = options;
      const publicKey = await createKey({
        algorithm,
        file: out,
        passphrase: passphraseFrom(options),
        env: context.env,
      });
      context.stdout(`${publicKey}\n`);
    });
}
