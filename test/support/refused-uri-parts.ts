/** Claims of a job of GitHub Actions that become parts of URIs. */
export const URI_CLAIMS = [
  "job_workflow_ref",
  "repository",
  "repository_owner",
  "workflow_ref",
  "run_id",
  "run_attempt",
] as const;

/** Values that would leave their part of a URI. */
export const REFUSED_URI_PARTS = [
  "//evil.example/x",
  "/evil.example",
  "\\\\evil.example",
  "octo/../../evil",
  "octo/./repo",
  "..",
  ".",
  "octo//repo",
  "octo/repo/",
  "octo\\evil",
  "octo?query",
  "octo#fragment",
  "octo%2f..%2fevil",
  "octo%2Fevil",
  "octo/%2E%2e/evil",
  "octo%5cevil",
] as const;
