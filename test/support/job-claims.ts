/** Claims that the token of a GitHub Actions job must have, in the order in which Fulcio asks for them. */
export const REQUIRED_JOB_CLAIMS = [
  "job_workflow_ref",
  "sha",
  "event_name",
  "repository",
  "workflow",
  "ref",
  "job_workflow_sha",
  "runner_environment",
  "repository_id",
  "repository_owner",
  "repository_owner_id",
  "repository_visibility",
  "workflow_ref",
  "workflow_sha",
  "run_id",
  "run_attempt",
] as const;
