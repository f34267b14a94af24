import { Command } from "commander";
import { loadCeremony } from "../config/ceremony.ts";
import { ceremonyContext, ceremonyOption } from "./ceremony-step.ts";
import type { CommandContext } from "./context.ts";
import { printable } from "./printable.ts";

const HELP = `
Example:
  mayfly ca csr --ceremony issuing.yaml

The ceremony file has the layout issuing-only:
  layout: issuing-only
  organization: example.com
  folder: ca
  issuing: { signer: { kind: file, path: issuing.json, passphrase: { file: passphrase } } }

Writes issuing.csr (PKCS #10, signed by the issuing CA's own key) into the folder, and prints the SHA-256 of the key. Tell that to
whoever signs by another way than the file goes: mayfly ca sign wants it. A request that is there for the same key and name stays.`;

/** `mayfly ca csr`: the request of an issuing CA, for a root that is elsewhere. */
export function caCsrCommand(context: CommandContext): Command {
  return new Command("csr")
    .description("make the certification request of an issuing CA whose root is on another machine")
    .usage("--ceremony <file>")
    .addOption(ceremonyOption())
    .addHelpText("after", HELP)
    .action(async ({ ceremony }: { ceremony: string }) => {
      const { requestCertificate } = await import("../compose/ceremony/request-certificate.ts");
      const request = await requestCertificate(loadCeremony(ceremony), ceremonyContext(context));
      const { file, kept, organization, commonName, keySha256 } = request;
      context.stdout(
        `${kept === "made" ? "made   " : "there  "}  ${file}\n` +
          `  O           ${printable(organization)}\n` +
          `  CN          ${printable(commonName)}\n` +
          `  key sha256  ${keySha256}\n`,
      );
    });
}
