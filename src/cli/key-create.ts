import { Command, Option } from "commander";
import { createKey } from "../compose/create-key.ts";
import type { CommandContext } from "./context.ts";
import { passphraseFileOption, passphraseFrom } from "./passphrase-option.ts";
import { RequiredOption } from "./required-option.ts";

interface KeyCreateOptions {
  readonly algorithm: "ecdsa-p256" | "ecdsa-p384" | "ed25519";
  readonly out: string;
  readonly passphraseFile: string;
}

/** `mayfly key create`: a fresh key in an encrypted file. */
export function keyCreateCommand(context: CommandContext): Command {
  return new Command("create")
    .description("make a key and keep it in a file encrypted with a passphrase (scrypt, AES-256-GCM)")
    .usage("[--algorithm <name>] --out <file> --passphrase-file <file>")
    .addOption(
      new Option("-a, --algorithm <name>", "kind of key")
        .choices(["ecdsa-p256", "ecdsa-p384", "ed25519"])
        .default("ecdsa-p256"),
    )
    .addOption(new RequiredOption("-o, --out <file>", "key file to write; must not exist"))
    .addOption(passphraseFileOption())
    .addHelpText(
      "after",
      "\nExamples: a log needs two keys, one for SCTs and tree heads and one for checkpoints\n" +
        "  mayfly key create --algorithm ecdsa-p256 --out keys/log.json --passphrase-file keys/passphrase\n" +
        "  mayfly key create --algorithm ed25519 --out keys/checkpoint.json --passphrase-file keys/passphrase\n" +
        "\nPrints the public key as PEM; it also stands in the file, in clear.",
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
