import { FulcioInputError } from "./fulcio-input-error.ts";
import { nearestName } from "./nearest-name.ts";

/** What is known of a flag of `fulcio serve`. */
interface FulcioFlag {
  readonly default: string;
  /** Given without a value it means `true`. */
  readonly isSwitch?: true;
  /** Each time it is given adds to it; its values are separated by commas. */
  readonly isList?: true;
  /** Its value is never shown. */
  readonly isSecret?: true;
}

/** The flags of `fulcio serve` (release 1.8) with their defaults; the same names stand in its settings file. */
export const FULCIO_FLAGS = {
  "aws-hsm-root-ca-path": { default: "" },
  ca: { default: "" },
  "client-signing-algorithms": {
    default:
      "ecdsa-sha2-256-nistp256,ecdsa-sha2-384-nistp384,ecdsa-sha2-512-nistp521," +
      "rsa-sign-pkcs1-2048-sha256,rsa-sign-pkcs1-3072-sha256,rsa-sign-pkcs1-4096-sha256,ed25519",
    isList: true,
  },
  config: { default: "" },
  "config-path": { default: "/etc/fulcio-config/config.yaml" },
  "ct-log-origin": { default: "" },
  "ct-log-public-key-path": { default: "" },
  "ct-log-url": { default: "http://localhost:6962/test" },
  "ct-log.tls-ca-cert": { default: "" },
  "fileca-cert": { default: "" },
  "fileca-key": { default: "" },
  "fileca-key-passwd": { default: "", isSecret: true },
  "fileca-watch": { default: "true", isSwitch: true },
  "gcp-kms-retries": { default: "0" },
  "gcp-kms-timeout": { default: "0" },
  gcp_private_ca_parent: { default: "" },
  gcp_private_ca_version: { default: "" },
  "grpc-host": { default: "0.0.0.0" },
  "grpc-port": { default: "8081" },
  "grpc-tls-certificate": { default: "" },
  "grpc-tls-key": { default: "" },
  host: { default: "0.0.0.0" },
  "hsm-caroot-id": { default: "" },
  "hsm-key-label": { default: "PKCS11CA" },
  "idle-connection-timeout": { default: "30s" },
  "kms-cert-chain-path": { default: "" },
  "kms-resource": { default: "" },
  "legacy-unix-domain-socket": { default: "@fulcio-legacy-grpc-socket" },
  log_type: { default: "dev" },
  "metrics-port": { default: "2112" },
  "pkcs11-config-path": { default: "config/crypto11.conf" },
  port: { default: "8080" },
  "read-header-timeout": { default: "10s" },
  "tink-cert-chain-path": { default: "" },
  "tink-keyset-path": { default: "" },
  "tink-kms-resource": { default: "" },
} as const satisfies Readonly<Record<string, FulcioFlag>>;

/** A flag of `fulcio serve`. */
export type FulcioFlagName = keyof typeof FULCIO_FLAGS;

/** Every flag, in alphabetical order. */
export const FULCIO_FLAG_NAMES: readonly FulcioFlagName[] = Object.keys(FULCIO_FLAGS).filter(isFulcioFlag);

const ALIASES: ReadonlyMap<string, FulcioFlagName> = new Map([
  ["http-host", "host"],
  ["http-port", "port"],
]);

/** Whether a name is that of a flag of `fulcio serve`, aliases not counted. */
export function isFulcioFlag(name: string): name is FulcioFlagName {
  return Object.hasOwn(FULCIO_FLAGS, name);
}

/** Whether the flag's value is never shown. */
export function isSecretFlag(name: FulcioFlagName): boolean {
  const flag: FulcioFlag = FULCIO_FLAGS[name];
  return flag.isSecret === true;
}

/** Whether the flag has several values. */
export function isListFlag(name: FulcioFlagName): boolean {
  const flag: FulcioFlag = FULCIO_FLAGS[name];
  return flag.isList === true;
}

/** The flag that a name stands for: its own or an alias. */
export function fulcioFlagOf(name: string): FulcioFlagName | undefined {
  return isFulcioFlag(name) ? name : ALIASES.get(name);
}

/** The flag that was probably meant, as the end of a sentence; empty when none is near. */
export function didYouMean(name: string): string {
  const nearest = nearestName(name, [...FULCIO_FLAG_NAMES, ...ALIASES.keys()]);
  return nearest === undefined ? "" : `; did you mean ${fulcioFlagOf(nearest) ?? nearest}?`;
}

/**
 * Reads the command line of `fulcio serve`: `--name value`, `--name=value`, `-c value`; what is given twice counts as last
 * given, but for a list, which grows. Words up to `serve` (the program's name) are passed over.
 *
 * @returns values by flag
 * @throws FulcioInputError for an unknown flag, a flag without its value, a word that is no flag
 */
export function parseFulcioArguments(args: readonly string[]): ReadonlyMap<FulcioFlagName, string> {
  const flags = new Map<FulcioFlagName, string>();
  const set = (flag: FulcioFlagName, value: string): void => {
    const before = isListFlag(flag) ? flags.get(flag) : undefined;
    flags.set(flag, before === undefined ? value : `${before},${value}`);
  };
  const rest = args.slice(firstFlag(args));
  for (let at = 0; at < rest.length; at += 1) {
    const { name, value } = splitArgument(rest[at] ?? "", at);
    const flag = fulcioFlagOf(name);
    if (flag === undefined) throw new FulcioInputError(`fulcio serve has no flag --${name}${didYouMean(name)}`);
    const known: FulcioFlag = FULCIO_FLAGS[flag];
    if (value !== undefined) {
      set(flag, value);
    } else if (known.isSwitch === true) {
      set(flag, "true");
    } else {
      at += 1;
      const next = rest[at];
      if (next === undefined) throw new FulcioInputError(`the flag --${flag} of fulcio serve lacks its value`);
      set(flag, next);
    }
  }
  return flags;
}

function firstFlag(args: readonly string[]): number {
  const serve = args.indexOf("serve");
  return serve >= 0 && args.slice(0, serve).every((word) => !word.startsWith("-")) ? serve + 1 : 0;
}

/** Only the shape of what is no flag is told: it may be the second half of a password with a blank in it. */
function splitArgument(argument: string, at: number): { name: string; value?: string } {
  const short = /^-c=?(?<value>.*)$/su.exec(argument)?.groups?.["value"];
  if (short !== undefined) return short === "" ? { name: "config" } : { name: "config", value: short };
  const long = /^--(?<name>[A-Za-z][A-Za-z0-9._-]*)(?:=(?<value>.*))?$/su.exec(argument)?.groups;
  const { name, value } = long ?? {};
  if (name === undefined) {
    throw new FulcioInputError(
      `argument ${at + 1} of fulcio serve is neither a flag (--name, --name=value) nor a value of one`,
    );
  }
  return value === undefined ? { name } : { name, value };
}

/**
 * The arguments in a file with one on each line; blank lines and lines that start with `#` are passed over. `--name value`
 * may share a line.
 */
export function splitArgumentLines(text: string): readonly string[] {
  return text
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      const { flag, value } = /^(?<flag>--?[A-Za-z][^\s=]*)\s+(?<value>.*)$/su.exec(line)?.groups ?? {};
      return flag === undefined || value === undefined ? [line] : [flag, value];
    });
}
