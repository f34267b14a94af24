import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { buildCiProviderRules, CiProviderError, EXTENSION_FIELDS, NAME_FIELD } from "../core/identity/ci-provider.ts";
import type { CiProviderRules, ClaimPolicy, ExtensionName, Setting } from "../core/identity/ci-provider.ts";
import { nearestName } from "./nearest-name.ts";
import { kindPackSchema, templatePackSchema } from "./provider-schema.ts";
import type { KindPack, TemplatePack } from "./provider-schema.ts";
import type { ConfigProblem } from "./rule.ts";
import { schemaProblems } from "./schema-problems.ts";
import { parseYaml, readYamlFile } from "./yaml-file.ts";

/** The packs that come with Mayfly; at the same place beside `src/` and `dist/`. */
const FOLDER = fileURLToPath(new URL("../../config/providers/", import.meta.url));

/** A pack of templates that was read, and what makes rules of it. */
export interface OpenedTemplatePack {
  readonly kind: "templates";
  readonly pack: TemplatePack;
  /**
   * The rules for an issuer with the operator's settings.
   *
   * @returns problems, by their paths in `settings`, when these are not the pack's
   * @throws ConfigError naming what is wrong with the pack
   */
  readonly makeRules: (
    settings: Readonly<Record<string, string>>,
  ) => { readonly rules: CiProviderRules } | { readonly problems: readonly ConfigProblem[] };
}

/** A pack that was read; one without templates has its rules in itself. */
export type OpenedPack = OpenedTemplatePack | { readonly kind: "identity"; readonly pack: KindPack };

/** Names of the packs that come with Mayfly. */
export function providerNames(): readonly string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.slice(0, -".yaml".length))
    .sort();
}

/** The file of a pack that comes with Mayfly. */
export function providerFile(name: string): string {
  return join(FOLDER, `${name}.yaml`);
}

/**
 * Reads a provider pack.
 *
 * @throws ConfigError with file, line and path of what is wrong
 */
export function openProviderPack(file: string): OpenedPack {
  const { value, refuse } = parseYaml(readYamlFile(file), file);
  const schema = isRecord(value) && "identity" in value ? kindPackSchema : templatePackSchema;
  const parsed = schema.safeParse(value);
  if (!parsed.success) return refuse(schemaProblems(parsed.error, () => z.toJSONSchema(schema, { io: "input" })));
  const pack = parsed.data;
  if ("identity" in pack) return { kind: "identity", pack };
  const problems = repeatedClaims(pack);
  return problems.length > 0 ? refuse(problems) : openTemplates(pack, refuse);
}

const isRecord = (value: unknown): value is object => typeof value === "object" && value !== null;

function openTemplates(pack: TemplatePack, refuse: (problems: readonly ConfigProblem[]) => never): OpenedTemplatePack {
  return {
    kind: "templates",
    pack,
    makeRules: (written) => {
      const bound = bindSettings(pack, written);
      if (bound.problems.length > 0) return { problems: bound.problems };
      try {
        return { rules: buildRules(pack, bound.settings) };
      } catch (error) {
        if (error instanceof CiProviderError) return refuse([{ path: pathOf(error.field), message: error.message }]);
        throw error;
      }
    },
  };
}

function buildRules(pack: TemplatePack, settings: ReadonlyMap<string, Setting>): CiProviderRules {
  return buildCiProviderRules({
    provider: pack.name,
    settings,
    claims: claimPolicies(pack),
    subjectAltName: pack.subjectAlternativeName,
    extensions: new Map(Object.entries(pack.extensions) as [ExtensionName, string][]),
  });
}

interface BoundSettings {
  readonly settings: ReadonlyMap<string, Setting>;
  readonly problems: readonly ConfigProblem[];
}

function bindSettings(
  { name: provider, settings }: TemplatePack,
  written: Readonly<Record<string, string>>,
): BoundSettings {
  const known = new Map(Object.entries(settings));
  const said = new Map(Object.entries(written));
  const bound = new Map<string, Setting>();
  const problems: ConfigProblem[] = [];
  for (const [name, setting] of known) {
    const made = bindSetting(setting, said.get(name));
    if (made === undefined) problems.push({ path: ["settings"], message: `${provider} needs a value for ${name}` });
    else if ("fault" in made) problems.push({ path: ["settings", name], message: made.fault });
    else bound.set(name, made);
  }
  for (const name of said.keys()) {
    if (known.has(name)) continue;
    const nearest = nearestName(name, [...known.keys()]);
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    problems.push({ path: ["settings", name], message: `${provider} has no such setting${hint}` });
  }
  return { settings: bound, problems };
}

const isUrl = (text: string): boolean => text.includes("://");

/** What is said takes the place of what the pack says, so it has the same form. */
function bindSetting(
  { default: usual, issuerOrigin }: TemplatePack["settings"][string],
  said: string | undefined,
): Setting | { readonly fault: string } | undefined {
  const text = said ?? usual;
  if (text === undefined) return issuerOrigin === true ? { kind: "issuer-origin" } : undefined;
  if (usual !== undefined && !isUrl(usual)) {
    return isUrl(text) ? { fault: `expected a host without a scheme, as ${usual}` } : { kind: "text", text };
  }
  const needsUrl = usual !== undefined || issuerOrigin === true;
  return needsUrl && !isUrl(text) ? { fault: "expected https://host" } : { kind: "text", text };
}

const lists = ({ claims }: TemplatePack): readonly (readonly string[])[] => [
  claims.required,
  claims.optional,
  claims.whenUsed,
  Object.keys(claims.defaults),
];

function repeatedClaims(pack: TemplatePack): readonly ConfigProblem[] {
  const names = lists(pack).flat();
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  const unknown = Object.keys(pack.claims.values).filter((name) => !names.includes(name));
  return [
    ...repeated.map((name) => ({ path: ["claims"], message: `${name} stands here twice` })),
    ...unknown.map((name) => ({ path: ["claims", "values", name], message: "a claim that is in no list above" })),
  ];
}

function claimPolicies({ claims }: TemplatePack): ReadonlyMap<string, ClaimPolicy> {
  const values = new Map(Object.entries(claims.values));
  const policy = (name: string, rest: ClaimPolicy): [string, ClaimPolicy] => {
    const oneOf = values.get(name);
    return [name, oneOf === undefined ? rest : { ...rest, oneOf }];
  };
  return new Map([
    ...claims.required.map((name) => policy(name, { required: true })),
    ...claims.whenUsed.map((name) => policy(name, { required: false })),
    ...claims.optional.map((name) => policy(name, { required: false, absent: "" })),
    ...Object.entries(claims.defaults).map(([name, absent]) => policy(name, { required: false, absent })),
  ]);
}

/** Where in its file a pack says what a {@link CiProviderError} is about. */
function pathOf(field: string): readonly string[] {
  if (field === NAME_FIELD) return ["subjectAlternativeName"];
  return Object.hasOwn(EXTENSION_FIELDS, field) ? ["extensions", field] : ["claims"];
}
