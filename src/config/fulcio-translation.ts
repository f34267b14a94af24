import { translateCa } from "./fulcio-ca.ts";
import { translateClientKeys } from "./fulcio-client-keys.ts";
import { translateGrpc } from "./fulcio-grpc.ts";
import { BUILT_IN_ISSUERS } from "./fulcio-issuer-file.ts";
import type { FulcioIssuerFile } from "./fulcio-issuer-file.ts";
import { translateIssuers } from "./fulcio-issuers.ts";
import type { SharedIssuers } from "./fulcio-issuers.ts";
import { translateListeners } from "./fulcio-listeners.ts";
import { translateLog } from "./fulcio-log.ts";
import { translateTrust } from "./fulcio-trust.ts";
import { comment, printable } from "./fulcio-section.ts";
import type { CompanionFile, Finding, Section } from "./fulcio-section.ts";
import { describeSetting } from "./fulcio-settings.ts";
import type { FulcioSettings } from "./fulcio-settings.ts";

/** A Fulcio, as it is configured, and what has to be known beside that. */
export interface FulcioInstallation {
  readonly settings: FulcioSettings;
  /** `built-in` when there is none, `not-found` when it is not where Fulcio looks, so that nobody knows. */
  readonly issuers: FulcioIssuerFile | "built-in" | "not-found";
  /** As clients will know the service: `https://host`, without a path or a final slash. */
  readonly publicUrl?: string | undefined;
  readonly sharedIssuers: SharedIssuers;
  /** Whether files can be written beside the configuration. */
  readonly hasFolder: boolean;
}

/** Our configuration, made from Fulcio's. */
export interface FulcioTranslation {
  /** YAML, with comments that say where each setting comes from. */
  readonly yaml: string;
  readonly findings: readonly Finding[];
  /** To be run in the configuration's folder before Mayfly can start. */
  readonly commands: readonly string[];
  readonly files: readonly CompanionFile[];
  /** Whether nothing is left to be decided; then the YAML is a configuration that can be used. */
  readonly isComplete: boolean;
}

/**
 * Translates the configuration of a Fulcio into ours. Nothing is dropped: what has no counterpart is a finding, and what
 * cannot be told from Fulcio's configuration must be decided.
 *
 * @throws FulcioInputError for values that Fulcio itself would not start with
 */
export function translateFulcio(installation: FulcioInstallation): FulcioTranslation {
  const { settings, publicUrl } = installation;
  const sections = [
    environment(settings),
    DATA_DIRECTORY,
    translateListeners(settings),
    translateGrpc(settings),
    translateCa(settings),
    translateLog(settings, publicUrl),
    translateTrust(settings, publicUrl),
    issuers(installation),
    translateClientKeys(settings),
    remaining(settings),
  ];
  const findings = sections.flatMap((section) => section.findings);
  return {
    yaml: `${[HEAD, ...sections.map(({ lines }) => lines)]
      .filter((lines) => lines.length > 0)
      .map((lines) => lines.join("\n"))
      .join("\n\n")}\n`,
    findings: findings.map(({ outcome, subject, note }) => ({
      outcome,
      subject: printable(subject),
      note: printable(note),
    })),
    commands: [MAKE_PASSPHRASE, ...sections.flatMap(({ commands = [] }) => commands)],
    files: sections.flatMap(({ files = [] }) => files),
    isComplete: findings.every(({ outcome }) => outcome !== "must be decided"),
  };
}

const HEAD = comment(
  "Written by `mayfly config from-fulcio`. Each setting says where it comes from; `mayfly config example` explains all that " +
    "there are. Relative paths are taken from the folder of this file.",
);

const MAKE_PASSPHRASE = "(umask 077 && mkdir -p keys && openssl rand -base64 32 >keys/passphrase)";

const DATA_DIRECTORY: Section = {
  lines: [
    ...comment(
      "New: Fulcio keeps nothing. The log and the audit trail, on a local disk; see docs/operating.md for backups.",
    ),
    "dataDirectory: /var/lib/mayfly",
  ],
  findings: [
    {
      outcome: "changed",
      subject: "data",
      note: "Fulcio keeps none; Mayfly's log and audit trail are in dataDirectory, on a local disk",
    },
  ],
};

function environment(settings: FulcioSettings): Section {
  if (settings.ca.value !== "ephemeralca") return { lines: [], findings: [] };
  return {
    lines: [
      ...comment(
        "--ca ephemeralca is for tests, and so is this: production refuses a CA that is forgotten at the end.",
      ),
      "environment: development",
    ],
    findings: [],
  };
}

function issuers({ settings, issuers: file, sharedIssuers, hasFolder }: FulcioInstallation): Section {
  const section = translateIssuers(typeof file === "string" ? BUILT_IN_ISSUERS : file, sharedIssuers);
  const notFound: Finding = {
    outcome: "must be decided",
    subject: describeSetting(settings, "config-path"),
    note: "not here, so Fulcio's built-in issuers were taken: --issuers FILE says where it is, --issuers built-in that there is none",
  };
  const unwritten = (section.files ?? []).map(({ name }): Finding => ({
    outcome: "must be decided",
    subject: name,
    note: "the configuration names this file beside it; with --out it is written there",
  }));
  return {
    ...section,
    findings: [...(file === "not-found" ? [notFound] : []), ...section.findings, ...(hasFolder ? [] : unwritten)],
  };
}

/** What has no section of its own. */
function remaining(settings: FulcioSettings): Section {
  const findings: Finding[] = [];
  const add = (name: "legacy-unix-domain-socket" | "log_type", outcome: Finding["outcome"], note: string): void => {
    if (settings[name].isSet) findings.push({ outcome, subject: describeSetting(settings, name), note });
  };
  add("log_type", "changed", "always one JSON line for each request, at level info; logging.level says otherwise");
  add("legacy-unix-domain-socket", "no counterpart", "nothing inside Mayfly goes through a socket");
  for (const name of ["config", "config-path"] as const) {
    if (settings[name].isSet)
      findings.push({ outcome: "kept", subject: describeSetting(settings, name), note: "read" });
  }
  const relative = PATHS.filter((name) => settings[name].isSet && /^[^/]/u.test(settings[name].value));
  if (relative.length > 0) {
    const subject = relative.map((name) => describeSetting(settings, name)).join(", ");
    findings.push({
      outcome: "changed",
      subject,
      note: "taken from the folder of the configuration, not from where Fulcio was started",
    });
  }
  return { lines: [], findings };
}

/** Files that the configuration and the commands name as Fulcio does. */
const PATHS = [
  "fileca-cert",
  "fileca-key",
  "kms-cert-chain-path",
  "tink-cert-chain-path",
  "aws-hsm-root-ca-path",
  "ct-log-public-key-path",
  "grpc-tls-certificate",
  "grpc-tls-key",
] as const;
