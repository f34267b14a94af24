import type { FulcioCiMetadata, FulcioExtensionName, FulcioIssuer } from "./fulcio-issuer-file.ts";
import { nearestName } from "./nearest-name.ts";

/** What an issuer's tokens become with Mayfly, or why they cannot yet. */
export type IdentityTranslation =
  | { readonly kind: "email"; readonly skipEmailVerification: boolean }
  | { readonly kind: "github-actions"; readonly baseUrl: string; readonly addsEnvironment: boolean }
  /** Fulcio takes its tokens, Mayfly cannot. */
  | { readonly kind: "missing"; readonly reason: string }
  /** Fulcio takes none of its tokens either. */
  | { readonly kind: "unused"; readonly reason: string };

/** The name that a certificate of each kind has which Mayfly does not issue. */
const NAMES_OF_OTHER_KINDS: ReadonlyMap<string, string> = new Map([
  ["username", "`sub` and the subject domain as an otherName"],
  ["uri", "`sub` as a URI of the subject domain"],
  ["spiffe", "`sub` as a SPIFFE ID of the trust domain"],
  ["kubernetes", "a service account as a URI of kubernetes.io"],
  ["chainguard-identity", "`sub` below the issuer's URL"],
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
  if (type === "email") return translateEmail(issuer);
  if (type === "github-workflow") return { kind: "github-actions", baseUrl: GITHUB, addsEnvironment: true };
  if (type === "ci-provider") return translateCiProvider(issuer["ci-provider"], ciMetadata);
  const name = NAMES_OF_OTHER_KINDS.get(type);
  if (name === undefined) return { kind: "unused", reason: "Fulcio has no identities of this type" };
  return { kind: "missing", reason: `Mayfly has no identities of type ${type} yet (${name})` };
}

function translateEmail(issuer: FulcioIssuer): IdentityTranslation {
  const claim = issuer["issuer-claim"];
  if (claim === "") return { kind: "email", skipEmailVerification: issuer["skip-email-verification"] };
  return {
    kind: "missing",
    reason: `its certificates name the issuer that the claim at ${claim} says (issuer-claim), Mayfly's always the token's own`,
  };
}

const GITHUB = "https://github.com";

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
      kind: "github-actions",
      baseUrl: metadata.defaults.get("url") ?? "",
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
