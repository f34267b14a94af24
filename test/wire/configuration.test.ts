import { describe, expect, it } from "@jest/globals";
import type { IdentityRules } from "../../src/core/identity/issuer.ts";
import { githubRules } from "../support/provider-samples.ts";
import { buildConfiguration } from "../../src/wire/configuration.ts";

const issuer = (identity: IdentityRules) => ({ url: "https://issuer.example.com", audience: "sigstore", identity });

describe("the configuration message", () => {
  it("writes an e-mail issuer with every field, also those that are unset", () => {
    expect(buildConfiguration([issuer({ kind: "email", emailTrust: "verified" })])).toEqual({
      issuers: [
        {
          issuerUrl: "https://issuer.example.com",
          audience: "sigstore",
          challengeClaim: "email",
          spiffeTrustDomain: "",
          issuerType: "email",
          subjectDomain: "",
          skipEmailVerification: false,
        },
      ],
    });
  });

  it("tells when an issuer's e-mail addresses are taken unverified", () => {
    const [first] = buildConfiguration([issuer({ kind: "email", emailTrust: "unverified" })]).issuers;
    expect(first?.skipEmailVerification).toBe(true);
  });

  it("reports GitHub Actions under Fulcio's name for CI platforms, with sub as the challenge", () => {
    const identity = githubRules("https://github.example.com");
    const [first] = buildConfiguration([issuer(identity)]).issuers;
    expect(first).toMatchObject({ issuerType: "ci-provider", challengeClaim: "sub", skipEmailVerification: false });
    expect(JSON.stringify(first)).not.toContain("github.example.com");
  });

  it("keeps the order of the configuration", () => {
    const urls = ["https://b.example.com", "https://a.example.com", "https://c.example.com"];
    const issuers = urls.map((url) => ({ ...issuer({ kind: "email", emailTrust: "verified" }), url }));
    expect(buildConfiguration(issuers).issuers).toMatchObject(urls.map((issuerUrl) => ({ issuerUrl })));
  });

  it("[FC45] tells a pattern of issuers as one issuer that carries the pattern", () => {
    const pattern = "https://oidc.eks.*.amazonaws.com/id/*";
    const entry = { ...issuer({ kind: "kubernetes" }), url: pattern, pattern };
    const [first] = buildConfiguration([entry]).issuers;
    expect(first).toMatchObject({ wildcardIssuerUrl: pattern, audience: "sigstore", issuerType: "kubernetes" });
    expect(first).not.toHaveProperty("issuerUrl");
  });
});
