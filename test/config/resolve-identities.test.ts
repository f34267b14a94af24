import { describe, expect, it } from "@jest/globals";
import { openProviderPack, providerFile, providerNames } from "../../src/config/provider-pack.ts";
import type { OpenedPack, OpenedTemplatePack } from "../../src/config/provider-pack.ts";
import { prepareIdentities } from "../../src/config/resolve-identities.ts";
import { isSharedIssuer } from "../../src/config/shared-issuers.ts";
import { samplesOf } from "../support/provider-samples.ts";

const resolveIdentity = prepareIdentities("/");
const outcome = (provider: string, url: string, kind: "provider" | "ci-provider" = "provider"): unknown =>
  resolveIdentity(kind === "provider" ? { kind, provider } : { kind, provider, settings: {} }, url);
const problem = (message: unknown) => ({ problems: [{ path: ["provider"], message }] });

const ISSUERS = providerNames()
  .map((name) => openProviderPack(providerFile(name)))
  .filter((opened): opened is Extract<OpenedPack, { kind: "identity" }> => opened.kind === "identity");

describe("a platform that is named", () => {
  it.each(ISSUERS.map((opened) => [opened.pack.name, opened] as const))("is %s for its issuers", (name, opened) => {
    const urls = [...opened.pack.issuers, ...samplesOf(opened).map(({ issuer }) => issuer)];
    for (const url of urls) expect(outcome(name, url)).toEqual({ rules: opened.pack.identity });
  });

  it("may have a narrower pattern of its issuers", () => {
    const rules = { rules: { kind: "kubernetes" } };
    expect(outcome("eks", "https://oidc.eks.eu-*.amazonaws.com/id/*")).toEqual(rules);
    expect(outcome("gke", "https://container.googleapis.com/v1/projects/ours/locations/*/clusters/*")).toEqual(rules);
  });

  it.each([
    ["eks", "https://oidc.eks.eu-west-1.amazonaws.com.evil.example/id/A"],
    ["eks", "https://evil.example/id/A"],
    ["eks", "https://oidc.eks.eu-west-1.amazonaws.com/id/A/"],
    ["eks", "http://oidc.eks.eu-west-1.amazonaws.com/id/A"],
    ["eks", "https://oidc.*.eu-west-1.amazonaws.com/id/A"],
    ["eks", "https://o*dc.eks.eu-west-1.amazonaws.com/id/*"],
    ["gke", "https://container.googleapis.com/v1/projects/a/locations/b"],
    ["aks", "https://oidc.prod-aks.azure.com/a/b/"],
    ["google", "https://accounts.google.com/"],
    ["google", "https://accounts.*.com"],
    ["chainguard", "https://issuer.enforce.dev.example.com"],
  ])("is not %s for %s", (name, url) => {
    expect(outcome(name, url)).toEqual(problem(expect.stringContaining(`${name} is not for ${url}, but for https://`)));
  });

  it("is told where the word for it is another one", () => {
    expect(outcome("buildkite", "https://agent.buildkite.com")).toEqual(
      problem("buildkite is a CI platform; write { kind: ci-provider, provider: buildkite }"),
    );
    expect(outcome("eks", "https://a.example.com", "ci-provider")).toEqual(
      problem("eks is no pack of templates; write { kind: provider, provider: eks }"),
    );
    expect(outcome("ekss", "https://a.example.com")).toEqual(problem("no such provider; did you mean eks?"));
  });

  it("has no issuer of everybody's that could do without claim rules", () => {
    const ofEverybody = ISSUERS.filter(({ pack }) => !pack.selfHosted).flatMap(({ pack }) => pack.issuers);
    expect(ofEverybody.filter((url) => !isSharedIssuer(url))).toEqual([]);
  });
});

const KNOWN_PLATFORMS = providerNames()
  .map((name) => openProviderPack(providerFile(name)))
  .filter((opened): opened is OpenedTemplatePack => opened.kind === "templates")
  .map(({ pack }) => [pack.name, pack] as const);
const ELSEWHERE = "https://ci.example.com/_services/token";

describe("a platform of CI", () => {
  const resolve = (provider: string, url: string, settings: Readonly<Record<string, string>> = {}) =>
    resolveIdentity({ kind: "ci-provider", provider, settings }, url);

  it.each(KNOWN_PLATFORMS)("is where %s says for its own issuers, and for those of development", (name, pack) => {
    for (const url of [...pack.issuers, "http://127.0.0.1:8888"]) {
      expect(resolve(name, url)).toEqual({ rules: expect.objectContaining({ kind: "ci-provider" }) as unknown });
    }
  });

  it.each(KNOWN_PLATFORMS)("is not %s's for any other issuer, but where its entry says", (name, pack) => {
    const usual = Object.entries(pack.settings).flatMap(([setting, { default: text }]) =>
      text === undefined ? [] : [[setting, text] as const],
    );
    const problems = usual.map(([setting, text]) => ({
      path: ["settings", setting],
      message: `required for ${ELSEWHERE}: ${text} is where ${name} has the platform of ${pack.issuers.join(", ")} alone`,
    }));
    expect(resolve(name, ELSEWHERE)).toEqual(
      problems.length === 0 ? { rules: expect.anything() as unknown } : { problems },
    );
    expect(resolve(name, ELSEWHERE, Object.fromEntries(usual))).toHaveProperty("rules");
  });

  it.each([
    "https://token.actions.githubusercontent.com.evil.example",
    "https://token.actions.githubusercontent.com/a/b",
    "https://token.actions.*.com",
    "https://*.actions.githubusercontent.com/a",
  ])("is not GitHub for %s", (url) => {
    expect(resolve("github-actions", url)).toHaveProperty("problems");
    const short = resolveIdentity({ kind: "github-actions" }, url);
    expect(short).toEqual({ problems: [expect.objectContaining({ path: ["baseUrl"] })] });
    const told = resolveIdentity({ kind: "github-actions", baseUrl: "https://ghe.example.com" }, url);
    expect(told).toHaveProperty("rules");
  });
});
