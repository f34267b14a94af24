import type { FulcioDocument, FulcioMapping } from "./fulcio-document.ts";
import { isMapping, jsonName } from "./fulcio-document.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import { printable } from "./fulcio-section.ts";
import { nearestName } from "./nearest-name.ts";

const ISSUER_GROUPS = ["oidc-issuers", "meta-issuers"] as const;

/** Where an issuer stands: by its own URL, or by a pattern of many. */
export type FulcioIssuerGroup = (typeof ISSUER_GROUPS)[number];

const TOP = ["oidc-issuers", "meta-issuers", "ci-issuer-metadata", "define"] as const;

const TEXTS = [
  "issuer-url",
  "client-id",
  "type",
  "ci-provider",
  "issuer-claim",
  "subject-domain",
  "spiffe-trust-domain",
  "challenge-claim",
  "description",
  "contact",
  "environment",
  "ca-cert",
] as const;

const ISSUER = [...TEXTS, "skip-email-verification"] as const;

const METADATA = ["default-template-values", "extension-templates", "subject-alternative-name-template"] as const;

const EXTENSIONS = [
  "issuer",
  "github-workflow-trigger",
  "github-workflow-sha",
  "github-workflow-name",
  "github-workflow-repository",
  "github-workflow-ref",
  "build-signer-uri",
  "build-signer-digest",
  "runner-environment",
  "source-repository-uri",
  "source-repository-digest",
  "source-repository-ref",
  "source-repository-identifier",
  "source-repository-owner-uri",
  "source-repository-owner-identifier",
  "build-config-uri",
  "build-config-digest",
  "build-trigger",
  "run-invocation-uri",
  "source-repository-visibility-at-signing",
  "deployment-environment",
  "subject",
] as const;

/** An extension of certificates that a template can be written for. */
export type FulcioExtensionName = (typeof EXTENSIONS)[number];

/** One issuer of Fulcio's issuer file, each text empty where it is not set. */
export type FulcioIssuer = Readonly<Record<(typeof TEXTS)[number], string>> & {
  /** The name that it stands under: its URL, or a pattern with `*`. */
  readonly key: string;
  /** Whether it stands among `meta-issuers`. */
  readonly isPattern: boolean;
  readonly "skip-email-verification": boolean;
};

/** How a `ci-provider` issuer's tokens become certificates: templates over claims and default values. */
export interface FulcioCiMetadata {
  readonly defaults: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<FulcioExtensionName, string>;
  readonly subjectAlternativeName: string;
}

/** A member that Fulcio has no setting for, and passes over. */
export interface UnknownMember {
  readonly key: string;
  /** Names of what it stands in, outermost first. */
  readonly within: readonly string[];
  /** The setting that was probably meant. */
  readonly nearest?: string;
}

/** Fulcio's issuer file. */
export interface FulcioIssuerFile {
  readonly issuers: readonly FulcioIssuer[];
  readonly ciMetadata: ReadonlyMap<string, FulcioCiMetadata>;
  /** What stands in it that Fulcio does not look at. */
  readonly unknown: readonly UnknownMember[];
  /** `file:line` of a member, by the names that it has in YAML. */
  readonly placeOf: FulcioDocument["placeOf"];
}

/**
 * Reads Fulcio's issuer file, under the names that it has in YAML (`oidc-issuers`) or in JSON (`OIDCIssuers`, in any case).
 *
 * @throws FulcioInputError for a value of the wrong type, with file and line
 */
export function readFulcioIssuerFile({ syntax, content, placeOf }: FulcioDocument): FulcioIssuerFile {
  const unknown: UnknownMember[] = [];
  const refuse: Refuse = (path, expected) => {
    throw new FulcioInputError(`${placeOf(path)}: ${printable(path.join(": "))}: expected ${expected}`);
  };
  /** The members of a mapping by their YAML names. */
  const members = <N extends string>(value: unknown, path: Path, names: readonly N[]): Partial<Record<N, unknown>> => {
    const known: Partial<Record<N, unknown>> = {};
    for (const [key, member] of Object.entries(requireMapping(value, path, refuse))) {
      const name = names.find((one) => (syntax === "json" ? jsonName(one) === key.toLowerCase() : one === key));
      if (name === undefined) unknown.push(unknownMember(key, path, names));
      else if (name in known) refuse([...path, key], "one setting of this name, in whatever case");
      else known[name] = member;
    }
    return known;
  };
  const readIssuer = (group: FulcioIssuerGroup, key: string, value: unknown): FulcioIssuer => {
    const path = [group, key];
    const written = members(value, path, ISSUER);
    const texts = Object.fromEntries(TEXTS.map((name) => [name, readText(written[name], [...path, name], refuse)]));
    const skip = readSwitch(written["skip-email-verification"], syntax);
    if (skip === undefined) return refuse([...path, "skip-email-verification"], "true or false");
    return { key, isPattern: group === "meta-issuers", ...requireTexts(texts), "skip-email-verification": skip };
  };
  const readMetadata = (provider: string, value: unknown): FulcioCiMetadata => {
    const path = ["ci-issuer-metadata", provider];
    const written = members(value, path, METADATA);
    const text = (name: (typeof METADATA)[number]): string => readText(written[name], [...path, name], refuse);
    const below = [...path, "extension-templates"];
    const templates = members(written["extension-templates"], below, EXTENSIONS);
    return {
      defaults: readTexts(written["default-template-values"], [...path, "default-template-values"], refuse),
      extensions: new Map(EXTENSIONS.map((name) => [name, readText(templates[name], [...below, name], refuse)])),
      subjectAlternativeName: text("subject-alternative-name-template"),
    };
  };
  const top = members(content, [], TOP);
  const listed = (name: (typeof TOP)[number]): [string, unknown][] =>
    Object.entries(requireMapping(top[name], [name], refuse));
  return {
    issuers: ISSUER_GROUPS.flatMap((group) => listed(group).map(([key, value]) => readIssuer(group, key, value))),
    ciMetadata: new Map(listed("ci-issuer-metadata").map(([name, value]) => [name, readMetadata(name, value)])),
    unknown,
    placeOf,
  };
}

type Path = readonly string[];
type Refuse = (path: Path, expected: string) => never;

function unknownMember(key: string, within: Path, names: readonly string[]): UnknownMember {
  const nearest = nearestName(key, names);
  return nearest === undefined ? { key, within } : { key, within, nearest };
}

function requireMapping(value: unknown, path: Path, refuse: Refuse): FulcioMapping {
  if (value === undefined || value === null) return {};
  return isMapping(value) ? value : refuse(path, "a mapping");
}

function readText(value: unknown, path: Path, refuse: Refuse): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : refuse(path, "a text");
}

function readTexts(value: unknown, path: Path, refuse: Refuse): ReadonlyMap<string, string> {
  const entries = Object.entries(requireMapping(value, path, refuse));
  return new Map(entries.map(([name, text]) => [name, readText(text, [...path, name], refuse)]));
}

/**
 * A switch as Fulcio reads it: in YAML some words of version 1.1 too, in JSON no text at all, for that would leave it off.
 *
 * @returns undefined for anything else
 */
function readSwitch(value: unknown, syntax: FulcioDocument["syntax"]): boolean | undefined {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  if (syntax === "json" || typeof value !== "string") return undefined;
  if (/^(?:true|True|TRUE|[yY]|yes|Yes|YES|on|On|ON)$/u.test(value)) return true;
  return /^(?:false|False|FALSE|[nN]|no|No|NO|off|Off|OFF)$/u.test(value) ? false : undefined;
}

type IssuerTexts = Readonly<Record<(typeof TEXTS)[number], string>>;

function requireTexts(texts: Readonly<Record<string, string>>): IssuerTexts {
  if (!hasTexts(texts)) throw new TypeError("a text of an issuer was left out");
  return texts;
}

function hasTexts(texts: Readonly<Record<string, string>>): texts is IssuerTexts {
  return TEXTS.every((name) => texts[name] !== undefined);
}

const builtIn = (key: string, type: string, issuerClaim = ""): FulcioIssuer => ({
  ...requireTexts(Object.fromEntries(TEXTS.map((name) => [name, ""]))),
  key,
  isPattern: false,
  "issuer-url": key,
  "client-id": "sigstore",
  type,
  "issuer-claim": issuerClaim,
  "skip-email-verification": false,
});

/** What Fulcio trusts when it finds no issuer file. */
export const BUILT_IN_ISSUERS: FulcioIssuerFile = {
  issuers: [
    builtIn("https://oauth2.sigstore.dev/auth", "email", "$.federated_claims.connector_id"),
    builtIn("https://accounts.google.com", "email"),
    builtIn("https://token.actions.githubusercontent.com", "github-workflow"),
  ],
  ciMetadata: new Map(),
  unknown: [],
  placeOf: () => "built in",
};
