import type { IdentityRules } from "../../src/core/identity/issuer.ts";
import type { CiProviderRules, ExtensionName } from "../../src/core/identity/ci-provider.ts";
import { openProviderPack, providerFile } from "../../src/config/provider-pack.ts";
import type { OpenedPack } from "../../src/config/provider-pack.ts";

/** One sample token of a provider pack, with all that the sample before it said. */
export interface ProviderSample {
  readonly name: string;
  readonly issuer: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly certificate: SampleCertificate | undefined;
  readonly refused: string | undefined;
}

/** What the certificate for a sample must say. */
export interface SampleCertificate {
  readonly subjectAlternativeName: string;
  readonly extensions: Readonly<Partial<Record<ExtensionName, string>>>;
}

/** The samples of a pack, complete; a pattern as the first issuer has a word in the place of each star. */
export function samplesOf({ pack }: OpenedPack): readonly ProviderSample[] {
  const complete = new Map<string, ProviderSample>();
  for (const { name, like, ...sample } of pack.samples) {
    const base = like === undefined ? undefined : complete.get(like);
    if (like !== undefined && base === undefined) throw new Error(`${pack.name}: no sample above is called ${like}`);
    if (complete.has(name)) throw new Error(`${pack.name}: two samples are called ${name}`);
    complete.set(name, {
      name,
      issuer: sample.issuer ?? base?.issuer ?? pack.issuers[0]?.replaceAll("*", "some") ?? "",
      settings: sample.settings ?? base?.settings ?? {},
      claims: without({ ...base?.claims, ...sample.claims }, sample.without),
      certificate: certificateOf(sample.certificate, base?.certificate),
      refused: sample.refused,
    });
  }
  return [...complete.values()];
}

type WrittenCertificate = OpenedPack["pack"]["samples"][number]["certificate"];

function certificateOf(
  written: WrittenCertificate,
  base: SampleCertificate | undefined,
): SampleCertificate | undefined {
  if (written === undefined) return undefined;
  return {
    subjectAlternativeName: written.subjectAlternativeName ?? base?.subjectAlternativeName ?? "",
    extensions: without({ ...base?.extensions, ...written.extensions }, written.without),
  };
}

function without<T extends Readonly<Record<string, unknown>>>(members: T, names: readonly string[]): T {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name))) as T;
}

/** The rules of a pack; fails for settings that are not its own. */
export function rulesOf(opened: OpenedPack, settings: Readonly<Record<string, string>> = {}): IdentityRules {
  return opened.kind === "identity" ? opened.pack.identity : templateRulesOf(opened, settings);
}

function templateRulesOf(
  { makeRules }: Extract<OpenedPack, { kind: "templates" }>,
  settings: Readonly<Record<string, string>>,
): CiProviderRules {
  const made = makeRules(settings);
  if ("rules" in made) return made.rules;
  throw new Error(made.problems.map(({ message }) => message).join("; "));
}

/** The rules of the pack of templates in a file. */
export function openRules(file: string, settings: Readonly<Record<string, string>> = {}): CiProviderRules {
  const opened = openProviderPack(file);
  if (opened.kind !== "templates") throw new Error(`${file} has no templates`);
  return templateRulesOf(opened, settings);
}

/** The rules for jobs of GitHub Actions whose repositories are at `url`. */
export function githubRules(url = "https://github.com"): CiProviderRules {
  return openRules(providerFile("github-actions"), { url });
}
