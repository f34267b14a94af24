import { Command, Option } from "commander";
import { createReadStream } from "node:fs";
import { describeCertificate } from "../core/certificate/describe-certificate.ts";
import { findCertificate } from "../core/certificate/find-certificate.ts";
import { MayflyError } from "../core/errors.ts";
import { readLogAddresses } from "../trust/read-log-addresses.ts";
import type { CommandContext } from "./context.ts";
import { explainAsJson, explainAsText } from "./explained-certificate.ts";

interface ExplainOptions {
  readonly trustedRoot?: string;
  readonly json?: true;
}

const STANDARD_INPUT = 0;

/** Bundles hold what was signed; nobody's attestation is larger than this. */
const MAX_BYTES = 16 * 1024 * 1024;

/** `mayfly explain`: what a certificate says, and how a verifier asks for exactly that. */
export function explainCommand(context: CommandContext): Command {
  return new Command("explain")
    .description("say what a certificate or a bundle says: who signed, by which issuer, in which log")
    .usage("<file> [--trusted-root <file>] [--json]")
    .argument("<file>", "certificate (PEM or DER), Sigstore bundle, or - for standard input")
    .addOption(new Option("--trusted-root <file>", "name the log by the addresses in this TrustedRoot"))
    .addOption(new Option("--json", "print one JSON object"))
    .addHelpText("after", HELP)
    .action(async (file: string, options: ExplainOptions) => {
      const found = findCertificate(await readInput(file));
      const logs =
        options.trustedRoot === undefined ? undefined : readLogAddresses(await readInput(options.trustedRoot));
      const explained = { form: found.form, certificate: describeCertificate(found.der), logs: logs ?? new Map() };
      context.stdout(options.json === true ? explainAsJson(explained) : explainAsText(explained));
    });
}

const HELP =
  "\nExamples:\n" +
  "  mayfly explain artifact.sigstore.json\n" +
  "  mayfly explain cert.pem --trusted-root trusted_root.json\n" +
  "  openssl x509 -in cert.pem -outform der | mayfly explain - --json\n" +
  "\nNothing is verified and nobody is asked: a certificate that anybody made up is explained as well. The commands that are\n" +
  "printed are those that verify.\n" +
  "\nExit codes: 0 explained, 1 no certificate that can be read, 2 wrong usage.";

async function readInput(file: string): Promise<Uint8Array> {
  const name = file === "-" ? "standard input" : file;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const stream =
      file === "-" ? createReadStream("", { fd: STANDARD_INPUT, autoClose: false }) : createReadStream(file);
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_BYTES) throw new MayflyError("CERTIFICATE_UNREADABLE", `${name} is larger than 16 MiB`);
    }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    throw new MayflyError("FILE_NOT_READ", `cannot read ${name}`, { cause });
  }
  return new Uint8Array(Buffer.concat(chunks));
}
