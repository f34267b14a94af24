import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { openProviderPack, providerFile } from "../../../src/config/provider-pack.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";
import { NOW, openDoor } from "../../support/door.ts";
import type { Answer, Door } from "../../support/door.ts";
import { expectFulcioLeaf } from "../../support/fulcio-leaf.ts";
import { pemsIn } from "../../support/issued.ts";
import { rulesOf, samplesOf } from "../../support/provider-samples.ts";
import { badToken } from "../../support/refusal.ts";

type Claims = Readonly<Record<string, unknown>>;

const PACKS = {
  buildkite: "buildkite",
  "buildkite-job": "buildkite-job-legacy",
  codefresh: "codefresh",
  github: "github-actions",
  "github-workflow": "github-workflow-legacy",
  gitlab: "gitlab-ci",
  "gitlab-pipeline": "gitlab-pipeline-legacy",
} as const;

type Platform = keyof typeof PACKS;

const opened = (platform: Platform) => openProviderPack(providerFile(PACKS[platform]));

/** Each platform has an issuer of its own behind the door; GitLab's names are below it. */
const hostOf = (platform: Platform): string => `${platform}.example.com`;
const issuerOf = (platform: Platform): string => `https://${hostOf(platform)}`;

/** Claims of the pack's first sample, as this issuer would say them. */
function goodClaims(platform: Platform): Claims {
  const claims: Claims = samplesOf(opened(platform))[0]?.claims ?? {};
  const uri = claims["ci_config_ref_uri"];
  return typeof uri === "string"
    ? { ...claims, ci_config_ref_uri: uri.replace("gitlab.com", hostOf(platform)) }
    : claims;
}

let door: Door;
beforeAll(async () => {
  const platforms = Object.keys(PACKS) as Platform[];
  door = await openDoor({
    memoryIssuers: platforms.map((platform) =>
      issuerSettings({ url: issuerOf(platform), identity: rulesOf(opened(platform)) }),
    ),
  });
});
afterAll(() => door.close());

function sign(platform: Platform, changes: Claims = {}, iss = issuerOf(platform)): Promise<Answer> {
  const claims: Record<string, unknown> = { ...goodClaims(platform), ...changes };
  const standard = { iss, aud: "sigstore", iat: NOW, exp: NOW + 600 };
  return door.sign({
    token: door.token({ email: undefined, email_verified: undefined, ...claims, ...standard }),
    challenge: String(claims["sub"]),
  });
}

type Extensions = readonly (readonly [arc: number, text: string])[];

function expectLeaf(answer: Answer, platform: Platform, content: { readonly name: string; readonly says: Extensions }) {
  door.expectIssued(answer);
  const issuer = issuerOf(platform);
  const subject = String(goodClaims(platform)["sub"]);
  const extensions = [[1, issuer], [8, issuer], [24, subject], ...content.says] as const;
  expectFulcioLeaf(pemsIn(answer)[0] ?? "", door.callerKey, {
    subjectAltName: `URI:${content.name}`,
    extensions: extensions.toSorted(([a], [b]) => a - b),
  });
}

/** A row for each claim, and the platform whose token may not be without it. */
const missing = (platform: Platform, first: number, claims: readonly string[]) =>
  claims.map((claim, index) => [`[FC${String(first + index)}]`, platform, claim] as const);

describe("tokens of CI platforms", () => {
  it.each([
    ...missing("buildkite-job", 182, ["organization_slug", "pipeline_slug"]),
    ...missing("github-workflow", 184, [
      ...["job_workflow_ref", "sha", "event_name", "repository", "workflow", "ref", "job_workflow_sha"],
      ...["runner_environment", "repository_id", "repository_owner", "repository_owner_id", "repository_visibility"],
      ...["workflow_ref", "workflow_sha", "run_id", "run_attempt"],
    ]),
    ...missing("gitlab-pipeline", 201, ["pipeline_source", "project_path", "ci_config_ref_uri"]),
    ...missing("codefresh", 209, ["workflow_id", "account_id", "pipeline_id"]),
  ])("%s of %s are refused without %s, which the trail names", async (_row, platform, claim) => {
    for (const value of [undefined, ""]) {
      door.expectRefused(await sign(platform, { [claim]: value }), badToken("TOKEN_CLAIM_MISSING"));
      expect(door.audit.records.at(-1)).toMatchObject({ detail: `the token has no ${claim} claim` });
    }
  });
});

describe("issuers of CI platforms", () => {
  it.each<[string, Platform]>([
    ["[FC78]", "gitlab-pipeline"],
    ["[FC79]", "buildkite-job"],
    ["[FC80]", "codefresh"],
    ["[FC81]", "github"],
  ])("%s have the tokens of %s, and no other issuer has them", async (_row, platform) => {
    door.expectIssued(await sign(platform));
    for (const iss of [`${issuerOf(platform)}/other`, "https://unknown.example.com"]) {
      door.expectRefused(await sign(platform, {}, iss), badToken("ISSUER_UNKNOWN"));
    }
    const other = platform === "codefresh" ? "github" : "codefresh";
    door.expectRefused(await sign(platform, {}, issuerOf(other)), badToken("TOKEN_CLAIM_MISSING"));
  });
});

describe("certificates of CI platforms", () => {
  const buildkite = "https://buildkite.com/acme-inc/super-duper-app";

  it("[FC181] name organization and pipeline of Buildkite's own type, and nothing else", async () => {
    expectLeaf(await sign("buildkite-job"), "buildkite-job", { name: buildkite, says: [] });
  });

  it("[FC10] name organization and pipeline of Buildkite", async () => {
    expectLeaf(await sign("buildkite"), "buildkite", {
      name: buildkite,
      says: [
        [11, "buildkite-hosted"],
        [13, "9f3182061f1e2cca4702c368cbc039b7dc9d4485"],
        [20, "webhook"],
        [21, `${buildkite}/builds/1234#0184990a-477b-4fa8-9968-496074483cee`],
      ],
    });
  });

  const repository = "https://github.com/octo-org/octo-repo";
  const workflow = "https://github.com/octo-org/automation/.github/workflows/build.yml@refs/tags/v1";
  const job: Extensions = [
    [2, "push"],
    [3, "8f3c2a7d5b1e4f6098a7c6d5e4b3a29180f7e6d5"],
    [4, "Release & <publish>"],
    [5, "octo-org/octo-repo"],
    [6, "refs/heads/main"],
    [9, workflow],
    [10, "1d2c3b4a5968778695a4b3c2d1e0f00112233445"],
    [11, "github-hosted"],
    [12, repository],
    [13, "8f3c2a7d5b1e4f6098a7c6d5e4b3a29180f7e6d5"],
    [14, "refs/heads/main"],
    [15, "74"],
    [16, "https://github.com/octo-org"],
    [17, "65"],
    [18, `${repository}/.github/workflows/release.yml@refs/heads/main`],
    [19, "2e3f4a5b6c7d8e9f00112233445566778899aabb"],
    [20, "push"],
    [21, `${repository}/actions/runs/10264829105/attempts/2`],
    [22, "public"],
  ];

  it("[FC200] [FC217] say all there is of GitHub's own type, and no environment", async () => {
    expectLeaf(await sign("github-workflow"), "github-workflow", { name: workflow, says: job });
    const answer = await sign("github-workflow", { environment: "production" });
    expectLeaf(answer, "github-workflow", { name: workflow, says: job });
  });

  it("[FC232] say of GitHub the environment of a job that has one", async () => {
    expectLeaf(await sign("github"), "github", { name: workflow, says: [...job, [23, "production"]] });
  });

  it.each([undefined, ""])("[FC233] say of GitHub no environment when it is %j", async (environment) => {
    expectLeaf(await sign("github", { environment }), "github", { name: workflow, says: job });
  });

  const project = (platform: Platform): string => `${issuerOf(platform)}/my-group/sub/my-project`;
  const pipeline = (platform: Platform): string => `${project(platform)}//.gitlab-ci.yml@refs/heads/main`;
  const ofGitlab = (platform: Platform): Extensions => [
    [9, pipeline(platform)],
    [10, "714a629c0b401fdce83e847fc9589983fc6f46bc"],
    [11, "gitlab-hosted"],
    [12, project(platform)],
    [13, "9f3182061f1e2cca4702c368cbc039b7dc9d4485"],
    [14, "refs/heads/main"],
    [15, "42831435"],
    [16, `${issuerOf(platform)}/my-group/sub`],
    [17, "1730270"],
    [18, pipeline(platform)],
    [19, "714a629c0b401fdce83e847fc9589983fc6f46bc"],
    [20, "push"],
    [21, `${project(platform)}/-/jobs/3659681386`],
    [22, "public"],
  ];

  it("[FC13] keep the two slashes in front of GitLab's file, and say all there is", async () => {
    const says: Extensions = [...ofGitlab("gitlab"), [23, "production"]];
    expectLeaf(await sign("gitlab"), "gitlab", { name: pipeline("gitlab"), says });
  });

  it.each([
    ["[FC204]", "ci_config_sha", [10, 19]],
    ["[FC205]", "project_visibility", [22]],
  ] as const)("%s leave out what GitLab's own type has no %s for", async (_row, claim, arcs) => {
    const says = ofGitlab("gitlab-pipeline").filter(([arc]) => !arcs.some((left) => left === arc));
    const answer = await sign("gitlab-pipeline", { [claim]: undefined });
    expectLeaf(answer, "gitlab-pipeline", { name: pipeline("gitlab-pipeline"), says });
  });

  const codefresh = "https://g.codefresh.io";
  const byHand: Extensions = [
    [9, `${codefresh}/build/65e6bcf7c2af1f228fa97f80`],
    [11, "hybrid"],
    [18, `${codefresh}/api/pipelines/65e5a53e52853dc51a5b0cc1`],
    [21, `${codefresh}/build/65e6bcf7c2af1f228fa97f80`],
  ];
  const repositoryOf: Extensions = [
    [12, repository],
    [14, "main"],
  ];

  it.each([
    ["[FC206]", "by hand", { scm_repo_url: undefined, scm_ref: undefined, platform_url: undefined }, byHand],
    ["[FC14] [FC207]", "by a push", {}, [...byHand, ...repositoryOf]],
    ["[FC208]", "by a pull request", { scm_pull_request_target_branch: "main" }, [...byHand, ...repositoryOf]],
  ])("%s say what Codefresh says of a pipeline started %s", async (_row, _how, changes, says) => {
    const name = `${codefresh}/octo-account/releases/publish:628a80b693a15c0f9c13ab75/65e5a53e52853dc51a5b0cc1`;
    expectLeaf(await sign("codefresh", changes), "codefresh", { name, says });
  });
});
