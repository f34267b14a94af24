/**
 * What the development issuer's tokens say: the claims of a person's e-mail token, and those of a GitHub Actions job.
 */

/** Claim name → value; `undefined` leaves a claim out. */
export type TokenClaims = Readonly<Record<string, unknown>>;

/** Whose token it is: a person known by an e-mail address, or a GitHub Actions job. */
export type TokenKind = "email" | "github";

const EMAIL = "dev@example.com";
const REPOSITORY = "octo-org/octo-repo";
const ENVIRONMENT = "production";
const COMMIT = "8f3c2a7d5b1e4f6098a7c6d5e4b3a29180f7e6d5";

const text = (value: unknown, fallback: string): string => (typeof value === "string" ? value : fallback);

/** Claims of a person's token, as Dex and Google send them (OIDC Core §5.1); the subject is made from the address. */
function emailClaims(given: TokenClaims): TokenClaims {
  const email = text(given["email"], EMAIL);
  return { sub: `user:${email}`, email, email_verified: true, ...given };
}

/**
 * Claims of a job's token, all that GitHub documents for Actions; each value is text there, numbers and flags too.
 * What GitHub derives is derived here from `repository`, `ref`, `sha` and `environment`, unless given.
 */
function gitHubClaims(given: TokenClaims): TokenClaims {
  const repository = text(given["repository"], REPOSITORY);
  const ref = text(given["ref"], "refs/heads/main");
  const sha = text(given["sha"], COMMIT);
  // A job outside any environment has no such claim, and a subject made from its ref.
  const environment = "environment" in given ? given["environment"] || undefined : ENVIRONMENT;
  const workflowRef = `${repository}/.github/workflows/release.yml@${ref}`;
  return {
    sub: `repo:${repository}:${typeof environment === "string" ? `environment:${environment}` : `ref:${ref}`}`,
    repository,
    repository_owner: repository.split("/")[0],
    repository_owner_id: "65",
    repository_id: "74",
    repository_visibility: "public",
    enterprise: "octo-enterprise",
    enterprise_id: "42",
    actor: "octocat",
    actor_id: "12",
    workflow: "release",
    workflow_ref: workflowRef,
    workflow_sha: sha,
    job_workflow_ref: workflowRef,
    job_workflow_sha: sha,
    event_name: "push",
    sha,
    ref,
    ref_type: ref.startsWith("refs/tags/") ? "tag" : "branch",
    ref_protected: "true",
    head_ref: "",
    base_ref: "",
    run_id: "10264829105",
    run_number: "10",
    run_attempt: "1",
    check_run_id: "28410375966",
    runner_environment: "github-hosted",
    ...given,
    environment,
  };
}

/**
 * All claims of a token of this kind but those that any token has (`iss aud iat nbf exp jti`).
 *
 * @param given replaces what is there by default; a value that others are made from reaches those too
 */
export function tokenClaims(kind: TokenKind, given: TokenClaims = {}): TokenClaims {
  return kind === "email" ? emailClaims(given) : gitHubClaims(given);
}
