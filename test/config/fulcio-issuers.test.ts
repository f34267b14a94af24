import { describe, expect, it } from "@jest/globals";
import { parse as parseYaml } from "yaml";
import { FulcioInputError } from "../../src/config/fulcio-input-error.ts";
import { translateIssuers } from "../../src/config/fulcio-issuers.ts";
import type { SharedIssuers } from "../../src/config/fulcio-issuers.ts";
import type { CompanionFile, Finding } from "../../src/config/fulcio-section.ts";
import { ANCHORS } from "../support/service.ts";
import { fulcioFileAsJson } from "../support/fulcio-json.ts";
import { fulcioIssuers, SHIPPED_ISSUERS } from "../support/fulcio.ts";

interface Written {
  readonly issuers: readonly Record<string, unknown>[];
  readonly files: readonly CompanionFile[];
  readonly findings: readonly Finding[];
  readonly text: string;
}

function translate(text: string, shared: SharedIssuers = "undecided"): Written {
  const { lines, findings, files = [] } = translateIssuers(fulcioIssuers(text), shared);
  const yaml = lines.join("\n");
  return { ...(parseYaml(yaml) as Pick<Written, "issuers">), findings, files, text: yaml };
}

/** Fulcio takes the texts "true" and "True" for the boolean everywhere. */
const EMAIL = { kind: "email", acceptTextVerified: true };
const KUBERNETES = { kind: "kubernetes" };
const FROM_CONNECTOR = { ...EMAIL, issuerClaim: "$.federated_claims.connector_id" };
const ci = (provider: string) => ({ kind: "ci-provider", provider });
const own = (provider: string) => ({ kind: "ci-provider", providerFile: `provider-${provider}.yaml` });
const KEPT = (
  [
    ["https://accounts.google.com", EMAIL],
    ["https://agent.buildkite.com", ci("buildkite")],
    ["https://asia-oidc.buddyusercontent.com", own("buddy-pipeline")],
    ["https://auth.eclipse.org/auth/realms/foundation-service-accounts", EMAIL],
    ["https://dev-oidc.buddyusercontent.com", own("buddy-pipeline")],
    ["https://dev.gitlab.org", ci("gitlab-ci")],
    ["https://eu-oidc.buddyusercontent.com", own("buddy-pipeline")],
    ["https://gitlab.archlinux.org", ci("gitlab-ci")],
    ["https://gitlab.com", ci("gitlab-ci")],
    ["https://issuer.enforce.dev", { kind: "chainguard" }],
    ["https://issuer.hello.coop", EMAIL],
    ["https://www.kaggle.com/api/v1/models/signing", EMAIL],
    ["https://oauth2.sigstage.dev/auth", FROM_CONNECTOR],
    ["https://oauth2.sigstore.dev/auth", FROM_CONNECTOR],
    ["https://oidc.buddyusercontent.com", own("buddy-pipeline")],
    ["https://oidc.circleci.com", own("circleci-job")],
    ["https://oidc.codefresh.io", ci("codefresh")],
    ["https://ops.gitlab.net", ci("gitlab-ci")],
    ["https://psd-oidc.buddyusercontent.com", own("buddy-pipeline")],
    ["https://sigstore.verify.ibm.com/oauth2", EMAIL],
    ["https://stage-oidc.buddyusercontent.com", own("buddy-pipeline")],
    ["https://token.actions.githubusercontent.com", ci("github-actions")],
    ["https://*.oic.prod-aks.azure.com/*/*", KUBERNETES],
    ["https://*.oic.prod-aks.azure.com/*/*/", KUBERNETES],
    ["https://container.googleapis.com/v1/projects/*/locations/*/clusters/*", KUBERNETES],
    ["https://oidc.circleci.com/org/*", own("circleci-job")],
    ["https://oidc.eks.*.amazonaws.com/id/*", KUBERNETES],
    ["https://oidc.prod-aks.azure.com/*", KUBERNETES],
    ["https://oidc.prod-aks.azure.com/*/", KUBERNETES],
    ["https://oidc.prod-aks.azure.com/*/*", KUBERNETES],
    ["https://token.actions.githubusercontent.com/*", ci("github-actions")],
  ] as const
).map(([url, identity]) => ({ url, audience: "sigstore", identity, allow: "any" }));

describe("Fulcio's own issuer file", () => {
  const NAMES = Object.entries(
    parseYaml(SHIPPED_ISSUERS.replaceAll(/^( {2}\*[a-z]+):/gmu, "$1 :")) as Record<string, Record<string, unknown>>,
  )
    .filter(([group]) => group.endsWith("-issuers"))
    .flatMap(([, group]) => Object.keys(group));

  it.each([
    ["YAML", SHIPPED_ISSUERS],
    ["JSON", fulcioFileAsJson(SHIPPED_ISSUERS)],
  ])("becomes as many issuers and patterns when those that serve anybody are wanted, from %s", (_, text) => {
    const { issuers, findings, files } = translate(text, "as-fulcio");
    expect(issuers).toEqual(KEPT);
    expect(new Set(findings.map(({ outcome }) => outcome))).toEqual(new Set(["kept"]));
    expect(files.map(({ name }) => name)).toEqual(["provider-buddy-pipeline.yaml", "provider-circleci-job.yaml"]);
  });

  it("becomes none without a word about those that serve anybody", () => {
    const { issuers, findings } = translate(SHIPPED_ISSUERS);
    expect(issuers).toEqual([]);
    expect(findings.filter(({ note }) => note.includes("gives tokens to anybody"))).toHaveLength(31);
    expect(findings.at(-1)).toEqual({
      outcome: "must be decided",
      subject: "issuers",
      note: "none is left, and Mayfly needs one",
    });
  });

  it.each(["as-fulcio", "leave-out", "undecided"] as const)("loses no issuer: %s", (shared) => {
    const { findings, text } = translate(SHIPPED_ISSUERS, shared);
    expect(NAMES).toHaveLength(31);
    for (const name of NAMES) {
      expect(findings.filter(({ subject }) => subject.startsWith(`${name} (`))).toHaveLength(1);
      expect(text).toContain(name);
    }
  });
});

const issuer = (members: string, url = "https://login.example.com"): string =>
  `oidc-issuers:\n  ${JSON.stringify(url)}:\n    { issuer-url: ${JSON.stringify(url)}, client-id: me, ${members} }\n`;

/** Types that Mayfly has, in what Fulcio refuses too, or takes by two labels where we ask who owns the domain. */
const PLAIN_OBSTACLES: readonly [name: string, members: string, says: string, url?: string][] = [
  ["[FC92] of type spiffe without a trust domain", "type: spiffe", "identity.trustDomain: expected the name"],
  [
    "[FC94] of type spiffe with a bad trust domain",
    'type: spiffe, spiffe-trust-domain: "invalid#domain"',
    "identity.trustDomain: expected the name",
  ],
  ["[FC96] of type uri without a domain", "type: uri", "identity.subjectDomain: expected a scheme"],
  [
    "[FC97] of type uri with a domain without a scheme",
    "type: uri, subject-domain: example.com",
    "identity.subjectDomain: expected a scheme",
  ],
  [
    "[FC98] of type uri at a URL without a scheme",
    'type: uri, subject-domain: "https://example.com"',
    "expected an https URL",
    "login.example.com",
  ],
  [
    "[FC99] of type uri with another owner's domain",
    'type: uri, subject-domain: "https://example.org"',
    "not below one registered domain",
  ],
  [
    "[FC100] of type uri with another scheme",
    'type: uri, subject-domain: "http://example.com"',
    "subject (http) and issuer (https) URI schemes do not match",
  ],
  [
    "of type uri with a path behind its domain",
    'type: uri, subject-domain: "https://example.com/users"',
    "and nothing else",
  ],
  ["[FC102] of type username without a domain", "type: username", "identity.subjectDomain: expected a host name"],
  [
    "[FC103] of type username with a scheme",
    'type: username, subject-domain: "https://example.com"',
    "expected a host name without a scheme",
  ],
  [
    "[FC104] of type username at a URL without a scheme",
    "type: username, subject-domain: example.com",
    "expected an https URL",
    "login.example.com",
  ],
  [
    "[FC105] of type username with another owner's domain",
    "type: username, subject-domain: example.org",
    "not below one registered domain",
  ],
];

describe("an issuer of one organization", () => {
  const TAKEN: readonly [name: string, text: string, entry: Record<string, unknown>][] = [
    ["of addresses", issuer("type: email"), { identity: EMAIL }],
    [
      "of addresses that nobody verified",
      issuer("type: email, skip-email-verification: yes"),
      { identity: { kind: "email", emailTrust: "unverified" } },
    ],
    [
      "of addresses, with an issuer from a claim",
      issuer("type: email, issuer-claim: $.federated_claims.connector_id"),
      { identity: { ...EMAIL, issuerClaim: "$.federated_claims.connector_id" } },
    ],
    [
      "[FC91] of SPIFFE IDs",
      issuer("type: spiffe, spiffe-trust-domain: example.com"),
      { identity: { kind: "spiffe", trustDomain: "example.com" } },
    ],
    [
      "of SPIFFE IDs, the trust domain written as an ID",
      issuer('type: spiffe, spiffe-trust-domain: "spiffe://example.com/"'),
      { identity: { kind: "spiffe", trustDomain: "example.com" } },
    ],
    [
      "[FC95] of URIs",
      issuer('type: uri, subject-domain: "https://other.example.com"'),
      { identity: { kind: "uri", subjectDomain: "https://other.example.com" } },
    ],
    [
      "[FC101] of user names",
      issuer("type: username, subject-domain: other.example.com"),
      { identity: { kind: "username", subjectDomain: "other.example.com" } },
    ],
    ["of service accounts", issuer("type: kubernetes"), { identity: { kind: "kubernetes" } }],
    ["of Chainguard's", issuer("type: chainguard-identity"), { identity: { kind: "chainguard" } }],
    ...(
      [
        ["github-workflow", "github-workflow-legacy", { url: "https://github.com" }],
        ["gitlab-pipeline", "gitlab-pipeline-legacy", undefined],
        ["buildkite-job", "buildkite-job-legacy", { url: "https://buildkite.com" }],
        ["codefresh-workflow", "codefresh", { platform_url: "https://g.codefresh.io" }],
      ] as const
    ).map(([type, pack, settings]): [string, string, Record<string, unknown>] => [
      `of the deprecated type ${type}, wherever Fulcio has its platform`,
      issuer(`type: ${type}`),
      { identity: settings === undefined ? ci(pack) : { ...ci(pack), settings } },
    ]),
    [
      "in a cluster",
      issuer("type: email", "https://dex.dex-system.svc"),
      { url: "https://dex.dex-system.svc", identity: EMAIL, allowPrivateNetwork: true },
    ],
    [
      "at a private address",
      issuer("type: email", "https://10.1.2.3:5556/dex"),
      { url: "https://10.1.2.3:5556/dex", identity: EMAIL, allowPrivateNetwork: true },
    ],
    [
      "at a private address of IPv6",
      issuer("type: email", "https://[fd00::1]"),
      { url: "https://[fd00::1]", identity: EMAIL, allowPrivateNetwork: true },
    ],
    [
      "at a host without a domain",
      issuer("type: email", "https://dex"),
      { url: "https://dex", identity: EMAIL, allowPrivateNetwork: true },
    ],
    [
      "whose audience looks like a number",
      issuer("type: email").replace("client-id: me", 'client-id: "12"'),
      { audience: "12", identity: EMAIL },
    ],
    ...["0123", "1e3", "12345678901234567890123", "true"].map((digits): [string, string, Record<string, unknown>] => [
      `whose audience is written ${digits}`,
      issuer("type: email").replace("client-id: me", `client-id: ${digits}`),
      { audience: digits, identity: EMAIL },
    ]),
    [
      "whose audience is a word of YAML",
      issuer("type: email").replace("client-id: me", 'client-id: "yes"'),
      { audience: "yes", identity: EMAIL },
    ],
  ];
  it.each(TAKEN)("is kept: one %s", (_, text, entry) => {
    const { issuers, findings } = translate(text);
    expect(issuers).toEqual([{ url: "https://login.example.com", audience: "me", ...entry }]);
    expect(findings[0]?.outcome).toBe("kept");
    expect(findings.some(({ outcome }) => outcome === "must be decided")).toBe(false);
  });

  const LEFT_OUT: readonly [name: string, text: string, outcome: Finding["outcome"], says: string][] = [
    ["without TLS", issuer("type: email", "http://login.example.com"), "must be decided", "Mayfly wants https"],
    ["without an audience", issuer("type: email").replace("client-id: me, ", ""), "must be decided", "audience: "],
    ["with a query", issuer("type: email", "https://login.example.com?a=b"), "must be decided", "no query"],
    [
      "under another URL",
      issuer("type: email").replace('issuer-url: "https://login', 'issuer-url: "https://other'),
      "must be decided",
      "issuer-url is another one",
    ],
    [
      "with an issuer from a claim that takes more than a path",
      issuer("type: email, issuer-claim: '$.fed[0]'"),
      "must be decided",
      "identity.issuerClaim: expected a path of plain names",
    ],
    [
      "[FC106] with an issuer from a claim and another type than email",
      issuer("type: spiffe, spiffe-trust-domain: example.com, issuer-claim: $.fed"),
      "must be decided",
      "only issuers of type email can have an issuer-claim",
    ],
    ...PLAIN_OBSTACLES.map(([name, members, says, url]): [string, string, Finding["outcome"], string] => [
      name,
      issuer(members, url),
      "must be decided",
      says,
    ]),
    ["of a type that Fulcio has not", issuer("type: mail"), "no counterpart", "Fulcio has no identities of this type"],
    ["without a type", issuer("description: none"), "no counterpart", "Fulcio has no identities of this type"],
    [
      "of a provider that is not described",
      issuer("type: ci-provider, ci-provider: x"),
      "no counterpart",
      "ci-issuer-metadata has no x",
    ],
  ];
  it.each(LEFT_OUT)("is left out as a comment, with the reason: one %s", (_, text, outcome, says) => {
    const { issuers, findings, text: yaml } = translate(text);
    expect(issuers).toEqual([]);
    expect(findings[0]).toMatchObject({ outcome });
    expect(findings[0]?.note).toContain(says);
    expect(yaml).toContain("# LEFT OUT: ");
  });

  it("has its text shown without line breaks of its own, so that no comment becomes a setting", () => {
    const { text, issuers } = translate(issuer('type: email, description: "a\\nissuers: [evil]\\u2028x\\u001b[2J"'));
    expect(issuers).toHaveLength(1);
    expect(text).toContain(String.raw`a\u000aissuers: [evil]\u2028x\u001b[2J`);
  });

  it("has its CA certificates in a file beside the configuration", () => {
    const text = issuer(`type: email, ca-cert: ${JSON.stringify(`a comment\n${ANCHORS.chainPem}`)}`);
    const { files } = translateIssuers(fulcioIssuers(text), "undecided");
    expect(files).toEqual([{ name: "issuer-ca-login.example.com.pem", text: ANCHORS.chainPem }]);
    expect(translate(text).issuers[0]).toMatchObject({ caCertificate: "issuer-ca-login.example.com.pem" });
  });

  it("of the cluster is asked as a service account, over the cluster's own authority", () => {
    const ca = `ca-cert: ${JSON.stringify(ANCHORS.chainPem)}`;
    const { issuers, files } = translate(issuer(`type: kubernetes, ${ca}`, "https://kubernetes.default.svc"));
    expect(files).toEqual([]);
    expect(issuers[0]).toMatchObject({
      allowPrivateNetwork: true,
      caCertificate: "/var/run/fulcio/ca.crt",
      bearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
    });
    const other = translate(issuer("type: kubernetes", "https://k8s.example.com")).issuers[0];
    expect(other).not.toHaveProperty("bearerTokenFile");
  });

  it("never has the authority of another one, whose URL makes the same name of a file", () => {
    const withCa = (url: string, pem: string): string =>
      issuer(`type: email, ca-cert: ${JSON.stringify(pem)}`, url).replace("oidc-issuers:\n", "");
    const [own, other] = ["https://a.example.com/b", "https://a.example.com-b"];
    const text = `oidc-issuers:\n${withCa(own, ANCHORS.chainPem)}${withCa(other, ANCHORS.chainPem.repeat(2))}`;
    const { files = [] } = translateIssuers(fulcioIssuers(text), "undecided");
    expect(files.map((file) => file.text)).toEqual([ANCHORS.chainPem, ANCHORS.chainPem.repeat(2)]);
    const [first, second] = translate(text).issuers;
    expect([first?.["caCertificate"], second?.["caCertificate"]]).toEqual(files.map(({ name }) => name));
    expect(new Set(files.map(({ name }) => name)).size).toBe(2);
  });

  it.each(["no PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"])(
    "is refused with a ca-cert that is none: %j",
    (pem) => {
      expect(() => translate(issuer(`type: email, ca-cert: ${JSON.stringify(pem)}`))).toThrow(FulcioInputError);
    },
  );

  it.each([
    ["challenge-claim: upn", "challenge-claim of https://login.example.com"],
    ["subject-domain: example.com", "subject-domain of https://login.example.com"],
    ["spiffe-trust-domain: example.com", "spiffe-trust-domain of https://login.example.com"],
    ["audience: x", "audience of oidc-issuers: https://login.example.com"],
  ])("has what means nothing reported: %s", (member, subject) => {
    expect(translate(issuer(`type: email, ${member}`)).findings).toContainEqual(
      expect.objectContaining({ outcome: "no counterpart", subject }),
    );
  });
});

describe("templates of a provider", () => {
  const ISSUER = "https://ghe.example.com/_services/token";
  const shipped = (change: (text: string) => string): Written =>
    translate(change(SHIPPED_ISSUERS.replaceAll("https://token.actions.githubusercontent.com", ISSUER)));
  const identityIn = ({ issuers }: Written): unknown => issuers.find(({ url }) => url === ISSUER)?.["identity"];

  /** What the file says, which Mayfly assumes of GitHub's own issuers alone. */
  const ON_GITHUB = { settings: { url: "https://github.com" } };

  it("of a GitHub Enterprise Server become a setting of Mayfly's pack", () => {
    const written = shipped((text) => text.replace("url: 'https://github.com'", "url: https://ghe.example.com"));
    expect(identityIn(written)).toEqual({ ...ci("github-actions"), settings: { url: "https://ghe.example.com" } });
    expect(written.files).toEqual([]);
  });

  it.each([
    ["blanks", (text: string) => text.replace("'{{ .url }}/{{ .repository }}'", "'{{.url}}/{{.repository}}'")],
    [
      "braces around a claim",
      (text: string) => text.replace("build-trigger: 'event_name'", "build-trigger: '{{ .event_name }}'"),
    ],
    [
      "templates that nobody evaluates",
      (text: string) =>
        text.replace("build-trigger: 'event_name'", "build-trigger: 'event_name'\n      issuer: x\n      subject: y"),
    ],
  ])("are those of Mayfly's pack with other %s", (_, change) => {
    expect(identityIn(shipped(change))).toEqual({ ...ci("github-actions"), ...ON_GITHUB });
  });

  it.each([
    [
      "another claim",
      "build-trigger: actor",
      (text: string) => text.replace("build-trigger: 'event_name'", "build-trigger: 'actor'"),
    ],
    [
      "another name",
      'subjectAlternativeName: "{{ .url }}/{{ .workflow_ref }}"',
      (text: string) =>
        text.replace("template: '{{ .url }}/{{ .job_workflow_ref }}'", "template: '{{ .url }}/{{ .workflow_ref }}'"),
    ],
    [
      "a default for a claim",
      'sha: "0"',
      (text: string) => text.replace("url: 'https://github.com'", "url: 'https://github.com'\n      sha: '0'"),
    ],
    [
      "a default environment",
      "environment: prod",
      (text: string) => text.replace("environment: ''", "environment: prod"),
    ],
  ])("have a pack of their own with %s, and it is said", (_, says, change) => {
    const written = shipped(change);
    expect(identityIn(written)).toEqual(own("github-workflow"));
    expect(written.files.map(({ name }) => name)).toEqual(["provider-github-workflow.yaml"]);
    expect(written.files[0]?.text).toContain(says);
    expect(written.findings).toContainEqual({
      outcome: "kept",
      subject: `the templates of ${ISSUER}`,
      note: expect.stringContaining("provider-github-workflow.yaml") as unknown,
    });
  });

  it("may lack the deployment environment, which certificates then do not have", () => {
    const { issuers, files } = shipped((text) => text.replace("      deployment-environment: 'environment'\n", ""));
    expect(issuers[0]).toMatchObject({ identity: { ...ci("github-workflow-legacy"), ...ON_GITHUB } });
    expect(files).toEqual([]);
  });

  it.each([
    ["a URL with a query", (text: string) => text.replace("'https://github.com'", "'https://ghe.example.com/?x'")],
    [
      "a function that Mayfly does not have",
      (text: string) => text.replace("build-trigger: 'event_name'", "build-trigger: '{{ printf .event_name }}'"),
    ],
    [
      "braces that do not close",
      (text: string) => text.replace("build-trigger: 'event_name'", "build-trigger: '{{.a}'"),
    ],
    ["no name", (text: string) => text.replace("template: '{{ .url }}/{{ .job_workflow_ref }}'", "template: ''")],
  ])("are not taken with %s", (_, change) => {
    const { issuers, findings } = shipped(change);
    expect(issuers).toEqual([]);
    const { outcome, note } = findings.find(({ subject }) => subject.startsWith(`${ISSUER} (`))!;
    expect(outcome).toBe("must be decided");
    expect(note).toMatch(
      /^ci-issuer-metadata, github-workflow, (?:build-trigger|subject-alternative-name-template): /u,
    );
  });

  it("have names of files that are not one another's", () => {
    const { files } = translate(SHIPPED_ISSUERS.replaceAll("circleci-job", "Buddy Pipeline"), "as-fulcio");
    expect(files.map(({ name }) => name)).toEqual(["provider-buddy-pipeline-2.yaml", "provider-buddy-pipeline.yaml"]);
  });
});

describe("a pattern of issuers", () => {
  const pattern = (url: string, more = ""): string =>
    `meta-issuers: { ${JSON.stringify(url)}: { client-id: me, type: kubernetes }${more} }\n`;

  it("is kept, with its companions", () => {
    expect(translate(pattern("https://*.clusters.example.com/id/*")).issuers).toEqual([
      { url: "https://*.clusters.example.com/id/*", audience: "me", identity: KUBERNETES },
    ]);
  });

  it.each([
    ["without a star", pattern("https://a.example.com"), "a meta issuer without a star"],
    ["that anybody could register", pattern("https://*.com"), "allowBroadWildcard"],
    ["of private names, which have no exception", pattern("https://*"), ""],
    [
      "that another one matches as well",
      pattern("https://*.example.com/a", ", 'https://x.example.com/*': { client-id: me, type: kubernetes }"),
      "there are URLs that https://x.example.com/* matches as well",
    ],
  ])("is left out %s", (_, text, says) => {
    const { issuers, findings } = translate(text);
    expect(issuers).toEqual([]);
    expect(findings[0]).toMatchObject({ outcome: "must be decided" });
    expect(findings[0]?.note).toContain(says);
  });

  it("is none where an exact issuer is meant", () => {
    const { findings } = translate(issuer("type: email", "https://*.example.com"));
    expect(findings[0]).toMatchObject({
      outcome: "must be decided",
      note: expect.stringContaining("no star") as unknown,
    });
  });
});

describe("an issuer file", () => {
  it.each([
    ["issuers in a list", "oidc-issuers: [a]"],
    ["an issuer that is a text", "oidc-issuers: { 'https://a': email }"],
    ["a type that is a list", "oidc-issuers: { 'https://a': { type: [email] } }"],
    ["a text for a switch in JSON", '{"OIDCIssuers": {"a": {"SkipEmailVerification": "true"}}}'],
    ["a number for a text in JSON", '{"OIDCIssuers": {"a": {"ClientID": 12}}}'],
    ["a switch that is no word of YAML", "oidc-issuers: { 'https://a': { skip-email-verification: yEs } }"],
    ["a switch that is a word", "oidc-issuers: { 'https://a': { skip-email-verification: perhaps } }"],
    ["a template that is a mapping", "ci-issuer-metadata: { a: { extension-templates: { build-trigger: {} } } }"],
  ])("is refused with %s", (_, text) => {
    expect(() => fulcioIssuers(text)).toThrow(FulcioInputError);
    expect(() => fulcioIssuers(text)).toThrow("expected");
  });

  it.each<[name: string, text: string, key: string, hint: string]>([
    ["a YAML name in JSON", '{"oidc-issuers": {}}', "oidc-issuers", "; did you mean oidc-issuers?"],
    ["a JSON name in YAML", "OIDCIssuers: {}", "OIDCIssuers", "; did you mean oidc-issuers?"],
    ["a mistyped name", "oidc-isuers: {}", "oidc-isuers", "; did you mean oidc-issuers?"],
    ["a name of nothing", "zzzzzzzzzzzzzzzzz: {}", "zzzzzzzzzzzzzzzzz", ""],
  ])("has %s passed over, as by Fulcio, and reported", (_, text, subject, hint) => {
    expect(fulcioIssuers(text).issuers).toEqual([]);
    expect(translate(text).findings).toContainEqual({
      outcome: "no counterpart",
      subject,
      note: `Fulcio has no such setting and passes over it${hint}`,
    });
  });
});
