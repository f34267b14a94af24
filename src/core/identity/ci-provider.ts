import { isNameAuthority } from "./certificate-uri.ts";
import type { FulcioExtensions } from "./principal.ts";
import { parseTemplate } from "./template/parse-template.ts";
import { originOf } from "./template/assemble-uri.ts";
import { bindTemplate, claimsIn, TemplateError } from "./template/template.ts";
import type { Template, TemplatePart } from "./template/template.ts";

/** Fulcio's extensions that a template can fill, by their names in its issuer file; issuer and subject are the token's own. */
export const EXTENSION_FIELDS = {
  "github-workflow-trigger": "githubWorkflowTrigger",
  "github-workflow-sha": "githubWorkflowSha",
  "github-workflow-name": "githubWorkflowName",
  "github-workflow-repository": "githubWorkflowRepository",
  "github-workflow-ref": "githubWorkflowRef",
  "build-signer-uri": "buildSignerUri",
  "build-signer-digest": "buildSignerDigest",
  "runner-environment": "runnerEnvironment",
  "source-repository-uri": "sourceRepositoryUri",
  "source-repository-digest": "sourceRepositoryDigest",
  "source-repository-ref": "sourceRepositoryRef",
  "source-repository-identifier": "sourceRepositoryIdentifier",
  "source-repository-owner-uri": "sourceRepositoryOwnerUri",
  "source-repository-owner-identifier": "sourceRepositoryOwnerIdentifier",
  "build-config-uri": "buildConfigUri",
  "build-config-digest": "buildConfigDigest",
  "build-trigger": "buildTrigger",
  "run-invocation-uri": "runInvocationUri",
  "source-repository-visibility-at-signing": "sourceRepositoryVisibilityAtSigning",
  "deployment-environment": "deploymentEnvironment",
} as const satisfies Readonly<Record<string, Exclude<keyof FulcioExtensions, "issuer" | "tokenSubject">>>;

/** Name of an extension that a template can fill, as in Fulcio's issuer file. */
export type ExtensionName = keyof typeof EXTENSION_FIELDS;

/** What a claim that templates use must be. */
export interface ClaimPolicy {
  /** Whether a token without it, or with an empty one, is refused whatever the templates need; else only when they do. */
  readonly required: boolean;
  /** What stands for it when the token does not have it; undefined when a template that needs it cannot do without. */
  readonly absent?: string;
  /** All that it may say. */
  readonly oneOf?: readonly string[];
}

/** The operator's value for a name in templates: a text, or scheme and host of the token's issuer. */
export type Setting = { readonly kind: "text"; readonly text: string } | { readonly kind: "issuer-origin" };

/** A CI platform in words: what its tokens say, and what the certificate says of it. */
export interface CiProviderDefinition {
  /** As the operator knows it: the name of a pack, or of Fulcio's metadata. */
  readonly provider: string;
  readonly settings: ReadonlyMap<string, Setting>;
  /** Every claim that a template uses, and others that tokens must have. */
  readonly claims: ReadonlyMap<string, ClaimPolicy>;
  readonly subjectAltName: string;
  readonly extensions: ReadonlyMap<ExtensionName, string>;
}

/** A {@link CiProviderDefinition} whose templates are parsed and checked; plain data. */
export interface CiProviderRules {
  readonly kind: "ci-provider";
  readonly provider: string;
  readonly settings: ReadonlyMap<string, Setting>;
  readonly claims: ReadonlyMap<string, ClaimPolicy>;
  readonly subjectAltName: Template;
  readonly extensions: readonly {
    readonly field: (typeof EXTENSION_FIELDS)[ExtensionName];
    readonly template: Template;
  }[];
}

/** Why a definition makes no rules: what is wrong, and where. */
export class CiProviderError extends Error {
  override readonly name = "CiProviderError";
  /** `subject-alternative-name-template`, or the name of an extension, claim or setting. */
  readonly field: string;

  constructor(field: string, what: string, options?: ErrorOptions) {
    super(what, options);
    this.field = field;
  }
}

/** The field of a {@link CiProviderError} about the name's template. */
export const NAME_FIELD = "subject-alternative-name-template";

/**
 * Parses and checks what can be known about a provider before there is a token.
 *
 * @throws CiProviderError for a template that is none, a name that is neither setting nor claim, a claim that nothing uses,
 *   and a name whose URL could never be one
 */
export function buildCiProviderRules(definition: CiProviderDefinition): CiProviderRules {
  const { provider, settings, claims } = definition;
  const names = new Set(settings.keys());
  const texts = new Map(
    [...settings].flatMap(([name, one]) => (one.kind === "text" ? [[name, one.text] as const] : [])),
  );
  for (const name of names) {
    if (claims.has(name)) throw new CiProviderError(name, "both a setting and a claim");
  }
  const parse = (field: string, source: string): Template => {
    const template = parseField(field, source, names);
    for (const name of claimsIn(template)) {
      if (!claims.has(name))
        throw new CiProviderError(field, `${name} is neither a setting nor a claim of ${provider}`);
    }
    return bindTemplate(template, texts);
  };
  const subjectAltName = parse(NAME_FIELD, definition.subjectAltName);
  checkName(subjectAltName);
  const extensions = [...definition.extensions].map(([name, source]) => ({
    field: EXTENSION_FIELDS[name],
    template: parse(name, source),
  }));
  checkUse(claims, [subjectAltName, ...extensions.map(({ template }) => template)]);
  return { kind: "ci-provider", provider, settings, claims, subjectAltName, extensions };
}

function parseField(field: string, source: string, settings: ReadonlySet<string>): Template {
  try {
    return parseTemplate(source, settings);
  } catch (cause) {
    if (cause instanceof TemplateError) throw new CiProviderError(field, cause.message, { cause });
    throw cause;
  }
}

/** A claim that may be absent and that no template asks for is a name that was mistyped. */
function checkUse(claims: ReadonlyMap<string, ClaimPolicy>, templates: readonly Template[]): void {
  const used = new Set(templates.flatMap((template) => [...claimsIn(template)]));
  for (const [name, { required }] of claims) {
    if (!required && !used.has(name)) throw new CiProviderError(name, "no template uses this claim");
  }
}

/** What a name needs to be a URL whose host no token chooses, as far as the template alone tells. */
function checkName(template: Template): void {
  if (claimsIn(template).size === 0) {
    throw new CiProviderError(NAME_FIELD, "it uses no claim, so that all certificates would have the same name");
  }
  const { texts, mayBeEmpty } = startsOf(template);
  if (mayBeEmpty || !texts.every(startsUrl)) {
    throw new CiProviderError(NAME_FIELD, "expected https://HOST/ at its start");
  }
  if (textsIn(template).some((text) => /[?#\\]|%(?:2e|2f|5c)/iu.test(text))) {
    throw new CiProviderError(NAME_FIELD, "a name has no query, no fragment and no escaped separators");
  }
}

/** A claim right behind the text goes on with its host, and is judged with the token. */
function startsUrl(text: string): boolean {
  const origin = originOf(text);
  if (origin === undefined) return false;
  return origin === text || isNameAuthority(origin.slice(origin.indexOf("//") + 2));
}

/** How a template's output can start. */
interface Starts {
  /** The operator's texts there; a claim in their place is judged with the token, and the issuer's origin is a URL. */
  readonly texts: readonly string[];
  /** Whether there may be nothing, so that what follows is a start too. */
  readonly mayBeEmpty: boolean;
}

function startsOf(template: Template): Starts {
  const texts: string[] = [];
  for (const part of template) {
    const start = startsOfPart(part);
    texts.push(...start.texts);
    if (!start.mayBeEmpty) return { texts, mayBeEmpty: false };
  }
  return { texts, mayBeEmpty: true };
}

function startsOfPart(part: TemplatePart): Starts {
  switch (part.kind) {
    case "text":
      return { texts: [part.text], mayBeEmpty: false };
    case "setting":
    case "claim":
      return { texts: [], mayBeEmpty: false };
    case "choice": {
      const ways = [...part.branches.map(({ then }) => then), part.otherwise].map(startsOf);
      return { texts: ways.flatMap(({ texts }) => texts), mayBeEmpty: ways.some(({ mayBeEmpty }) => mayBeEmpty) };
    }
  }
}

function textsIn(template: Template): readonly string[] {
  return template.flatMap((part: TemplatePart) => {
    if (part.kind === "text") return [part.text];
    if (part.kind !== "choice") return [];
    return [...part.branches.map(({ then }) => then), part.otherwise].flatMap(textsIn);
  });
}
