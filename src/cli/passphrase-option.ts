import { Option } from "commander";
import type { SecretConfig } from "../config/schema.ts";

/** `--passphrase-file`: a passphrase never stands on a command line, where other users can read it. */
export function passphraseFileOption(): Option {
  return new Option("--passphrase-file <file>", "file that holds the passphrase").makeOptionMandatory();
}

/** The option's value as the configuration would say it. */
export function passphraseFrom(options: { passphraseFile: string }): SecretConfig {
  return { file: options.passphraseFile };
}
