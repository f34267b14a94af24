import { afterAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIssuers } from "../../src/compose/open-issuers.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { buildConfiguration } from "../../src/wire/configuration.ts";
import { fulcioFileAsJson } from "../support/fulcio-json.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-fulcio-configuration-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const ISSUERS = {
  email: "",
  "email-skipped": "skip-email-verification: true",
  uri: "subject-domain: https://uri.example.com",
  username: "subject-domain: example.com",
  spiffe: "spiffe-trust-domain: spiffe://example.org",
  kubernetes: "",
  "chainguard-identity": "",
  "github-workflow": "",
  "gitlab-pipeline": "",
  "buildkite-job": "",
  "codefresh-workflow": "",
  "ci-provider": "ci-provider: mine",
};
const urlOf = (name: string): string => `https://${name}.example.com`;
const YAML = `
oidc-issuers:
${Object.entries(ISSUERS)
  .map(
    ([name, member]) =>
      `  ${urlOf(name)}:\n    issuer-url: ${urlOf(name)}\n    client-id: ${name}\n    type: ${name.replace("-skipped", "")}\n${member === "" ? "" : `    ${member}\n`}`,
  )
  .join("")}
meta-issuers:
  https://*.clusters.example.com/id/*:
    client-id: cluster
    type: kubernetes
ci-issuer-metadata:
  mine:
    default-template-values:
      url: https://ci.example.com
    extension-templates:
      build-trigger: event
    subject-alternative-name-template: "{{ .url }}/{{ .job }}"
`;

const CONFIG = `
environment: development
dataDirectory: data
http: { listen: "127.0.0.1:5555" }
operations: { listen: "127.0.0.1:2112" }
ca: { signer: { kind: memory } }
log: { origin: ca.example.com/log, store: { kind: memory }, signer: { kind: memory }, checkpointSigner: { kind: memory } }
issuers: { fulcio: { path: issuers, sharedIssuers: refuse } }
`;

function configurationOf(text: string): unknown {
  writeFileSync(join(folder, "issuers"), text);
  return buildConfiguration(openIssuers(parseConfig(CONFIG, join(folder, "mayfly.yaml")).issuers)).issuers;
}

const issuer = (name: string, terms: Readonly<Record<string, unknown>> = {}): unknown => ({
  issuerUrl: urlOf(name),
  audience: name,
  challengeClaim: "sub",
  spiffeTrustDomain: "",
  issuerType: name,
  subjectDomain: "",
  skipEmailVerification: false,
  ...terms,
});
const email = { challengeClaim: "email", issuerType: "email" };
/** CI platforms share one type. */
const ci = { issuerType: "ci-provider" };

const SHOWN = [
  issuer("email", email),
  issuer("email-skipped", { ...email, skipEmailVerification: true }),
  issuer("uri", { subjectDomain: "https://uri.example.com" }),
  issuer("username", { subjectDomain: "example.com" }),
  issuer("spiffe", { spiffeTrustDomain: "example.org" }),
  issuer("kubernetes"),
  issuer("chainguard-identity"),
  issuer("github-workflow", ci),
  issuer("gitlab-pipeline", ci),
  issuer("buildkite-job", ci),
  issuer("codefresh-workflow", ci),
  issuer("ci-provider"),
  {
    wildcardIssuerUrl: "https://*.clusters.example.com/id/*",
    audience: "cluster",
    challengeClaim: "sub",
    spiffeTrustDomain: "",
    issuerType: "kubernetes",
    subjectDomain: "",
    skipEmailVerification: false,
  },
];

describe("the configuration of Fulcio's issuer file, as callers see it", () => {
  it("[FC3] is that of the JSON file: every issuer, audience, claim and domain", () => {
    expect(configurationOf(fulcioFileAsJson(YAML))).toEqual(SHOWN);
  });

  it("[FC4] [FC129] [FC130] [FC131] is that of the YAML file, the same", () => {
    expect(configurationOf(YAML)).toEqual(SHOWN);
  });
});
