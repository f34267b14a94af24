import { Command, Option } from "commander";
import { describeTrust } from "../compose/describe-trust.ts";
import { signTrustFile } from "../compose/sign-trust-file.ts";
import type { SignTrustFileOptions } from "../compose/sign-trust-file.ts";
import { writePublicFile } from "../compose/write-public-file.ts";
import { loadConfig } from "../config/load-config.ts";
import type { TrustFileName } from "../trust/trust-file-names.ts";
import type { CommandContext } from "./context.ts";
import { passphraseFrom } from "./passphrase-option.ts";
import { configOption } from "./required-option.ts";

interface TrustOptions {
  readonly config: string;
  readonly out?: string;
  readonly active?: true;
  readonly signWith?: string;
  readonly passphraseFile?: string;
}

/** One kind of trust file: the command's name, its file, and what it is for. */
interface TrustCommand {
  readonly name: string;
  readonly file: TrustFileName;
  readonly description: string;
  readonly more: string;
}

const TRUST_COMMANDS: readonly TrustCommand[] = [
  {
    name: "trusted-root",
    file: "trusted_root.json",
    description: "whom to trust, for those who verify: CAs, logs, timestamp authorities (Sigstore TrustedRoot)",
    more: "For cosign --trusted-root, sigstore-go, sigstore-java and @sigstore/verify.",
  },
  {
    name: "signing-config",
    file: "signing_config.v0.2.json",
    description: "where to go, for those who sign: CA, issuers and other services (Sigstore SigningConfig)",
    more: "For cosign --signing-config, sigstore-go and sigstore-java.",
  },
  {
    name: "client-trust-config",
    file: "client_trust_config.json",
    description: "both in one file (Sigstore ClientTrustConfig)",
    more: "For sigstore-python --trust-config and model-signing.",
  },
  {
    name: "chain",
    file: "chain.pem",
    description: "the CA's chain as PEM, issuing CA first, root last",
    more: "For gitsign (GITSIGN_FULCIO_ROOT) and cosign 2 (SIGSTORE_ROOT_FILE).",
  },
  {
    name: "log-keys",
    file: "ct_logs.pem",
    description: "the public keys of all logs whose SCTs count, as PEM",
    more: "With --active for gitsign and cosign 2 (SIGSTORE_CT_LOG_PUBLIC_KEY_FILE).",
  },
  {
    name: "fingerprints",
    file: "fingerprints.txt",
    description: "SHA-256 of root certificates, log keys and files, to be published elsewhere and compared",
    more: "A log key's fingerprint is the log's id.",
  },
];

/** The commands of `mayfly trust`: each writes one of the files that tell clients whom to trust. */
export function trustCommands(context: CommandContext): readonly Command[] {
  return TRUST_COMMANDS.map((command) => trustCommand(command, context));
}

function trustCommand({ name, file, description, more }: TrustCommand, context: CommandContext): Command {
  const command = new Command(name)
    .description(description)
    .usage("--config <file> [--out <file> [--sign-with <key file> --passphrase-file <file>]]")
    .addOption(configOption())
    .addOption(new Option("-o, --out <file>", "file to write or replace; standard output when left out"))
    .addOption(
      new Option(
        "--sign-with <key file>",
        "sign the file's bytes with an operator's key (P-256, Ed25519) into <file>.sig",
      ),
    )
    .addOption(
      new Option("--passphrase-file <file>", "file that holds that key's passphrase, closed to other accounts"),
    )
    .addHelpText(
      "after",
      `\nExample:\n  mayfly trust ${name} --config mayfly.yaml --out ${file}\n\n${more}\n` +
        "Made from files alone, the same bytes as the service has at /trust; no key of CA or log is opened.\n" +
        "--sign-with takes a key of `mayfly key create`, best one that is on no server; docs/trust.md says how it is verified.",
    );
  if (name === "log-keys") command.addOption(new Option("--active", "only the key of the log that issues now"));
  return command.action(async (options: TrustOptions) => {
    const signing = signingOptions(command, options);
    const files = await describeTrust(loadConfig(options.config));
    const bytes = files[options.active === true ? "ct_log.pem" : file];
    // Signed before anything is written: a passphrase that is wrong leaves no new file beside an old signature.
    const signature = signing && (await signTrustFile(bytes, { ...signing, env: context.env }));
    if (options.out === undefined) context.stdout(Buffer.from(bytes).toString("utf8"));
    else await writePublicFile(options.out, bytes);
    if (signature !== undefined) await writePublicFile(`${String(options.out)}.sig`, signature);
  });
}

type SigningOptions = Pick<SignTrustFileOptions, "keyFile" | "passphrase">;

/** The three options go together: a signature is written beside its file. */
function signingOptions(command: Command, { out, signWith, passphraseFile }: TrustOptions): SigningOptions | undefined {
  if (signWith === undefined && passphraseFile === undefined) return undefined;
  if (out === undefined || signWith === undefined || passphraseFile === undefined) {
    command.error("error: --sign-with goes with --out and --passphrase-file", { code: "mayfly.missingOption" });
  }
  return { keyFile: signWith, passphrase: passphraseFrom({ passphraseFile }) };
}
