import { REQUIRED_JOB_CLAIMS } from "../../../job-claims.ts";
import type { TokenCase } from "../token-case.ts";
import { tokensLike } from "../token-case.ts";
import { sampleOf } from "./jobs.ts";

const PATH = ["CI: path of names"];
const DEPRECATED = ["CI: deprecated types"];

const github = tokensLike(sampleOf("github-workflow-legacy"));
const gitlab = tokensLike(sampleOf("gitlab-pipeline-legacy"));
const buildkite = tokensLike(sampleOf("buildkite-job-legacy"));
const codefresh = tokensLike(sampleOf("codefresh"));

const GITLAB_CLAIMS = [
  "project_path",
  "pipeline_source",
  "pipeline_id",
  "ci_config_ref_uri",
  "job_id",
  "ref",
  "ref_type",
  "namespace_path",
  "namespace_id",
  "project_id",
  "sha",
  "runner_environment",
];

/** Jobs by the types that are part of Fulcio's program. */
export const DEPRECATED_TYPES: readonly TokenCase[] = [
  github("a job of GitHub"),
  github("a job of GitHub for an environment", { environment: "production" }),
  github(
    "a job of an enterprise of GitHub",
    {},
    { issuer: "https://token.actions.githubusercontent.com/octo-enterprise" },
  ),
  ...REQUIRED_JOB_CLAIMS.flatMap((name) => [
    github(`GitHub: no ${name}`, { [name]: undefined }),
    github(`GitHub: an empty ${name}`, { [name]: "" }),
  ]),
  github("GitHub: a number as run_id", { run_id: 7 }, { rows: DEPRECATED }),
  github("GitHub: null as run_id", { run_id: null }),
  github("GitHub: a list as workflow", { workflow: ["a"] }),
  github("GitHub: a workflow beyond ASCII", { workflow: "veröffentlichen 🚀 <b>" }),
  github("GitHub: a ref beyond ASCII", { ref: "refs/heads/grün ü" }),
  github(
    "GitHub: a file with spaces beyond ASCII",
    { job_workflow_ref: "o/r/.github/workflows/é b.yml@refs/heads/main" },
    { rows: DEPRECATED },
  ),
  github("GitHub: a file with what ends a path", { job_workflow_ref: "o/r/a.yml@refs/heads/a#b" }, { rows: PATH }),
  github("GitHub: a file that leads elsewhere", { job_workflow_ref: "o/r/../a.yml@refs/heads/a" }, { rows: PATH }),
  github("GitHub: a claim called url", { url: "https://evil.example" }, { rows: ["CI: defaults"] }),

  gitlab("a job of GitLab"),
  gitlab("GitLab: a tag", { ref_type: "tag", ref: "v1.0.0" }),
  gitlab("GitLab: a ref of another type", { ref_type: "commit" }),
  gitlab("GitLab: no digest and no visibility", { ci_config_sha: undefined, project_visibility: undefined }),
  ...GITLAB_CLAIMS.flatMap((name) => [
    gitlab(`GitLab: no ${name}`, { [name]: undefined }),
    gitlab(`GitLab: an empty ${name}`, { [name]: "" }),
  ]),
  gitlab("GitLab: no runner", { runner_id: undefined }),
  gitlab("GitLab: the runner 0", { runner_id: 0 }, { rows: DEPRECATED }),
  gitlab("GitLab: a runner with a fraction", { runner_id: 1.5 }, { rows: DEPRECATED }),
  gitlab("GitLab: a number as the job", { job_id: 3659681386 }, { rows: DEPRECATED }),
  gitlab("GitLab: a text as the runner", { runner_id: "12270837" }, { rows: DEPRECATED }),
  gitlab(
    "GitLab: a project with spaces beyond ASCII",
    { project_path: "my-group/mein projekt ü" },
    { rows: DEPRECATED },
  ),
  gitlab(
    "GitLab: a job on a GitLab of one's own",
    { ci_config_ref_uri: "gitlab.example.com/a/b//.gitlab-ci.yml@refs/heads/main" },
    { issuer: "https://gitlab.example.com", rows: ["GitLab: URLs of projects"] },
  ),
  gitlab(
    "GitLab: a file of another host",
    { ci_config_ref_uri: "evil.example/a/b//.gitlab-ci.yml@refs/heads/main" },
    { rows: ["CI: host from a claim"] },
  ),

  buildkite("a job of Buildkite"),
  ...["organization_slug", "pipeline_slug"].flatMap((name) => [
    buildkite(`Buildkite: no ${name}`, { [name]: undefined }),
    buildkite(`Buildkite: an empty ${name}`, { [name]: "" }),
    buildkite(`Buildkite: a number as ${name}`, { [name]: 7 }, { rows: DEPRECATED }),
  ]),
  buildkite("Buildkite: a pipeline with spaces", { pipeline_slug: "a b ü" }),
  buildkite("Buildkite: a pipeline that leads elsewhere", { pipeline_slug: ".." }, { rows: PATH }),

  codefresh("a pipeline of Codefresh"),
  codefresh("Codefresh: a pipeline that was started by hand", {
    scm_repo_url: undefined,
    scm_ref: undefined,
    runner_environment: undefined,
  }),
  codefresh("Codefresh: nothing about the platform", { platform_url: undefined }),
  codefresh("Codefresh: another platform", { platform_url: "https://other.codefresh.io" }, { rows: ["CI: defaults"] }),
  ...["account_id", "pipeline_id", "workflow_id"].map((name) =>
    codefresh(`Codefresh: no ${name}`, { [name]: undefined }),
  ),
  ...["account_name", "pipeline_name"].map((name) =>
    codefresh(`Codefresh: no ${name}`, { [name]: undefined }, { rows: DEPRECATED }),
  ),
];
