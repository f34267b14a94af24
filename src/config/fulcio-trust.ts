import { comment, scalar } from "./fulcio-section.ts";
import type { Finding, Section } from "./fulcio-section.ts";
import { describeSetting } from "./fulcio-settings.ts";
import type { FulcioSettings } from "./fulcio-settings.ts";
import { trustSchema } from "./trust-schema.ts";

/** The log that Fulcio used, as the trust files name it. */
interface OldLog {
  readonly baseUrl: string;
  readonly publicKey: string;
}

/**
 * The files that tell clients whom to trust: CA and log of ours are in them by themselves, the key of the log that Fulcio used
 * stays for the certificates there are.
 *
 * @param publicUrl as clients will know the service; undefined when nobody has said it
 */
export function translateTrust(settings: FulcioSettings, publicUrl: string | undefined): Section {
  const log = oldLog(settings);
  return {
    lines: [
      ...comment("What the files at /trust say: this CA and this log by themselves, and what is listed here."),
      "trust:",
      ...(publicUrl === undefined
        ? comment("MUST BE COMPLETED: publicUrl: https://ca.example.com", 2)
        : [...comment("--public-url", 2), `  publicUrl: ${scalar(publicUrl)}`]),
      ...("entry" in log ? writeOldLog(settings, log.entry) : log.lines),
    ],
    findings: log.findings,
  };
}

function writeOldLog(settings: FulcioSettings, { baseUrl, publicKey }: OldLog): readonly string[] {
  const sources = `${settings["ct-log-url"].source} and ${settings["ct-log-public-key-path"].source}`;
  return [
    ...comment(
      `${sources}: what Fulcio issued has SCTs of this log. When Fulcio has stopped, add end: the time of its last certificate.`,
      2,
    ),
    "  otherLogs:",
    `    - { baseUrl: ${scalar(baseUrl)}, publicKey: ${scalar(publicKey)} }`,
  ];
}

type OldLogTranslation =
  | { readonly entry: OldLog; readonly findings: readonly Finding[] }
  | { readonly lines: readonly string[]; readonly findings: readonly Finding[] };

function oldLog(settings: FulcioSettings): OldLogTranslation {
  const url = settings["ct-log-url"];
  const key = settings["ct-log-public-key-path"];
  if (url.value === "") {
    const note = "Fulcio logs nothing without --ct-log-url, and verifies nothing with it";
    const unused: Finding = {
      outcome: "no counterpart",
      subject: describeSetting(settings, "ct-log-public-key-path"),
      note,
    };
    return { lines: [], findings: key.isSet ? [unused] : [] };
  }
  const entry = { baseUrl: withoutCredentials(url.value), publicKey: key.value };
  if (key.value === "") return undecided("--ct-log-public-key-path", NO_KEY);
  const isUsable = trustSchema.safeParse({ otherLogs: [entry] }).success;
  if (!isUsable)
    return undecided(
      describeSetting(settings, "ct-log-url"),
      "no URL that the trust files can have: write trust.otherLogs",
    );
  const note =
    "trust.otherLogs: its key stays in the trusted root for the certificates there are; add an end after the switch";
  return { entry, findings: [{ outcome: "kept", subject: describeSetting(settings, "ct-log-public-key-path"), note }] };
}

const NO_KEY =
  "not set, so the trusted root lacks the log that Fulcio used, and the certificates there are do not verify with it: give " +
  "the log's public key, or write trust.otherLogs";

function undecided(subject: string, note: string): OldLogTranslation {
  return {
    lines: comment(`MUST BE COMPLETED: otherLogs (${subject}). ${note}.`, 2),
    findings: [{ outcome: "must be decided", subject, note }],
  };
}

/** A URL as clients know the log by it. */
function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/u, "//").replace(/\/+$/u, "");
}
