import { ANY_KIND } from "./cases/any-kind.ts";
import { DEPRECATED_TYPES } from "./cases/deprecated.ts";
import { EMAIL, PEOPLE } from "./cases/email.ts";
import { BUDDY, BUILDKITE, CIRCLECI, CODEFRESH, GITHUB, GITLAB } from "./cases/jobs.ts";
import { CLOUDS, KUBERNETES } from "./cases/kubernetes.ts";
import { CHAINGUARD_IDENTITIES, SPIFFE, URIS, USERNAMES } from "./cases/subjects.ts";
import { TEMPLATES } from "./cases/templates.ts";
import { deprecatedIssuers, issuersOfEveryKind, releasedIssuers } from "./issuer-files.ts";
import type { TokenGroup } from "./token-case.ts";

/** An issuer file of Fulcio's, and the tokens that are tried with it. */
export interface IssuerFileCases {
  readonly name: string;
  /** Text of the file; Fulcio's source must be there. */
  readonly issuers: () => string;
  readonly groups: readonly TokenGroup[];
  /** Whether what Fulcio makes of them is kept in `test/vectors/fulcio`, for tests without Fulcio. */
  readonly isRecorded: boolean;
}

/** Every token that Fulcio and Mayfly are compared by, by the issuer file that both have. */
export const ISSUER_FILES: readonly IssuerFileCases[] = [
  {
    name: "the one that Fulcio is released with",
    issuers: releasedIssuers,
    isRecorded: false,
    groups: [
      { name: "people and identities", cases: PEOPLE },
      { name: "Kubernetes at cloud providers", cases: CLOUDS },
      { name: "GitHub Actions", cases: GITHUB },
      { name: "GitLab", cases: GITLAB },
      { name: "Buildkite", cases: BUILDKITE },
      { name: "Codefresh", cases: CODEFRESH },
      { name: "CircleCI", cases: CIRCLECI },
    ],
  },
  {
    name: "every kind, YAML",
    issuers: issuersOfEveryKind,
    isRecorded: true,
    groups: [
      { name: "e-mail addresses", cases: EMAIL },
      { name: "URIs", cases: URIS },
      { name: "usernames", cases: USERNAMES },
      { name: "SPIFFE IDs", cases: SPIFFE },
      { name: "Kubernetes", cases: KUBERNETES },
      { name: "Chainguard", cases: CHAINGUARD_IDENTITIES },
      { name: "Buddy", cases: BUDDY },
      { name: "templates", cases: TEMPLATES },
      { name: "claims of any token", cases: ANY_KIND },
    ],
  },
  {
    name: "deprecated types, JSON",
    issuers: deprecatedIssuers,
    isRecorded: true,
    groups: [{ name: "deprecated types", cases: DEPRECATED_TYPES }],
  },
];
