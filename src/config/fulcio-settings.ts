import { didYouMean, FULCIO_FLAG_NAMES, FULCIO_FLAGS, isFulcioFlag, isListFlag, isSecretFlag } from "./fulcio-flags.ts";
import type { FulcioFlagName } from "./fulcio-flags.ts";
import { isMapping, type FulcioMapping } from "./fulcio-document.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import type { Finding } from "./fulcio-section.ts";

/** A setting of `fulcio serve` and where its value comes from. */
export interface FulcioSetting {
  readonly value: string;
  /** For comments and messages: `--port`, `FULCIO_SERVE_PORT`, `server.yaml: port`, or the default. */
  readonly source: string;
  /** Whether it was set, and is not the default. */
  readonly isSet: boolean;
}

/** All settings of a `fulcio serve`. */
export type FulcioSettings = Readonly<Record<FulcioFlagName, FulcioSetting>>;

/** The places where `fulcio serve` finds its settings. */
export interface FulcioSettingsInput {
  readonly flags: ReadonlyMap<FulcioFlagName, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file that `--config` names. */
  readonly file?: { readonly name: string; readonly content: FulcioMapping } | undefined;
}

const PREFIX = "FULCIO_SERVE_";

/** The settings file is looked for by the flag alone. */
const FLAG_ONLY = "config";

/**
 * The settings as `fulcio serve` takes them: a flag counts before a variable of the environment, that before the settings
 * file, that before the default. A variable is named `FULCIO_SERVE_` and the flag in upper case, with its dashes and dots.
 *
 * @returns the settings, and what is set in places or under names that Fulcio does not look at
 * @throws FulcioInputError for a value of the settings file that is a list or a mapping, and for a list with commas outside of
 *   the command line
 */
export function resolveFulcioSettings(input: FulcioSettingsInput): {
  readonly settings: FulcioSettings;
  readonly findings: readonly Finding[];
} {
  const inFile = flatten(input.file?.content ?? {}, input.file?.name ?? "");
  const resolve = (name: FulcioFlagName): FulcioSetting => {
    const flag = input.flags.get(name);
    if (flag !== undefined) return { value: flag, source: `--${name}`, isSet: true };
    if (name === FLAG_ONLY) return { value: "", source: `the default of --${name}`, isSet: false };
    const variable = `${PREFIX}${name.toUpperCase()}`;
    const ofEnvironment = input.env[variable] ?? "";
    if (ofEnvironment !== "") return { value: valueOf(name, ofEnvironment, variable), source: variable, isSet: true };
    const written = inFile.get(name);
    if (written !== undefined) return { value: written, source: `${input.file?.name ?? ""}: ${name}`, isSet: true };
    return { value: FULCIO_FLAGS[name].default, source: `the default of --${name}`, isSet: false };
  };
  const settings = Object.fromEntries(FULCIO_FLAG_NAMES.map((name) => [name, resolve(name)]));
  assertComplete(settings);
  return {
    settings,
    findings: [...ignoredVariables(input.env), ...ignoredKeys([...inFile.keys()], input.file?.name ?? "")],
  };
}

function assertComplete(settings: Readonly<Record<string, FulcioSetting>>): asserts settings is FulcioSettings {
  if (FULCIO_FLAG_NAMES.some((name) => settings[name] === undefined)) throw new TypeError("a flag was left out");
}

/** `ct-log: { tls-ca-cert: … }` is `ct-log.tls-ca-cert`, case does not count, and what is null is not set. */
function flatten(content: FulcioMapping, file: string, prefix = ""): ReadonlyMap<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(content)) {
    const name = `${prefix}${key.toLowerCase()}`;
    if (isMapping(value)) {
      for (const [below, text] of flatten(value, file, `${name}.`)) flat.set(below, text);
    } else if (Array.isArray(value)) {
      flat.set(name, listText(name, value, file));
    } else if (value !== null) {
      flat.set(name, valueOf(name, scalarText(value), `${file}: ${name}`));
    }
  }
  return flat;
}

function listText(name: string, list: readonly unknown[], file: string): string {
  if (!isFulcioFlag(name) || !isListFlag(name) || list.some((one) => typeof one !== "string")) {
    throw new FulcioInputError(`${file}: ${name}: expected a single value`);
  }
  return list.map((one) => valueOf(name, String(one), `${file}: ${name}`)).join(",");
}

/** Only the command line separates the values of a list by commas. Elsewhere blanks do, and a comma is part of a value. */
function valueOf(name: string, text: string, place: string): string {
  if (!isFulcioFlag(name) || !isListFlag(name)) return text;
  if (text.includes(",")) {
    throw new FulcioInputError(
      `${place}: Fulcio separates names by blanks here, and takes one with a comma for unknown`,
    );
  }
  return text.trim().replaceAll(/\s+/gu, ",");
}

function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function describeVariable(name: FulcioFlagName): string {
  return name === FLAG_ONLY
    ? `; --${name} is looked for on the command line alone`
    : `; for --${name} it reads ${PREFIX}${name.toUpperCase()}`;
}

function isRead(suffix: string): boolean {
  const name = suffix.toLowerCase();
  return isFulcioFlag(name) && name !== FLAG_ONLY && name.toUpperCase() === suffix;
}

/** Shells cannot set a name with a dash, so others are set in its place, which Fulcio never looks at. */
function ignoredVariables(env: FulcioSettingsInput["env"]): readonly Finding[] {
  return Object.keys(env)
    .filter((variable) => variable.startsWith(PREFIX) && !isRead(variable.slice(PREFIX.length)))
    .sort()
    .map((variable) => {
      const meant = FULCIO_FLAG_NAMES.find(
        (name) => name.toUpperCase().replaceAll(/[-.]/gu, "_") === variable.slice(PREFIX.length),
      );
      const hint = meant === undefined ? "" : describeVariable(meant);
      return { outcome: "no counterpart", subject: variable, note: `Fulcio does not read this variable${hint}` };
    });
}

function ignoredKeys(keys: readonly string[], file: string): readonly Finding[] {
  return keys
    .filter((key) => !isFulcioFlag(key))
    .map((key) => ({
      outcome: "no counterpart",
      subject: `${file}: ${key}`,
      note: `Fulcio has no such setting and passes over it${didYouMean(key)}`,
    }));
}

/** A setting as messages show it: `--port=5555`; of a secret its place alone. */
export function describeSetting(settings: FulcioSettings, name: FulcioFlagName): string {
  const { source, value } = settings[name];
  if (isSecretFlag(name)) return source;
  return value === "" ? `${source} (empty)` : `${source}=${value}`;
}
