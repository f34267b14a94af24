import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { writeNewFile } from "../compose/write-new-file.ts";
import { parseFulcioDocument } from "../config/fulcio-document.ts";
import type { FulcioDocument } from "../config/fulcio-document.ts";
import { parseFulcioArguments, splitArgumentLines } from "../config/fulcio-flags.ts";
import { FulcioInputError } from "../config/fulcio-input-error.ts";
import { readFulcioIssuerFile } from "../config/fulcio-issuer-file.ts";
import type { FulcioIssuerFile } from "../config/fulcio-issuer-file.ts";
import type { Finding, Outcome } from "../config/fulcio-section.ts";
import { resolveFulcioSettings } from "../config/fulcio-settings.ts";
import type { FulcioSettings } from "../config/fulcio-settings.ts";
import { translateFulcio } from "../config/fulcio-translation.ts";
import type { FulcioTranslation } from "../config/fulcio-translation.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import type { CommandContext } from "./context.ts";

interface FromFulcioOptions {
  readonly flagsFile?: string;
  readonly issuers?: string;
  readonly publicUrl?: string;
  readonly sharedIssuers?: "as-fulcio" | "leave-out";
  readonly out?: string;
}

const EXIT_UNREADABLE = 2;
const EXIT_INCOMPLETE = 3;
const MAX_BYTES = 1024 * 1024;

const HELP = `
Examples:
  mayfly config from-fulcio --public-url https://ca.example.com --out mayfly.yaml -- --ca fileca --port 5555 ...
  mayfly config from-fulcio --flags-file fulcio.args --issuers config.yaml --out mayfly.yaml

Reads what \`fulcio serve\` reads: its flags (after \`--\`, or from a file with one on each line), variables
FULCIO_SERVE_..., the settings file of --config and the issuer file of --config-path. No key is opened. What becomes of
each setting is reported on standard error: kept, changed, without a counterpart, or to be decided. Passwords are not printed.

Exit codes:
  0  complete: \`mayfly config check\` accepts what was written
  2  wrong usage, or something given cannot be read, or Fulcio would not start with it
  3  written, and something must be decided: the report and the file say what`;

/** `mayfly config from-fulcio`: our configuration, from the one of a Fulcio. */
export function configFromFulcioCommand(context: CommandContext, done: (code: number) => void): Command {
  return new Command("from-fulcio")
    .description("write a configuration from the flags, the environment and the issuer file of a Fulcio")
    .usage("[--flags-file <file>] [--issuers <file>] [--public-url <url>] [--out <file>] [-- <flags of fulcio serve>]")
    .argument("[flags...]", "flags of `fulcio serve`, after --")
    .addOption(
      new Option("--flags-file <file>", "file with one flag of `fulcio serve` on each line; those after -- come last"),
    )
    .addOption(new Option("--issuers <file>", "issuer file, where it is not at the place that --config-path names"))
    .addOption(
      new Option("--public-url <url>", "as clients will know the service: https://ca.example.com").argParser(
        parsePublicUrl,
      ),
    )
    .addOption(
      new Option(
        "--shared-issuers <what>",
        "issuers that give tokens to anybody, such as GitHub's and Google's",
      ).choices(["as-fulcio", "leave-out"]),
    )
    .addOption(new Option("-o, --out <file>", "file to write; must not exist. Left out: standard output"))
    .addHelpText("after", HELP)
    .action((flags: string[], options: FromFulcioOptions) => {
      try {
        done(translate(flags, options, context));
      } catch (error) {
        if (!(error instanceof FulcioInputError)) throw error;
        context.stderr(`mayfly: ${error.message}\n`);
        done(EXIT_UNREADABLE);
      }
    });
}

function translate(flags: readonly string[], options: FromFulcioOptions, context: CommandContext): number {
  const fromFile = options.flagsFile === undefined ? [] : splitArgumentLines(readText(options.flagsFile));
  const given = parseFulcioArguments([...fromFile, ...flags]);
  const file = given.get("config") ?? "";
  const { settings, findings } = resolveFulcioSettings({
    flags: given,
    env: context.env,
    file: file === "" ? undefined : { name: file, content: readSettings(file) },
  });
  const translation = translateFulcio({
    settings,
    issuers: readIssuers(settings, options.issuers),
    publicUrl: options.publicUrl,
    sharedIssuers: options.sharedIssuers ?? "undecided",
    hasFolder: options.out !== undefined,
  });
  if (options.out === undefined) context.stdout(translation.yaml);
  else writeFiles(translation, options.out);
  context.stderr(describe([...findings, ...translation.findings], translation.commands, options.out ?? "mayfly.yaml"));
  return translation.isComplete ? 0 : EXIT_INCOMPLETE;
}

function readText(file: string): string {
  try {
    const status = statSync(file);
    if (!status.isFile()) throw new FulcioInputError(`${file}: not a regular file`);
    if (status.size > MAX_BYTES) throw new FulcioInputError(`${file}: larger than ${MAX_BYTES} bytes`);
    return readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof FulcioInputError) throw cause;
    throw new FulcioInputError(`${file}: cannot be read: ${describeCauses(cause)}`, { cause });
  }
}

/** Fulcio takes more formats than these two, by the end of the name. */
function readSettings(file: string): FulcioDocument["content"] {
  if (!/\.(?:json|ya?ml)$/u.test(file)) {
    throw new FulcioInputError(`${file}: of Fulcio's settings files, those that end in .yaml, .yml or .json are read`);
  }
  return parseFulcioDocument(readText(file), file).content;
}

/** Where Fulcio looks second, when it was not told where to look. */
const SECOND_PLACE = "/etc/fulcio-config/config.json";

/** As Fulcio looks for it; a file that was named and is not there is refused, and not taken for an empty one. */
function readIssuers(settings: FulcioSettings, named: string | undefined): FulcioIssuerFile | "built-in" | "not-found" {
  if (named === "built-in") return named;
  const { value, isSet } = settings["config-path"];
  const places = isSet ? [value] : [value, SECOND_PLACE];
  const file = named ?? (isSet ? value : places.find((place) => existsSync(place)));
  if (file === undefined) return "not-found";
  if (named === undefined && !existsSync(file)) {
    throw new FulcioInputError(`${file}: the issuer file is not there; --issuers says where it is`);
  }
  return readFulcioIssuerFile(parseFulcioDocument(readText(file), file));
}

/** @throws MayflyError `internal` (FILE_NOT_WRITTEN) when one of the files exists; then none is written */
function writeFiles({ yaml, files }: FulcioTranslation, out: string): void {
  const all = [...files.map(({ name, text }) => ({ path: join(dirname(out), name), text })), { path: out, text: yaml }];
  const existing = all.find(({ path }) => existsSync(path));
  if (existing !== undefined) throw new MayflyError("FILE_NOT_WRITTEN", `${existing.path} exists; nothing was written`);
  for (const { path, text } of all) writeNewFile(path, text);
}

const OUTCOMES: readonly Outcome[] = ["kept", "changed", "no counterpart", "must be decided"];

function describe(findings: readonly Finding[], commands: readonly string[], file: string): string {
  const groups = OUTCOMES.map((outcome) => ({
    outcome,
    of: findings.filter((finding) => finding.outcome === outcome),
  }));
  const next = [...commands, `mayfly config check --config ${file}`, `mayfly log init --config ${file}`];
  return [
    ...groups
      .filter(({ of }) => of.length > 0)
      .flatMap(({ outcome, of }) => [`${outcome}:`, ...of.map(({ subject, note }) => `  ${subject}: ${note}`)]),
    "next, in the folder of the configuration:",
    ...next.map((command) => `  ${command}`),
    "",
  ].join("\n");
}

/** Its host goes into the log's origin, which has no upper case, and clients join it with paths of their own. */
function parsePublicUrl(text: string): string {
  if (/^https:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?$/u.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError("Expected https://host, in lower case, without a path or a final slash.");
}
