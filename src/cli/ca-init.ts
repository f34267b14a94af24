import { Command, Option } from "commander";
import { loadCeremony, parseCeremony } from "../config/ceremony.ts";
import type { Ceremony } from "../config/ceremony.ts";
import { CEREMONY_LAYOUTS } from "../config/ceremony-schema.ts";
import { ceremonyContext } from "./ceremony-step.ts";
import type { CommandContext } from "./context.ts";

interface CaInitOptions {
  readonly ceremony?: string;
  readonly layout?: string;
  readonly organization?: string;
  readonly directory?: string;
  readonly root?: string;
  readonly intermediate?: string;
  readonly issuing?: string;
  readonly passphraseFile?: string;
}

const HELP = `
Examples:
  mayfly ca init --ceremony ceremony.yaml
  mayfly ca init --layout root-and-issuing --organization example.com --directory ca \\
    --root root.json --issuing awskms:///arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab \\
    --passphrase-file passphrase

A ceremony file, with keys of mayfly key create, of a key service or of a PKCS#11 token, in any mix:
  layout: root-and-issuing        # or three-tier, lone-root, offline-root, issuing-only
  organization: example.com
  folder: ca
  root: { signer: { kind: file, path: root.json, passphrase: { file: passphrase } }, years: 10 }
  issuing: { signer: { kind: aws-kms, key: "arn:aws:kms:…:key/…" }, years: 3 }

The folder gets a plan, then each certificate, the root first, the chain, and what is made of them: public keys of the log, a
trusted root, the piece of mayfly.yaml, and fingerprints to compare. Each file is the record of its step: a run that was killed is
run again and goes on. What is there is never signed or written a second time; what does not belong there is refused. No private key
is made, moved or printed. docs/ceremony.md has the whole of it, for a root on a machine without a network too.`;

/** `mayfly ca init`: the certificates of a CA by a ceremony file, and everything that is made of them. */
export function caInitCommand(context: CommandContext): Command {
  return new Command("init")
    .description("make root and issuing CA by a ceremony file, with keys wherever they are kept")
    .usage("--ceremony <file> | --layout <name> --organization <name> --directory <folder> --root <key> …")
    .addOption(new Option("--ceremony <file>", "ceremony file (YAML): layout, names, and where keys are"))
    .addOption(new Option("--layout <name>", "without a ceremony file: which certificates").choices(CEREMONY_LAYOUTS))
    .addOption(new Option("--organization <name>", "organization (O) in every subject"))
    .addOption(new Option("--directory <folder>", "where everything is written"))
    .addOption(new Option("--root <key>", "key file, or URI of a key that says everything (docs/keys.md)"))
    .addOption(new Option("--intermediate <key>", "likewise"))
    .addOption(new Option("--issuing <key>", "likewise"))
    .addOption(new Option("--passphrase-file <file>", "file that holds the passphrase of the key files"))
    .addHelpText("after", HELP)
    .action(async (options: CaInitOptions, command: Command) => {
      const ceremony = ceremonyFrom(options, command);
      const { initCa } = await import("../compose/ceremony/init-ca.ts");
      context.stdout(`\n${await initCa(ceremony, ceremonyContext(context))}`);
    });
}

/** A ceremony is told of in one way: where both say something, neither is what somebody meant. */
function ceremonyFrom({ ceremony, ...flags }: CaInitOptions, command: Command): Ceremony {
  const isToldByFlags = Object.keys(flags).length > 0;
  if (ceremony !== undefined && !isToldByFlags) return loadCeremony(ceremony);
  if (ceremony !== undefined || flags.layout === undefined) {
    command.error("error: give either --ceremony, or --layout and what belongs to it", {
      code: "mayfly.missingOption",
    });
  }
  const { layout, organization, directory: folder, root, intermediate, issuing, passphraseFile } = flags;
  const authority = (key: string | undefined) =>
    key === undefined ? undefined : { signer: signerOf(key, passphraseFile) };
  return parseCeremony({
    ...{ layout, organization, folder, log: undefined, publicUrl: undefined },
    ...{ root: authority(root), intermediate: authority(intermediate), issuing: authority(issuing) },
  });
}

function signerOf(key: string, passphraseFile: string | undefined): Record<string, unknown> {
  if (/^[a-z0-9]+:/u.test(key)) return { kind: "uri", uri: key };
  return { kind: "file", path: key, passphrase: { file: passphraseFile } };
}
