import type { FulcioFlagName } from "./fulcio-flags.ts";
import { kmsCa, pkcs11Ca } from "./fulcio-remote-ca.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import { comment, scalar } from "./fulcio-section.ts";
import type { Finding, Section } from "./fulcio-section.ts";
import { describeSetting } from "./fulcio-settings.ts";
import type { FulcioSettings } from "./fulcio-settings.ts";
import { nearestName } from "./nearest-name.ts";

/** A way in which Fulcio keeps its CA's key: the flags that belong to it, and what becomes of it. */
interface CaKind {
  readonly flags: readonly FulcioFlagName[];
  readonly translate: (settings: FulcioSettings) => Section;
}

/** Where the key of the issuing CA is written to, relative to the configuration. */
const KEY_FILE = "keys/issuing.json";
const PASSPHRASE_FILE = "keys/passphrase";
/** Where the password of Fulcio's key is read from, once. */
const PASSWORD_FILE = "fulcio-password";

/** The CA: its key and its chain stay what they are, or it is said why they cannot yet. */
export function translateCa(settings: FulcioSettings): Section {
  const { value, source } = settings.ca;
  if (value === "") return withoutCa();
  const kind = CA_KINDS.get(value);
  if (kind === undefined) {
    const nearest = nearestName(value, [...CA_KINDS.keys()]);
    throw new FulcioInputError(
      `${source}: Fulcio has no such certificate authority${nearest === undefined ? "" : `; did you mean ${nearest}?`}`,
    );
  }
  const section = kind.translate(settings);
  return { ...section, findings: [...section.findings, ...unusedFlags(settings, value)] };
}

function withoutCa(): Section {
  return {
    lines: [
      "ca:",
      ...comment("Where is the key of the CA? Fulcio would not start either: its flag --ca is not set.", 2),
    ],
    findings: [
      {
        outcome: "must be decided",
        subject: "--ca",
        note: "not set, so Fulcio would not start; ca.signer and ca.chain are missing",
      },
    ],
  };
}

function fileCa(settings: FulcioSettings): Section {
  const cert = required(settings, "fileca-cert");
  const key = required(settings, "fileca-key");
  const findings: Finding[] = [
    { outcome: "kept", subject: describeSetting(settings, "ca"), note: "ca.signer of kind file" },
    {
      outcome: "kept",
      subject: describeSetting(settings, "fileca-cert"),
      note: "ca.chain: issuing CA first, root last",
    },
    {
      outcome: "changed",
      subject: describeSetting(settings, "fileca-key"),
      note: `the same key, in a file of Mayfly's (${KEY_FILE}): \`mayfly key import\` makes it`,
    },
  ];
  const password = settings["fileca-key-passwd"];
  const isInClear = password.isSet && password.value === "";
  if (password.isSet) {
    findings.push({
      outcome: "changed",
      subject: describeSetting(settings, "fileca-key-passwd"),
      note: isInClear
        ? "empty, so the key is in clear; Mayfly's file of it has a passphrase"
        : `it stands neither on a command line nor in the configuration: put it into ${PASSWORD_FILE}, mode 0600, for \`mayfly key import\``,
    });
  }
  if (settings["fileca-watch"].value !== "false") {
    findings.push({
      outcome: "no counterpart",
      subject: "--fileca-watch",
      note: "a new chain or key is in use after a restart",
    });
  }
  return {
    lines: [
      "ca:",
      ...comment(settings["fileca-cert"].source, 2),
      `  chain: ${scalar(cert)}`,
      ...comment(`the key of ${describeSetting(settings, "fileca-key")}, after \`mayfly key import\``, 2),
      `  signer: { kind: file, path: ${KEY_FILE}, passphrase: { file: ${PASSPHRASE_FILE} } }`,
    ],
    findings,
    commands: [
      [
        `mayfly key import --from ${shellWord(key)}`,
        ...(isInClear ? [] : [`--from-passphrase-file ${PASSWORD_FILE}`]),
        `--out ${KEY_FILE} --passphrase-file ${PASSPHRASE_FILE}`,
      ].join(" "),
    ],
  };
}

function ephemeralCa(settings: FulcioSettings): Section {
  return {
    lines: [
      "ca:",
      ...comment(`${settings.ca.source}: a key that is made at the start and forgotten at the end, for tests`, 2),
      "  signer: { kind: memory }",
    ],
    findings: [
      {
        outcome: "kept",
        subject: describeSetting(settings, "ca"),
        note: "ca.signer of kind memory, which needs environment: development; root and issuing CA instead of a lone root",
      },
    ],
  };
}

/** A key that stays where it is, and that Mayfly cannot use there. */
function elsewhere(chainFlag: FulcioFlagName | undefined, where: string): CaKind["translate"] {
  return (settings) => {
    const flags = CA_KINDS.get(settings.ca.value)?.flags.filter((name) => settings[name].isSet) ?? [];
    const chain = chainFlag === undefined || settings[chainFlag].value === "" ? undefined : settings[chainFlag];
    const note =
      `Mayfly cannot sign with a key in ${where}. Let the root that is trusted now sign an issuing CA whose key is in a file ` +
      "or a key service (docs/keys.md)";
    return {
      lines: [
        "ca:",
        ...(chain === undefined ? [] : [...comment(chain.source, 2), `  chain: ${scalar(chain.value)}`]),
        ...comment(`MUST BE COMPLETED: signer. ${note}.`, 2),
        ...flags.flatMap((name) => comment(describeSetting(settings, name), 2)),
      ],
      findings: [
        { outcome: "must be decided", subject: describeSetting(settings, "ca"), note },
        ...flags.map((name): Finding => ({
          outcome: name === chainFlag ? "kept" : "no counterpart",
          subject: describeSetting(settings, name),
          note: name === chainFlag ? "ca.chain" : `belongs to ${settings.ca.value}; kept as a comment`,
        })),
      ],
    };
  };
}

const CA_KINDS: ReadonlyMap<string, CaKind> = new Map<string, CaKind>([
  ["fileca", { flags: ["fileca-cert", "fileca-key", "fileca-key-passwd", "fileca-watch"], translate: fileCa }],
  ["kmsca", { flags: ["kms-resource", "kms-cert-chain-path", "gcp-kms-retries", "gcp-kms-timeout"], translate: kmsCa }],
  [
    "tinkca",
    {
      flags: ["tink-kms-resource", "tink-keyset-path", "tink-cert-chain-path"],
      translate: elsewhere("tink-cert-chain-path", "a Tink keyset"),
    },
  ],
  [
    "pkcs11ca",
    { flags: ["hsm-caroot-id", "hsm-key-label", "pkcs11-config-path", "aws-hsm-root-ca-path"], translate: pkcs11Ca },
  ],
  [
    "googleca",
    {
      flags: ["gcp_private_ca_parent", "gcp_private_ca_version"],
      translate: elsewhere(undefined, "Google's CA service, which gives certificates out before they can be logged"),
    },
  ],
  ["ephemeralca", { flags: [], translate: ephemeralCa }],
]);

/** Flags of the other kinds of CA; Fulcio does not look at them either. */
function unusedFlags(settings: FulcioSettings, chosen: string): readonly Finding[] {
  return [...CA_KINDS]
    .filter(([name]) => name !== chosen)
    .flatMap(([name, { flags }]) =>
      flags
        .filter((flag) => settings[flag].isSet)
        .map((flag): Finding => ({
          outcome: "no counterpart",
          subject: describeSetting(settings, flag),
          note: `belongs to --ca ${name}; with ${chosen} Fulcio does not look at it`,
        })),
    );
}

function required(settings: FulcioSettings, name: FulcioFlagName): string {
  const { value } = settings[name];
  if (value === "") throw new FulcioInputError(`--${name} must be set with --ca ${settings.ca.value}`);
  return value;
}

/** One word for a POSIX shell. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
