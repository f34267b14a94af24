import { describe, expect, it } from "@jest/globals";
import { openProviderPack, providerFile, providerNames } from "../../src/config/provider-pack.ts";
import type { OpenedPack } from "../../src/config/provider-pack.ts";
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
