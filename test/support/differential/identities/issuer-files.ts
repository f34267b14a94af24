import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { fulcioSource } from "../fulcio-program.ts";

/** An issuer of Fulcio's file, by the names that it has in YAML. */
type Issuer = Readonly<Record<string, string | boolean>>;

const AUDIENCE = "sigstore";

/** Issuers of every kind that is not deprecated, with every setting that an issuer can have. */
const ISSUERS: Readonly<Record<string, Issuer>> = {
  "https://accounts.google.com": { type: "email" },
  "https://oauth2.sigstore.dev/auth": { type: "email", "issuer-claim": "$.federated_claims.connector_id" },
  "https://Login.Example.com/Tenant": { type: "email" },
  "https://slash.example.com/": { type: "email" },
  "https://unverified.example.com": { type: "email", "skip-email-verification": true },
  "https://tenants.example.com": { type: "email", "issuer-claim": "$.tenant", "challenge-claim": "email" },
  "https://users.example.com": { type: "username", "subject-domain": "people.example.com" },
  "https://uris.example.com": { type: "uri", "subject-domain": "https://app.example.com" },
  "https://ports.example.com": { type: "uri", "subject-domain": "https://app.example.com:8443" },
  "https://spire.example.com": { type: "spiffe", "spiffe-trust-domain": "example.org" },
  "https://spire-id.example.com": { type: "spiffe", "spiffe-trust-domain": "spiffe://example.net" },
  "https://cluster.example.com": { type: "kubernetes" },
  "https://issuer.enforce.dev": {
    type: "chainguard-identity",
    contact: "nobody@example.com",
    description: "identities",
  },
  "https://oidc.buddyusercontent.com": { type: "ci-provider", "ci-provider": "buddy-pipeline" },
  "https://eu-oidc.buddyusercontent.com": { type: "ci-provider", "ci-provider": "buddy-pipeline" },
  "https://ci.example.com": { type: "ci-provider", "ci-provider": "every-word" },
};

const PATTERNS: Readonly<Record<string, Issuer>> = {
  "https://*.login.example.com/realms/*": { type: "email", "issuer-claim": "$.federated_claims.connector_id" },
  "https://*.uris.example.com": { type: "uri", "subject-domain": "https://app.example.com" },
  "https://*.users.example.com": { type: "username", "subject-domain": "people.example.com" },
  "https://issuer.example.com/chainguard/*": { type: "chainguard-identity" },
  "https://ci.example.com/org/*": { type: "ci-provider", "ci-provider": "every-word" },
};

/** A provider whose templates have all that Mayfly's templates can have. */
const EVERY_WORD = {
  "default-template-values": {
    url: "https://ci.example.com",
    stage: "",
    color: "blue",
    "odd.name/of a default": "odd",
  },
  "extension-templates": {
    "github-workflow-trigger": "trigger",
    "github-workflow-sha": '{{index . "odd.name/of a claim"}}',
    "github-workflow-name": "{{ .project }} & <{{ .job }}>",
    "github-workflow-repository": "{{ .project }}",
    "github-workflow-ref": '{{ if ne .branch "main" }}refs/heads/{{ .branch }}{{ end }}',
    "build-signer-uri": "{{ .url }}/{{ .project }}/{{ .job }}",
    "build-signer-digest": "color",
    "runner-environment": "stage",
    "source-repository-uri": '{{ if eq .color "blue" "green" }}{{ .url }}/{{ .color }}{{ else }}other{{ end }}',
    "source-repository-digest": "digest",
    "source-repository-ref":
      '{{ if eq .branch "a" }}A{{ else if eq .branch "b" }}B{{ else }}{{ if .stage }}s-{{ .stage }}{{ else }}none{{ end }}{{ end }}',
    "source-repository-identifier": "{{ .number }}",
    "source-repository-owner-uri": "{{- .url -}}",
    "build-config-uri": '{{ .url }}/{{ index . "odd.name/of a default" }}',
    "build-trigger": '"{{ .trigger }}"',
    "run-invocation-uri": "{{ .url }}/{{ .project }}/runs/{{ .number }}#{{ .job }}",
    "deployment-environment": "{{ .stage }}",
    issuer: "{{ .nobody }}",
    subject: "{{ .nobody }}",
  },
  "subject-alternative-name-template": "{{ .url }}/{{ .project }}/{{ .job }}",
};

const BUDDY_PROJECT = "{{ .base_url }}/{{ .workspace_domain }}/{{ .project_name }}";
const BUDDY_PIPELINE = `${BUDDY_PROJECT}/pipelines/pipeline/{{ .pipeline_id }}`;

/** Pipelines of Buddy, whose identifiers are numbers. */
const BUDDY = {
  "default-template-values": { base_url: "https://app.buddy.works", revision: "", ref: "" },
  "extension-templates": {
    "build-signer-uri": BUDDY_PIPELINE,
    "runner-environment": "runner_environment",
    "source-repository-uri": BUDDY_PROJECT,
    "source-repository-digest": "revision",
    "source-repository-ref": "ref",
    "source-repository-owner-uri": "{{ .base_url }}/{{ .workspace_domain }}",
    "build-trigger": "triggered_on",
    "run-invocation-uri": `${BUDDY_PIPELINE}/execution/{{ .execution_id }}`,
  },
  "subject-alternative-name-template": BUDDY_PIPELINE,
};

/** The issuer file that Fulcio is released with: YAML. */
export const releasedIssuers = (): string =>
  readFileSync(join(fulcioSource(), "config", "identity", "config.yaml"), "utf8");

/** Issuers of every kind: YAML. */
export function issuersOfEveryKind(): string {
  const issuers = withEach(ISSUERS, (url) => ({ "issuer-url": url, "client-id": AUDIENCE }));
  const patterns = withEach(PATTERNS, () => ({ "client-id": AUDIENCE }));
  return stringify({
    "oidc-issuers": issuers,
    "meta-issuers": patterns,
    "ci-issuer-metadata": { "buddy-pipeline": BUDDY, "every-word": EVERY_WORD },
  });
}

function withEach(issuers: Readonly<Record<string, Issuer>>, settings: (url: string) => Issuer): object {
  const entries = Object.entries(issuers).map(([url, issuer]) => [url, { ...settings(url), ...issuer }] as const);
  return Object.fromEntries(entries);
}

/** Fulcio's types that its release has no issuers of any more, under the URLs that they were made for: JSON. */
export function deprecatedIssuers(): string {
  const issuer = (url: string, type: string): readonly [string, object] => [
    url,
    { IssuerURL: url, ClientID: AUDIENCE, Type: type },
  ];
  return JSON.stringify({
    OIDCIssuers: Object.fromEntries([
      issuer("https://token.actions.githubusercontent.com", "github-workflow"),
      issuer("https://gitlab.com", "gitlab-pipeline"),
      issuer("https://gitlab.example.com", "gitlab-pipeline"),
      issuer("https://agent.buildkite.com", "buildkite-job"),
      issuer("https://oidc.codefresh.io", "codefresh-workflow"),
    ]),
    MetaIssuers: {
      "https://token.actions.githubusercontent.com/*": { ClientID: AUDIENCE, Type: "github-workflow" },
    },
  });
}
