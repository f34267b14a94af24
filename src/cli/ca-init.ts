import { Command } from "commander";
import { loadCeremony } from "../config/ceremony.ts";
import { ceremonyContext, ceremonyOption } from "./ceremony-step.ts";
import type { CommandContext } from "./context.ts";

const HELP = `
Example:
  mayfly ca init --ceremony ceremony.yaml

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
    .usage("--ceremony <file>")
    .addOption(ceremonyOption())
    .addHelpText("after", HELP)
    .action(async ({ ceremony }: { ceremony: string }) => {
      const { initCa } = await import("../compose/ceremony/init-ca.ts");
      const fingerprints = await initCa(loadCeremony(ceremony), ceremonyContext(context));
      context.stdout(`\n${fingerprints}`);
    });
}
