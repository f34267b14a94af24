import { readFileSync, statSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { loadCeremony } from "../config/ceremony.ts";
import { MayflyError } from "../core/errors.ts";
import { ceremonyContext, ceremonyOption } from "./ceremony-step.ts";
import type { CommandContext } from "./context.ts";
import { printable } from "./printable.ts";
import { RequiredOption } from "./required-option.ts";

interface CaSignOptions {
  readonly ceremony: string;
  readonly csr: string;
  readonly expect: string;
  readonly years: number;
}

const HELP = `
Example:
  mayfly ca sign --ceremony root.yaml --csr issuing.csr --expect 6f1c…64 digits… --years 3

The ceremony file has the layout offline-root, and mayfly ca init was run with it. The request must be signed by its own key, which
must be the expected one, and have this organization's name; whatever else it asks for is ignored: the certificate is that of an
issuing CA (codeSigning, path length 0). It lands with the certificates above it in signed/KEY.pem: carry that back as chain.pem.
A key has one certificate: asked again, the same is given, and nothing is signed.`;

const MAX_CSR_BYTES = 16 * 1024;

/** `mayfly ca sign`: an offline root signs the request of an issuing CA. */
export function caSignCommand(context: CommandContext): Command {
  return new Command("sign")
    .description("sign the request of an issuing CA, on the machine where the root's key is")
    .usage("--ceremony <file> --csr <file> --expect <sha256> [--years <number>]")
    .addOption(ceremonyOption())
    .addOption(new RequiredOption("--csr <file>", "request made by mayfly ca csr"))
    .addOption(
      new RequiredOption("--expect <sha256>", "SHA-256 of the key as mayfly ca csr printed it").argParser(
        parseFingerprint,
      ),
    )
    .addOption(new Option("--years <number>", "validity, in years of 365 days").argParser(parseYears).default(3))
    .addHelpText("after", HELP)
    .action(async ({ ceremony, csr, expect, years }: CaSignOptions) => {
      const { signRequest } = await import("../compose/ceremony/sign-request.ts");
      const options = { csr: readRequest(csr), expectedKeySha256: expect, years };
      const signed = await signRequest(loadCeremony(ceremony), options, ceremonyContext(context));
      context.stdout(
        `${signed.kept === "made" ? "made   " : "there  "}  ${signed.file}\n` +
          `  CN        ${printable(signed.commonName)}\n` +
          `  valid to  ${new Date(signed.notAfterMs).toISOString()}\n` +
          `  sha256    ${signed.sha256}\n`,
      );
    });
}

/** With or without colons between octets, as tools print it. */
function parseFingerprint(text: string): string {
  const digits = text.replaceAll(":", "").toLowerCase();
  if (/^[0-9a-f]{64}$/u.test(digits)) return digits;
  throw new InvalidArgumentError("Expected the 64 hexadecimal digits of a SHA-256.");
}

function parseYears(text: string): number {
  if (/^[1-9][0-9]?$/u.test(text) && Number(text) <= 30) return Number(text);
  throw new InvalidArgumentError("Expected a number from 1 to 30.");
}

function readRequest(file: string): Uint8Array {
  try {
    const status = statSync(file);
    if (status.isFile() && status.size <= MAX_CSR_BYTES) return readFileSync(file);
  } catch (cause) {
    throw new MayflyError("FILE_NOT_READ", `${file} cannot be read`, { cause });
  }
  throw new MayflyError("CSR_TOO_LONG", `${file} is no regular file of at most ${MAX_CSR_BYTES} bytes`);
}
