import type { SecretConfig } from "../config/secret-schema.ts";
import { RequiredOption } from "./required-option.ts";

/** `--passphrase-file`: a passphrase never stands on a command line, where other users can read it. */
export function passphraseFileOption(): RequiredOption {
  return new RequiredOption(
    "--passphrase-file <file>",
    "file that holds the passphrase, closed to other accounts; one final newline is not part of it",
  );
}

/** The option's value as the configuration would say it. */
export function passphraseFrom(options: { passphraseFile: string }): SecretConfig {
  return { file: options.passphraseFile };
}
