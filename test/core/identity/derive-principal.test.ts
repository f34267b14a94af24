import { describe, expect, it } from "@jest/globals";
import type { JsonValue } from "../../../src/core/encoding/json-reader.ts";
import type { IdentityRules } from "../../../src/core/identity/issuer.ts";
import { derive, refusal } from "../../support/derive.ts";
import { githubRules } from "../../support/provider-samples.ts";
import { REFUSED_ADDRESSES } from "../../support/refused-addresses.ts";
import { REFUSED_URI_PARTS, URI_CLAIMS } from "../../support/refused-uri-parts.ts";

const EMAIL: IdentityRules = { kind: "email", emailTrust: "verified" };
const EMAIL_UNCHECKED: IdentityRules = { kind: "email", emailTrust: "unverified" };
const GITHUB: IdentityRules = githubRules();

describe("derivePrincipal for email issuers", () => {
  it("145: names the address, challenges with it and keeps issuer and subject", () => {
    expect(derive(EMAIL, { email: "alice@example.com", email_verified: true })).toEqual({
      challenge: "alice@example.com",
      challengeClaim: "email",
      subjectAltName: { kind: "email", value: "alice@example.com" },
      extensions: { issuer: "https://issuer.example", tokenSubject: "the-subject" },
    });
  });

  it("accepts email_verified true", () => {
    expect(derive(EMAIL, { email: "a@b.example", email_verified: true }).challenge).toBe("a@b.example");
  });

  const ONE = { kind: "number", text: "1" } as const;
  it.each(["true", "True", false, "false", "False", undefined, null, ONE, "1", "yes", "TRUE", "", [true]])(
    "G03, 149: refuses email_verified %p",
    (email_verified) => {
      expect(refusal(EMAIL, { email: "a@b.example", email_verified }).reason).toBe("TOKEN_EMAIL_UNVERIFIED");
    },
  );

  it.each([undefined, false, "false", true, "true"])(
    "G03, 150–152: accepts %p where nothing is verified",
    (email_verified) => {
      expect(derive(EMAIL_UNCHECKED, { email: "a@b.example", email_verified }).challenge).toBe("a@b.example");
    },
  );

  it.each([null, ONE, "TRUE", "yes"])("G03: refuses %p even where nothing is verified", (email_verified) => {
    expect(refusal(EMAIL_UNCHECKED, { email: "a@b.example", email_verified }).reason).toBe("TOKEN_EMAIL_UNVERIFIED");
  });

  it("G01, 153: refuses a token without email and names the claim", () => {
    expect(refusal(EMAIL, { email_verified: true })).toEqual({
      reason: "TOKEN_CLAIM_MISSING",
      message: "the token has no email claim",
    });
  });

  const longLabel = "l".repeat(63);
  it.each([
    "a@b.co",
    "a.b+c@sub.example.com",
    "!#$%&'*+/=?^_`{|}~-@example.com",
    `${"l".repeat(64)}@example.com`,
    `a@${longLabel}.example`,
    "G07@xn--bcher-kva.example",
    "G09.Upper.Case@Example.COM",
  ])("accepts %s and keeps every byte of it", (email) => {
    const principal = derive(EMAIL, { email, email_verified: true });
    expect(principal.challenge).toBe(email);
    expect(principal.subjectAltName).toEqual({ kind: "email", value: email });
  });

  it.each<readonly [string, string, JsonValue]>([
    ["G1", "that is empty", ""],
    ["G1", "that is a number", ONE],
    ["G1", "that is null", null],
    ["G1", "that is a list", ["a@b.example"]],
    ...REFUSED_ADDRESSES,
  ])("%s: refuses an address %s", (_row, _name, email) => {
    expect(refusal(EMAIL, { email, email_verified: true }).reason).toBe("TOKEN_EMAIL_INVALID");
  });
});

const WORKFLOW = "octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main";

const GITHUB_CLAIMS = {
  job_workflow_ref: "octo-org/automation/.github/workflows/build.yml@refs/tags/v1",
  sha: "a".repeat(40),
  event_name: "push",
  repository: "octo-org/octo-repo",
  workflow: "Release & <publish>",
  ref: "refs/heads/main",
  job_workflow_sha: "b".repeat(40),
  runner_environment: "github-hosted",
  repository_id: "74",
  repository_owner: "octo-org",
  repository_owner_id: "65",
  repository_visibility: "public",
  workflow_ref: WORKFLOW,
  workflow_sha: "c".repeat(40),
  run_id: "1234567890",
  run_attempt: "2",
} as const;

describe("derivePrincipal for GitHub Actions", () => {
  it("fills the name and every extension that Fulcio's github-workflow provider fills", () => {
    expect(derive(GITHUB, { ...GITHUB_CLAIMS, environment: "production" })).toEqual({
      challenge: "the-subject",
      challengeClaim: "sub",
      subjectAltName: { kind: "uri", value: `https://github.com/${GITHUB_CLAIMS.job_workflow_ref}` },
      extensions: {
        issuer: "https://issuer.example",
        githubWorkflowTrigger: "push",
        githubWorkflowSha: "a".repeat(40),
        githubWorkflowName: "Release & <publish>",
        githubWorkflowRepository: "octo-org/octo-repo",
        githubWorkflowRef: "refs/heads/main",
        buildSignerUri: `https://github.com/${GITHUB_CLAIMS.job_workflow_ref}`,
        buildSignerDigest: "b".repeat(40),
        runnerEnvironment: "github-hosted",
        sourceRepositoryUri: "https://github.com/octo-org/octo-repo",
        sourceRepositoryDigest: "a".repeat(40),
        sourceRepositoryRef: "refs/heads/main",
        sourceRepositoryIdentifier: "74",
        sourceRepositoryOwnerUri: "https://github.com/octo-org",
        sourceRepositoryOwnerIdentifier: "65",
        buildConfigUri: `https://github.com/${WORKFLOW}`,
        buildConfigDigest: "c".repeat(40),
        buildTrigger: "push",
        runInvocationUri: "https://github.com/octo-org/octo-repo/actions/runs/1234567890/attempts/2",
        sourceRepositoryVisibilityAtSigning: "public",
        deploymentEnvironment: "production",
        tokenSubject: "the-subject",
      },
    });
  });

  it.each([undefined, ""])("leaves the environment out when it is %p", (environment) => {
    expect(derive(GITHUB, { ...GITHUB_CLAIMS, environment }).extensions.deploymentEnvironment).toBeUndefined();
  });

  it("G18: refuses a token that says another host than the configuration", () => {
    expect(refusal(GITHUB, { ...GITHUB_CLAIMS, url: "https://evil.example" })).toEqual({
      reason: "TOKEN_CLAIM_INVALID",
      message: "the url claim contradicts the setting of that name",
    });
  });

  it("G18: takes the host from the configuration, whatever claims are called baseUrl or iss", () => {
    const enterprise = githubRules("https://github.example");
    const claims = { ...GITHUB_CLAIMS, url: "https://github.example", baseUrl: "https://evil.example", iss: "x" };
    expect(derive(enterprise, claims).subjectAltName.value).toBe(
      `https://github.example/${GITHUB_CLAIMS.job_workflow_ref}`,
    );
    expect(derive(enterprise, claims).extensions.sourceRepositoryOwnerUri).toBe("https://github.example/octo-org");
  });

  const names = Object.keys(GITHUB_CLAIMS);

  it.each(names)("refuses a token without %s and names the claim", (name) => {
    const expected = { reason: "TOKEN_CLAIM_MISSING", message: `the token has no ${name} claim` };
    expect(refusal(GITHUB, { ...GITHUB_CLAIMS, [name]: undefined })).toEqual(expected);
    expect(refusal(GITHUB, { ...GITHUB_CLAIMS, [name]: "" })).toEqual(expected);
  });

  it.each([...names, "environment"])(
    "G20: refuses %s unless it is a short text or scalar without control characters",
    (name) => {
      const unfit: JsonValue[] = [null, { kind: "number", text: "-0" }, ["x"], new Map(), "a\nb", "a\0", "a\u0085"];
      for (const value of [...unfit, "x".repeat(1025), "é".repeat(513)]) {
        const { reason, message } = refusal(GITHUB, { ...GITHUB_CLAIMS, [name]: value });
        expect(reason).toBe("TOKEN_CLAIM_INVALID");
        expect(message).toContain(name);
      }
    },
  );

  it("takes claims of exactly 1,024 bytes", () => {
    const workflow = "é".repeat(512);
    expect(derive(GITHUB, { ...GITHUB_CLAIMS, workflow }).extensions.githubWorkflowName).toBe(workflow);
  });

  describe.each(URI_CLAIMS)("G19: in %s", (name) => {
    it.each(REFUSED_URI_PARTS)("refuses %s", (value) => {
      expect(refusal(GITHUB, { ...GITHUB_CLAIMS, [name]: value }).reason).toBe("SAN_NOT_PERMITTED");
    });
  });

  it.each(["@evil.example", "x@evil.example", ":80@evil.example", "https:evil.example", ".evil.example"])(
    "G19: leaves the host alone when the claim is %s",
    (job_workflow_ref) => {
      const { value } = derive(GITHUB, { ...GITHUB_CLAIMS, job_workflow_ref }).subjectAltName;
      expect(value).toBe(`https://github.com/${job_workflow_ref}`);
      expect(new URL(value).host).toBe("github.com");
    },
  );

  it.each([
    // By the rules of Go's net/url: a path that is valid as it stands is kept, any other is escaped anew.
    ["o/r/w.yml@refs/heads/grün", "o/r/w.yml@refs/heads/gr%C3%BCn"],
    ["o/r/w.yml@refs/heads/a b", "o/r/w.yml@refs/heads/a%20b"],
    ['o/r/w.yml@refs/heads/"<>{|}`^', "o/r/w.yml@refs/heads/%22%3C%3E%7B%7C%7D%60%5E"],
    ["o/r/w.yml@refs/heads/it's", "o/r/w.yml@refs/heads/it's"],
    ["o/r/w.yml@refs/heads/it's ü", "o/r/w.yml@refs/heads/it%27s%20%C3%BC"],
    ["o/r/w.yml@refs/heads/50%25", "o/r/w.yml@refs/heads/50%25"],
    ["o/r/w.yml@refs/heads/(a)!*[1],;=+$&~", "o/r/w.yml@refs/heads/(a)!*[1],;=+$&~"],
  ])("writes %s as an ASCII URI", (job_workflow_ref, path) => {
    const principal = derive(GITHUB, { ...GITHUB_CLAIMS, job_workflow_ref });
    expect(principal.subjectAltName.value).toBe(`https://github.com/${path}`);
    expect(principal.extensions.buildSignerUri).toBe(`https://github.com/${job_workflow_ref}`);
  });

  it.each(["o/r/w.yml@refs/heads/50%", "o/r/w.yml@refs/heads/%zz", "o/r/w.yml@refs/heads/ü%41", "ü".repeat(512)])(
    "G24: refuses %s, which has no one ASCII form within 2,048 bytes",
    (job_workflow_ref) => {
      expect(refusal(GITHUB, { ...GITHUB_CLAIMS, job_workflow_ref }).reason).toBe("SAN_NOT_PERMITTED");
    },
  );

  it.each(["{{ .secret }}", "{{call .x}}", "${x}", "%s"])("G17: inserts %s literally", (event_name) => {
    expect(derive(GITHUB, { ...GITHUB_CLAIMS, event_name }).extensions.buildTrigger).toBe(event_name);
  });
});
