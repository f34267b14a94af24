import type { CiProviderDefinition, ClaimPolicy, ExtensionName, Setting } from "../core/identity/ci-provider.ts";
import { originOf } from "../core/identity/template/assemble-uri.ts";
import { parseTemplate } from "../core/identity/template/parse-template.ts";
import { scanTemplate } from "../core/identity/template/scan-template.ts";
import { claimsIn, TemplateError } from "../core/identity/template/template.ts";
import type { Template } from "../core/identity/template/template.ts";
import type { FulcioCiMetadata, FulcioExtensionName } from "./fulcio-issuer-file.ts";

/** Fulcio passes over these: it writes issuer and `sub` of the token. */
const NEVER_EVALUATED: ReadonlySet<FulcioExtensionName> = new Set<FulcioExtensionName>(["issuer", "subject"]);

/**
 * What Fulcio's `ci-issuer-metadata` says of a provider, in our words. For every token whose certificate Fulcio can make, it
 * is the same certificate, but that no claim decides about a host:
 *
 * - A default that is a URL, or that a template puts behind `https://`, is a setting, which no claim replaces.
 * - Where the name takes its host from a claim, as GitLab's does, the platform is the issuer itself, and so are its URLs.
 * - A claim without a default is required where a template comes to need it, also by `index`, which gives Fulcio an empty
 *   text; it stays optional where only conditions and extensions of its own ask for it so, as there nothing gets a hole.
 *
 * @throws TemplateError never: what is no template is left to whoever builds rules of the definition
 */
export function fulcioProviderDefinition(provider: string, metadata: FulcioCiMetadata): CiProviderDefinition {
  const extensions = new Map(
    [...metadata.extensions].filter(
      (entry): entry is [ExtensionName, string] => !NEVER_EVALUATED.has(entry[0]) && entry[1].trim() !== "",
    ),
  );
  const sources = [metadata.subjectAlternativeName, ...extensions.values()];
  const templates = sources.map(parsed);
  const behindScheme = new Set(templates.flatMap((template) => [...namesBehindScheme(template)]));
  const isSetting = (name: string, text: string): boolean =>
    originOf(text) !== undefined || (text !== "" && behindScheme.has(name));
  const isPlatform = hasClaimForHost(templates[0] ?? [], metadata.defaults);
  const settings = [...metadata.defaults].filter(([name, text]) => isSetting(name, text));
  return {
    provider,
    settings: new Map(settings.map(([name, text]) => [name, bindSetting(text, isPlatform)])),
    claims: claimPolicies(sources, metadata.defaults, new Set(settings.map(([name]) => name))),
    subjectAltName: metadata.subjectAlternativeName,
    extensions,
  };
}

/** Only scheme and host are the issuer's; a path behind them is the operator's word. */
function bindSetting(text: string, isPlatform: boolean): Setting {
  return isPlatform && originOf(text) === text ? { kind: "issuer-origin" } : { kind: "text", text };
}

function claimPolicies(
  sources: readonly string[],
  defaults: ReadonlyMap<string, string>,
  settings: ReadonlySet<string>,
): ReadonlyMap<string, ClaimPolicy> {
  const needed = new Set(sources.flatMap((source, index) => [...namesThatLeaveHoles(source, index === 0)]));
  const used = new Set(sources.flatMap((source) => [...claimsIn(parsed(source))]));
  const policy = (name: string): ClaimPolicy => {
    const absent = defaults.get(name) ?? (needed.has(name) ? undefined : "");
    return absent === undefined ? { required: false } : { required: false, absent };
  };
  return new Map([...used].filter((name) => !settings.has(name)).map((name) => [name, policy(name)]));
}

/** The names that a missing value would make a hole for: all but those of `index` in conditions or alone. */
function namesThatLeaveHoles(source: string, isName: boolean): ReadonlySet<string> {
  const template = parsed(source);
  const [only, more] = template;
  if (isName) return claimsIn(template);
  const shown = more === undefined && only?.kind === "claim" ? [] : template.flatMap(shownIn);
  return new Set([...shown, ...[...claimsIn(template)].filter((name) => !indexedNames(source).has(name))]);
}

/** The claims that stand in the output itself. */
function shownIn(part: Template[number]): readonly string[] {
  if (part.kind === "claim") return [part.name];
  if (part.kind !== "choice") return [];
  return [...part.branches.map(({ then }) => then), part.otherwise].flatMap((way) => way.flatMap(shownIn));
}

/** The names that a template asks for by `index` and never by a dot. */
function indexedNames(source: string): ReadonlySet<string> {
  if (!source.includes("{{")) return new Set();
  const words = scanned(source).flatMap((lexeme) => (lexeme.kind === "action" ? lexeme.words : []));
  const fields = new Set(words.filter(({ kind }) => kind === "field").map(({ text }) => text));
  const indexed = words.filter((_, at) => words[at - 2]?.kind === "word" && words[at - 2]?.text === "index");
  return new Set(indexed.map(({ text }) => text).filter((name) => !fields.has(name)));
}

/** The names right behind a scheme, in which a host stands. */
function namesBehindScheme(template: Template): ReadonlySet<string> {
  const names = template.filter((_, at) => {
    const before = template[at - 1];
    return before?.kind === "text" && /https?:\/\/$/u.test(before.text);
  });
  return new Set(names.flatMap((part) => (part.kind === "claim" ? [part.name] : [])));
}

function hasClaimForHost(name: Template, defaults: ReadonlyMap<string, string>): boolean {
  return [...namesBehindScheme(name)].some((claim) => !defaults.has(claim));
}

const parsed = (source: string): Template => orNone(() => parseTemplate(source));
const scanned = (source: string): ReturnType<typeof scanTemplate> => orNone(() => scanTemplate(source));

/** What is no template says nothing about names; the rules that are built of it will be refused for it. */
function orNone<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof TemplateError) return [];
    throw error;
  }
}
