import type { FulcioCiMetadata, FulcioExtensionName, FulcioIssuer } from "./fulcio-issuer-file.ts";
import type { IdentityInput } from "./identity-schema.ts";
import { nearestName } from "./nearest-name.ts";

/** What an issuer's tokens become with Mayfly, or why they cannot. */
export type IdentityTranslation =
  /** `settings` is what stands at `identity` in our configuration. */
  | { readonly kind: "settings"; readonly settings: IdentityInput; readonly addsEnvironment?: boolean }
  /** Fulcio takes its tokens, Mayfly cannot. */
  | { readonly kind: "missing"; readonly reason: string }
  /** Fulcio takes none of its tokens either. */
  | { readonly kind: "unused"; readonly reason: string };

/** The name that a certificate of each kind has which Mayfly does not issue. */
const NAMES_OF_OTHER_KINDS: ReadonlyMap<string, string> = new Map([
  ["gitlab-pipeline", "a pipeline's configuration as a URI of gitlab.com"],
  ["buildkite-job", "a pipeline as a URI of buildkite.com"],
  ["codefresh-workflow", "a pipeline as a URI of its Codefresh"],
]);

/** The identities of an issuer of Fulcio's in our words; what is not exactly the same is `missing`. */
export function translateIdentity(
  issuer: FulcioIssuer,
  ciMetadata: ReadonlyMap<string, FulcioCiMetadata>,
): IdentityTranslation {
  const { type } = issuer;
  if (type !== "email" && issuer["issuer-claim"] !== "") {
    return { kind: "missing", reason: "only issuers of type email can have an issuer-claim" };
  }
  const settings = translatePlainKind(issuer);
  if (settings !== undefined) return { kind: "settings", settings };
  if (type === "github-workflow") return { ...githubActions(GITHUB), addsEnvironment: true };
  if (type === "ci-provider") return translateCiProvider(issuer["ci-provider"], ciMetadata);
  const name = NAMES_OF_OTHER_KINDS.get(type);
  if (name === undefined) return { kind: "unused", reason: "Fulcio has no identities of this type" };
  return { kind: "missing", reason: `Mayfly has no identities of type ${type} yet (${name})` };
}

/** The kinds that have neither templates nor a platform; undefined for others. */
function translatePlainKind(issuer: FulcioIssuer): IdentityInput | undefined {
  switch (issuer.type) {
    case "email":
      return translateEmail(issuer);
    case "uri":
    case "username":
      return { kind: issuer.type, subjectDomain: issuer["subject-domain"] };
    case "spiffe":
      return { kind: "spiffe", trustDomain: trustDomainOf(issuer["spiffe-trust-domain"]) };
    case "kubernetes":
      return { kind: "kubernetes" };
    case "chainguard-identity":
      return { kind: "chainguard" };
    default:
      return undefined;
  }
}

/** Fulcio takes the texts "true" and "True" of every issuer, and an address that is not verified where it is told so. */
function translateEmail(issuer: FulcioIssuer): IdentityInput {
  const issuerClaim = issuer["issuer-claim"];
  return {
    kind: "email",
    ...(issuer["skip-email-verification"] ? { emailTrust: "unverified" } : { acceptTextVerified: true }),
    ...(issuerClaim === "" ? {} : { issuerClaim }),
  };
}

/** Fulcio takes a bare name as well as a SPIFFE ID, of which it reads the trust domain. */
function trustDomainOf(text: string): string {
  return /^spiffe:\/\/(?<name>[^/]*)/u.exec(text)?.groups?.["name"] ?? text;
}

const GITHUB = "https://github.com";

function githubActions(baseUrl: string): Extract<IdentityTranslation, { kind: "settings" }> {
  const base = baseUrl === GITHUB ? {} : { baseUrl };
  return { kind: "settings", settings: { kind: "github-actions", ...base } };
}

/** Fulcio's own configuration did not always have it. */
const ENVIRONMENT = "deployment-environment";

/** What Fulcio's templates for GitHub Actions say, and `github-actions` does. */
const GITHUB_TEMPLATES: ReadonlyMap<FulcioExtensionName, string> = new Map<FulcioExtensionName, string>([
  ["github-workflow-trigger", "{{.event_name}}"],
  ["github-workflow-sha", "{{.sha}}"],
  ["github-workflow-name", "{{.workflow}}"],
  ["github-workflow-repository", "{{.repository}}"],
  ["github-workflow-ref", "{{.ref}}"],
  ["build-signer-uri", "{{.url}}/{{.job_workflow_ref}}"],
  ["build-signer-digest", "{{.job_workflow_sha}}"],
  ["runner-environment", "{{.runner_environment}}"],
  ["source-repository-uri", "{{.url}}/{{.repository}}"],
  ["source-repository-digest", "{{.sha}}"],
  ["source-repository-ref", "{{.ref}}"],
  ["source-repository-identifier", "{{.repository_id}}"],
  ["source-repository-owner-uri", "{{.url}}/{{.repository_owner}}"],
  ["source-repository-owner-identifier", "{{.repository_owner_id}}"],
  ["build-config-uri", "{{.url}}/{{.workflow_ref}}"],
  ["build-config-digest", "{{.workflow_sha}}"],
  ["build-trigger", "{{.event_name}}"],
  ["run-invocation-uri", "{{.url}}/{{.repository}}/actions/runs/{{.run_id}}/attempts/{{.run_attempt}}"],
  ["source-repository-visibility-at-signing", "{{.repository_visibility}}"],
  [ENVIRONMENT, "{{.environment}}"],
]);
const GITHUB_NAME = "{{.url}}/{{.job_workflow_ref}}";

/** Fulcio passes over these: it writes issuer and `sub` of the token. */
const NEVER_EVALUATED: ReadonlySet<FulcioExtensionName> = new Set<FulcioExtensionName>(["issuer", "subject"]);

function translateCiProvider(provider: string, all: ReadonlyMap<string, FulcioCiMetadata>): IdentityTranslation {
  const metadata = all.get(provider);
  if (metadata === undefined) {
    const nearest = nearestName(provider, [...all.keys()]);
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    return { kind: "unused", reason: `ci-issuer-metadata has no ${provider}, so Fulcio refuses its tokens${hint}` };
  }
  const differences = differencesFromGithub(metadata);
  if (differences.length === 0) {
    return {
      ...githubActions(metadata.defaults.get("url") ?? ""),
      addsEnvironment: (metadata.extensions.get(ENVIRONMENT) ?? "") === "",
    };
  }
  const which = differences.length > 3 ? "" : ` (other than there: ${differences.join(", ")})`;
  return {
    kind: "missing",
    reason: `Mayfly has no identities by templates yet, only those of GitHub Actions, and ${provider} is not the same${which}`,
  };
}

/** A claim's name alone is a template of that claim; blanks within braces mean nothing. */
function normalize(template: string): string {
  if (template.trim() === "") return "";
  if (!template.includes("{{")) return `{{.${template}}}`;
  return template.replaceAll(/\{\{\s*\.(?<name>[A-Za-z0-9_]+)\s*\}\}/gu, "{{.$<name>}}");
}

/** The names under which the templates say something else than those of GitHub Actions. */
function differencesFromGithub({ defaults, extensions, subjectAlternativeName }: FulcioCiMetadata): readonly string[] {
  const differing = [...extensions]
    .filter(([name]) => !NEVER_EVALUATED.has(name))
    .map(([name, template]) => ({ name, template: normalize(template) }))
    .filter(
      ({ name, template }) => template !== GITHUB_TEMPLATES.get(name) && !(template === "" && name === ENVIRONMENT),
    )
    .map(({ name }) => name);
  const environment = defaults.get("environment") ?? "";
  const otherDefaults = [...defaults.keys()].filter((name) => name !== "url" && name !== "environment");
  return [
    ...differing,
    ...otherDefaults.map((name) => `default of ${name}`),
    ...(environment === "" ? [] : ["default of environment"]),
    ...(defaults.has("url") ? [] : ["default of url"]),
    ...(normalize(subjectAlternativeName) === GITHUB_NAME ? [] : ["subject-alternative-name-template"]),
  ];
}
