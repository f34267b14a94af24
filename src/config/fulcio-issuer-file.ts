import type { FulcioDocument, FulcioMapping } from "./fulcio-document.ts";
import { isMapping } from "./fulcio-document.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import { printable } from "./fulcio-section.ts";
import type { Finding } from "./fulcio-section.ts";
import { nearestName } from "./nearest-name.ts";

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

/** Fulcio's issuer file. */
export interface FulcioIssuerFile {
  readonly issuers: readonly FulcioIssuer[];
  readonly ciMetadata: ReadonlyMap<string, FulcioCiMetadata>;
  /** What stands in it that Fulcio does not look at. */
  readonly findings: readonly Finding[];
}

/**
 * Reads Fulcio's issuer file, under the names that it has in YAML (`oidc-issuers`) or in JSON (`OIDCIssuers`, in any case).
 *
 * @param file its name, for messages
 * @throws FulcioInputError for a value of the wrong type
 */
export function readFulcioIssuerFile({ syntax, content }: FulcioDocument, file: string): FulcioIssuerFile {
  const findings: Finding[] = [];
  /** The members of a mapping by their YAML names; others become findings. */
  const members = <N extends string>(value: unknown, at: string, names: readonly N[]): Partial<Record<N, unknown>> => {
    const known: Partial<Record<N, unknown>> = {};
    for (const [key, member] of Object.entries(requireMapping(value, file, at))) {
      const name = names.find((one) =>
        syntax === "json" ? one.replaceAll("-", "") === key.toLowerCase() : one === key,
      );
      if (name === undefined) findings.push(unknownMember(key, at, names));
      else known[name] = member;
    }
    return known;
  };
  const readIssuer = (key: string, value: unknown, isPattern: boolean): FulcioIssuer => {
    const at = `${isPattern ? "meta-issuers" : "oidc-issuers"}: ${key}`;
    const written = members(value, at, ISSUER);
    const texts = Object.fromEntries(TEXTS.map((name) => [name, readText(written[name], file, `${at}: ${name}`)]));
    const skip = readSwitch(written["skip-email-verification"], syntax);
    if (skip === undefined) throw wrongType(file, `${at}: skip-email-verification`, "true or false");
    return { key, isPattern, ...requireTexts(texts), "skip-email-verification": skip };
  };
  const readMetadata = (provider: string, value: unknown): FulcioCiMetadata => {
    const at = `ci-issuer-metadata: ${provider}`;
    const written = members(value, at, METADATA);
    const templates = members(written["extension-templates"], `${at}: extension-templates`, EXTENSIONS);
    return {
      defaults: readTexts(written["default-template-values"], file, at),
      extensions: new Map(EXTENSIONS.map((name) => [name, readText(templates[name], file, `${at}: ${name}`)])),
      subjectAlternativeName: readText(written["subject-alternative-name-template"], file, at),
    };
  };
  const top = members(content, "", TOP);
  const listed = Object.entries(requireMapping(top["oidc-issuers"], file, "oidc-issuers"));
  const patterns = Object.entries(requireMapping(top["meta-issuers"], file, "meta-issuers"));
  const metadata = Object.entries(requireMapping(top["ci-issuer-metadata"], file, "ci-issuer-metadata"));
  return {
    issuers: [
      ...listed.map(([key, value]) => readIssuer(key, value, false)),
      ...patterns.map(([key, value]) => readIssuer(key, value, true)),
    ],
    ciMetadata: new Map(metadata.map(([provider, value]) => [provider, readMetadata(provider, value)])),
    findings,
  };
}

function unknownMember(key: string, at: string, names: readonly string[]): Finding {
  const nearest = nearestName(key, names);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  return {
    outcome: "no counterpart",
    subject: at === "" ? key : `${key} of ${at}`,
    note: `Fulcio has no such setting and passes over it${hint}`,
  };
}

function wrongType(file: string, at: string, expected: string): FulcioInputError {
  return new FulcioInputError(`${file}: ${printable(at)}: expected ${expected}`);
}

function requireMapping(value: unknown, file: string, at: string): FulcioMapping {
  if (value === undefined || value === null) return {};
  if (!isMapping(value)) throw wrongType(file, at, "a mapping");
  return value;
}

function readText(value: unknown, file: string, at: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  throw wrongType(file, at, "a text");
}

function readTexts(value: unknown, file: string, at: string): ReadonlyMap<string, string> {
  const entries = Object.entries(requireMapping(value, file, at));
  return new Map(entries.map(([name, text]) => [name, readText(text, file, `${at}: ${name}`)]));
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
  findings: [],
};
