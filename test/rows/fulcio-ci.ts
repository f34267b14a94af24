import { REQUIRED_JOB_CLAIMS } from "../support/job-claims.ts";
import type { Row } from "./row.ts";

const claimsOf = (platform: string, first: number, claims: readonly string[]): readonly Row[] =>
  claims.map((claim, index) => ({
    id: `FC${String(first + index)}`,
    says: `${platform} token without ${claim}: 400, code 3; the log names the claim`,
  }));

/** Identities of CI platforms (`pkg/identity/*\/principal_test.go`) and their templates (`pkg/config/config_test.go`). */
export const fulcioCiRows: readonly Row[] = [
  { id: "FC142", says: "a template whose action is not closed, of an extension or of the name: the file is refused" },
  {
    id: "FC181",
    says: "Buildkite's own type: URI of organization and pipeline, and no extensions but issuer and subject",
  },
  ...claimsOf("Buildkite's own type:", 182, ["organization_slug", "pipeline_slug"]),
  ...claimsOf("GitHub's own type:", 184, REQUIRED_JOB_CLAIMS),
  { id: "FC200", says: "GitHub's own type: extensions 1 to 6, 8 to 22 and 24" },
  ...claimsOf("GitLab's own type:", 201, ["pipeline_source", "project_path", "ci_config_ref_uri"]),
  { id: "FC204", says: "GitLab's own type without ci_config_sha: issued without extensions 10 and 19" },
  { id: "FC205", says: "GitLab's own type without project_visibility: issued without extension 22" },
  { id: "FC206", says: "Codefresh's own type, started by hand: fields as mapped, no repository" },
  { id: "FC207", says: "Codefresh's own type, by a push: repository and ref" },
  { id: "FC208", says: "Codefresh's own type, by a pull request: repository and ref" },
  ...claimsOf("Codefresh's own type:", 209, ["workflow_id", "account_id", "pipeline_id"]),
  {
    id: "FC215",
    says: "claims as text: strings and booleans as they are, numbers without exponent and needless zeros",
  },
  { id: "FC216", says: "a template of several fields: joined text" },
  { id: "FC217", says: "characters of HTML in a claim: as they are" },
  { id: "FC218", says: "an empty action: refused" },
  { id: "FC219", says: "a template with a claim that is missing: refused" },
  { id: "FC220", says: "an empty text for a template: refused" },
  { id: "FC221", says: "a text without braces: the claim of that name" },
  { id: "FC222", says: "a text without braces, and no claim of that name: refused" },
  { id: "FC223", says: "if and else, by a branch: refs/heads/" },
  { id: "FC224", says: "if and else, by a tag: refs/tags/" },
  { id: "FC225", says: "index of a name with dots and slashes: its value" },
  { id: "FC226", says: "a comparison with the dot: refused" },
  { id: "FC227", says: "a default where the claim is missing" },
  { id: "FC228", says: "the claim where there is a default too" },
  { id: "FC229", says: "an empty default, by its name alone: nothing" },
  { id: "FC230", says: "an empty default in braces: nothing" },
  { id: "FC231", says: "an empty default beside text: the text" },
  { id: "FC232", says: "templates of GitHub with an environment: extension 23, the others as mapped" },
  { id: "FC233", says: "templates of GitHub without an environment: no extension 23" },
];
