import { openProviderPack, providerFile } from "../../../../../src/config/provider-pack.ts";
import { REQUIRED_JOB_CLAIMS } from "../../../job-claims.ts";
import { samplesOf } from "../../../provider-samples.ts";
import type { Claims, GoodToken, TokenCase } from "../token-case.ts";
import { tokensLike, written } from "../token-case.ts";

const UNFIT = ["claims unfit for a certificate"];
const TYPE = ["CI: type of claims"];
const NUMBERS = ["CI: numbers"];
const PATH = ["CI: path of names"];
const ESCAPES = ["CI: escapes"];
const HOLES = ["CI: missing claims"];
const DEFAULTS = ["CI: defaults"];

/** The first sample of a provider pack. */
export function sampleOf(pack: string): GoodToken {
  const [sample] = samplesOf(openProviderPack(providerFile(pack)));
  if (sample === undefined) throw new Error(`${pack} has no sample`);
  return sample;
}

const github = tokensLike(sampleOf("github-actions"));

const called = (path: string): Claims => ({ job_workflow_ref: `octo-org/automation/${path}` });

/** Jobs of GitHub Actions. */
export const GITHUB: readonly TokenCase[] = [
  github("a job"),
  github("a job of an enterprise", {}, { issuer: "https://token.actions.githubusercontent.com/octo-enterprise" }),
  github("a job of an enterprise with a path of two parts", { iss: "https://token.actions.githubusercontent.com/a/b" }),
  github("a job without environment", { environment: undefined }),
  ...REQUIRED_JOB_CLAIMS.map((name) => github(`no ${name}`, { [name]: undefined }, { rows: UNFIT })),
  ...REQUIRED_JOB_CLAIMS.map((name) => github(`an empty ${name}`, { [name]: "" }, { rows: TYPE })),
  ...["job_workflow_ref", "workflow", "run_id"].flatMap((name) => [
    github(`null as ${name}`, { [name]: null }, { rows: TYPE }),
    github(`a list as ${name}`, { [name]: ["a", 1] }, { rows: TYPE }),
    github(`an object as ${name}`, { [name]: { a: 1 } }, { rows: TYPE }),
    github(`${name} with a line break`, { [name]: "a\nb" }, { rows: name === "job_workflow_ref" ? UNFIT : TYPE }),
  ]),
  github("an environment that is null", { environment: null }, { rows: TYPE }),
  github("an environment that is a number", { environment: 7 }),
  github("an environment that is a boolean", { environment: false }),
  ...["1", "0", "-1", "1.4", "1.0", "1.50", "1e3", "123456", "0.5", "0.0001", "1e-7"].map((number) =>
    github(`the run ${number}`, { run_id: written(number) }),
  ),
  ...[
    "1234567",
    "1000000.0",
    "1753000000",
    "9007199254740991",
    "9007199254740993",
    "0.1234567890123456789",
    "1e21",
  ].map((number) => github(`the run ${number}`, { run_id: written(number) }, { rows: NUMBERS })),
  github("the run -0", { run_id: written("-0") }, { rows: TYPE }),
  github("the run 1e400", { run_id: written("1e400") }, { rows: UNFIT }),
  ...["a+b=c", "grün", "a b", "a;b,c&d$e:f@g", 'a<b>{c}|d^e`f"g', "[a]", "!'()*", "~a-b_c.d", "a%20b", "100%25"].map(
    (ref) => github(`a ref called ${ref}`, called(`.github/workflows/a.yml@refs/heads/${ref}`)),
  ),
  ...["a#b", "a?b", "a#?b", "a\\b", "a//b", "a/../b", "./a", "a/", "a%2fb", "a%2E%2e/b", " /a"].map((ref) =>
    github(`a ref called ${ref}`, called(`.github/workflows/a.yml@refs/heads/${ref}`), { rows: PATH }),
  ),
  ...["100%", "a%zzb", "a%20b c", "%grün"].map((ref) =>
    github(`a ref called ${ref}`, called(`.github/workflows/a.yml@refs/heads/${ref}`), { rows: ESCAPES }),
  ),
  github("a workflow outside of a repository", { job_workflow_ref: "/a" }, { rows: PATH }),
  github("a repository with spaces", { repository: "octo org/a b" }),
  github("a repository that leads elsewhere", { repository: "octo-org/../evil" }, { rows: PATH }),
  github("a workflow of 1,024 bytes", { workflow: "w".repeat(1024) }),
  github("a workflow of 1,025 bytes", { workflow: "w".repeat(1025) }, { rows: ["length"] }),
  github("a workflow beyond ASCII", { workflow: "veröffentlichen 🚀 <b>&amp;</b> \"x\" 'y' {{ .sub }}" }),
  github("a claim called url that says the same", { url: "https://github.com" }),
  github("a claim called url", { url: "https://evil.example" }, { rows: DEFAULTS }),
  github("an empty claim called url", { url: "" }, { rows: DEFAULTS }),
  github("a claim in capitals", { SHA: "a" }),
  github("no subject", { sub: undefined }, { rows: ["`sub`"] }),
];

const gitlab = tokensLike(sampleOf("gitlab-ci"));
const file = (text: string): Claims => ({ ci_config_ref_uri: `gitlab.com/my-group/my-project//${text}` });
const ofHost = (host: string): Claims => ({
  ci_config_ref_uri: `${host}/my-group/my-project//.gitlab-ci.yml@refs/heads/main`,
});

/** Pipelines of GitLab, in the cloud and on one's own. */
export const GITLAB: readonly TokenCase[] = [
  gitlab("a job"),
  gitlab("a job of a tag", { ref_type: "tag", ref: "v1.0.0" }),
  gitlab("a job of something else", { ref_type: "commit" }),
  gitlab("a job without environment", { environment: undefined }),
  ...[
    "ci_config_ref_uri",
    "ci_config_sha",
    "runner_environment",
    "project_path",
    "sha",
    "ref_type",
    "ref",
    "project_id",
    "namespace_id",
    "namespace_path",
    "pipeline_source",
    "job_id",
    "project_visibility",
  ].flatMap((name) => [
    gitlab(`no ${name}`, { [name]: undefined }, { rows: UNFIT }),
    gitlab(`an empty ${name}`, { [name]: "" }, { rows: TYPE }),
  ]),
  gitlab("no runner", { runner_id: undefined }),
  gitlab("numbers for identifiers", { project_id: 42831435, namespace_id: 7, job_id: 3659681386 }, { rows: NUMBERS }),
  gitlab("a ref with what ends a path", { ref: "a#b?c%d e" }),
  ...[".gitlab-ci.yml@refs/heads/grün", "a b.yml@refs/heads/main", "a//b.yml@refs/heads/main"].map((text) =>
    gitlab(`the file ${text}`, file(text)),
  ),
  ...["a.yml@refs/heads/a#b", "a.yml@refs/heads/a?b", "../a.yml@refs/heads/main", "a%2fb.yml@refs/heads/main"].map(
    (text) => gitlab(`the file ${text}`, file(text), { rows: PATH }),
  ),
  gitlab("the file 100%.yml", file("100%.yml@refs/heads/main"), { rows: ESCAPES }),
  ...[
    "evil.example",
    "gitlab.com.evil.example",
    "gitlab.com:8443",
    "jane@gitlab.com",
    "GitLab.com",
    "gitlab.com@evil.example",
  ].map((host) => gitlab(`a file on ${host}`, ofHost(host), { rows: ["CI: host from a claim"] })),
  gitlab("a project with spaces beyond ASCII", { project_path: "my-group/mein projekt ü", namespace_path: "my-group" }),
  gitlab("a project with what ends a path", { project_path: "my-group/a#b" }, { rows: PATH }),
  gitlab("a claim called url", { url: "https://evil.example" }, { rows: DEFAULTS }),
  ...["https://gitlab.archlinux.org", "https://dev.gitlab.org", "https://ops.gitlab.net"].map((issuer) =>
    gitlab(`a job on ${issuer}`, ofHost(issuer.slice("https://".length)), {
      issuer,
      rows: ["GitLab: URLs of projects"],
    }),
  ),
  gitlab(
    "a file of gitlab.com in a token of another GitLab",
    {},
    { issuer: "https://dev.gitlab.org", rows: ["CI: host from a claim"] },
  ),
];

const buildkite = tokensLike(sampleOf("buildkite"));

/** Jobs of Buildkite. */
export const BUILDKITE: readonly TokenCase[] = [
  buildkite("a job"),
  ...[
    "organization_slug",
    "pipeline_slug",
    "build_number",
    "job_id",
    "runner_environment",
    "build_commit",
    "build_source",
  ].flatMap((name) => [
    buildkite(`no ${name}`, { [name]: undefined }, { rows: UNFIT }),
    buildkite(`an empty ${name}`, { [name]: "" }, { rows: TYPE }),
  ]),
  buildkite("the build 1e21", { build_number: written("1e21") }, { rows: NUMBERS }),
  buildkite("the build as a text", { build_number: "1234" }),
  ...["a b", "ä", "a:b", "a.b"].map((slug) => buildkite(`the pipeline ${slug}`, { pipeline_slug: slug })),
  ...["a#b", "a?b", "..", "a//b", "/a", "a/"].map((slug) =>
    buildkite(`the pipeline ${slug}`, { pipeline_slug: slug }, { rows: PATH }),
  ),
  buildkite("the pipeline 100%", { pipeline_slug: "100%" }, { rows: ESCAPES }),
  buildkite("a job with what ends a fragment", { job_id: "a#b" }, { rows: PATH }),
  buildkite("a claim called url", { url: "https://evil.example" }, { rows: DEFAULTS }),
];

const codefresh = tokensLike(sampleOf("codefresh"));

/** Pipelines of Codefresh. */
export const CODEFRESH: readonly TokenCase[] = [
  codefresh("a pipeline"),
  codefresh("a pipeline that was started by hand", {
    scm_repo_url: undefined,
    scm_ref: undefined,
    runner_environment: undefined,
  }),
  codefresh("nothing about the platform", { platform_url: undefined }),
  codefresh("another platform", { platform_url: "https://other.codefresh.io" }, { rows: DEFAULTS }),
  codefresh("an empty platform", { platform_url: "" }, { rows: DEFAULTS }),
  ...["account_id", "account_name", "pipeline_id", "pipeline_name", "workflow_id"].flatMap((name) => [
    codefresh(`no ${name}`, { [name]: undefined }, { rows: UNFIT }),
    codefresh(`an empty ${name}`, { [name]: "" }, { rows: TYPE }),
  ]),
  codefresh("a repository with what ends a path", { scm_repo_url: "https://github.com/a/b?c#d e", scm_ref: "a#b" }),
  codefresh("a pipeline with spaces", { pipeline_name: "my project/my pipeline ü" }),
  codefresh("a pipeline with what ends a path", { pipeline_name: "a?b" }, { rows: PATH }),
];

const circleci = tokensLike(sampleOf("circleci"));
const ofCircle = (name: string, value: unknown): Claims => ({ [`oidc.circleci.com/${name}`]: value });

/** Jobs of CircleCI. */
export const CIRCLECI: readonly TokenCase[] = [
  circleci("a job that runs again with SSH"),
  circleci("a job", ofCircle("ssh-rerun", false)),
  circleci("a job of the issuer of all", ofCircle("ssh-rerun", false), { issuer: "https://oidc.circleci.com" }),
  circleci("a job that says true in a text", ofCircle("ssh-rerun", "true")),
  circleci("a job that says nothing of SSH", ofCircle("ssh-rerun", undefined)),
  circleci("a job without origin", { ...ofCircle("vcs-origin", undefined), ...ofCircle("vcs-ref", undefined) }),
  circleci("an empty origin", ofCircle("vcs-origin", "")),
  ...["project-id", "pipeline-definition-id", "pipeline-id", "workflow-id", "job-id"].flatMap((name) => [
    circleci(`no ${name}`, ofCircle(name, undefined), { rows: HOLES }),
    circleci(`an empty ${name}`, ofCircle(name, ""), { rows: TYPE }),
  ]),
  circleci("an origin that is null", ofCircle("vcs-origin", null), { rows: TYPE }),
  circleci("a project that leads elsewhere", ofCircle("project-id", ".."), { rows: PATH }),
  circleci("a claim called api_url", { api_url: "https://evil.example" }, { rows: DEFAULTS }),
  circleci("an organization with a path of two parts", { iss: "https://oidc.circleci.com/org/a/b" }),
  circleci("no organization", { iss: "https://oidc.circleci.com/org/" }),
];

const buddy = tokensLike(sampleOf("buddy"));

/** Pipelines of Buddy. */
export const BUDDY: readonly TokenCase[] = [
  buddy("a pipeline", { pipeline_id: 42 }),
  buddy("a pipeline that deploys nothing", { pipeline_id: 42, revision: undefined, ref: undefined }),
  buddy("a pipeline of a great number", {}, { rows: NUMBERS }),
  buddy("a pipeline of a greater number", { pipeline_id: written("9007199254740993") }, { rows: NUMBERS }),
  buddy("a pipeline in Europe", { pipeline_id: 42 }, { issuer: "https://eu-oidc.buddyusercontent.com" }),
  buddy("no workspace", { workspace_domain: undefined }, { rows: UNFIT }),
  buddy("a list for a pipeline", { pipeline_id: [1] }, { rows: TYPE }),
];
