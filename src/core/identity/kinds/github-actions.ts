import { optionalClaim, requiredClaim } from "../claim.ts";
import { buildSubjectUri, joinUri } from "../certificate-uri.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import type { IdentityRules } from "../issuer.ts";
import type { FulcioExtensions, Principal } from "../principal.ts";

/**
 * A GitHub Actions job: the workflow file it runs, at the ref it runs it from, names the certificate; the challenge is
 * the token's subject. Extensions are those of Fulcio's `github-workflow` provider. The host in every URI is the
 * operator's: no claim can change it.
 *
 * @throws MayflyError TOKEN_CLAIM_MISSING, TOKEN_CLAIM_INVALID or SAN_NOT_PERMITTED
 */
export function deriveGithubActionsPrincipal(
  token: VerifiedIdToken,
  rules: Extract<IdentityRules, { kind: "github-actions" }>,
): Principal {
  const claim = (name: string): string => requiredClaim(token.claims, name);
  return {
    challenge: token.subject,
    challengeClaim: "sub",
    subjectAltName: {
      kind: "uri",
      value: buildSubjectUri(rules.baseUrl, claim("job_workflow_ref"), "job_workflow_ref"),
    },
    extensions: deriveExtensions(token, rules.baseUrl),
  };
}

function deriveExtensions(token: VerifiedIdToken, baseUrl: string): FulcioExtensions {
  const claim = (name: string): string => requiredClaim(token.claims, name);
  const uri = (name: string): string => joinUri(baseUrl, claim(name), name);
  const run = `actions/runs/${claim("run_id")}/attempts/${claim("run_attempt")}`;
  const environment = optionalClaim(token.claims, "environment");
  return {
    issuer: token.issuer.url,
    githubWorkflowTrigger: claim("event_name"),
    githubWorkflowSha: claim("sha"),
    githubWorkflowName: claim("workflow"),
    githubWorkflowRepository: claim("repository"),
    githubWorkflowRef: claim("ref"),
    buildSignerUri: uri("job_workflow_ref"),
    buildSignerDigest: claim("job_workflow_sha"),
    runnerEnvironment: claim("runner_environment"),
    sourceRepositoryUri: uri("repository"),
    sourceRepositoryDigest: claim("sha"),
    sourceRepositoryRef: claim("ref"),
    sourceRepositoryIdentifier: claim("repository_id"),
    sourceRepositoryOwnerUri: uri("repository_owner"),
    sourceRepositoryOwnerIdentifier: claim("repository_owner_id"),
    buildConfigUri: uri("workflow_ref"),
    buildConfigDigest: claim("workflow_sha"),
    buildTrigger: claim("event_name"),
    runInvocationUri: joinUri(uri("repository"), run, "run_id or run_attempt"),
    sourceRepositoryVisibilityAtSigning: claim("repository_visibility"),
    ...(environment === undefined ? {} : { deploymentEnvironment: environment }),
    tokenSubject: token.subject,
  };
}
