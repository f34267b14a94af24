import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openProviderPack } from "../../src/config/provider-pack.ts";
import { prepareIdentities } from "../../src/config/resolve-identities.ts";
import { derive, refusal } from "../support/derive.ts";
import { openRules } from "../support/provider-samples.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-pack-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A file with a pack of one's own; what is changed, by its line's name. */
function packWith(changes: Readonly<Record<string, string>>): string {
  const lines = {
    name: "own",
    description: "Jobs",
    issuers: "[https://ci.example.com]",
    settings: "{ url: { description: where, default: https://ci.example.com } }",
    claims: "{ required: [job] }",
    subjectAlternativeName: '"{{ .url }}/{{ .job }}"',
    extensions: "{}",
    ...changes,
  };
  const file = join(folder, "own.yaml");
  writeFileSync(
    file,
    Object.entries(lines)
      .map(([name, text]) => `${name}: ${text}\n`)
      .join(""),
  );
  return file;
}

function problemsOf(
  changes: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>>,
): readonly string[] {
  const file = packWith(changes);
  const resolved = prepareIdentities(folder)(
    { kind: "ci-provider", providerFile: file, settings },
    "https://ci.example.com",
  );
  return "rules" in resolved ? [] : resolved.problems.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

const BARE = {
  settings: "{ host: { description: where, default: ci.example.com } }",
  subjectAlternativeName: '"https://{{ .host }}/{{ .job }}"',
};
const UNSAID = { settings: "{ url: { description: where } }" };
const OF_ISSUER = { settings: "{ url: { description: where, issuerOrigin: true } }" };

describe("settings of a pack", () => {
  it.each([
    ["nothing where there is a default", {}, {}],
    ["a URL in the place of one", {}, { url: "https://a.example/b" }],
    ["a host in the place of one", BARE, { host: "a.example:8443" }],
    ["a URL where it must be said", UNSAID, { url: "https://a.example" }],
    ["a URL in the place of the issuer's origin", OF_ISSUER, { url: "https://a.example/git" }],
  ])("may be %s", (_what, changes, settings) => {
    expect(problemsOf(changes, settings)).toEqual([]);
  });

  it.each([
    ["a host in the place of a URL", {}, { url: "a.example" }, "settings.url: expected https://host"],
    [
      "a host in the place of the issuer's origin",
      OF_ISSUER,
      { url: "a.example" },
      "settings.url: expected https://host",
    ],
    [
      "a URL in the place of a host",
      BARE,
      { host: "https://a.example" },
      "settings.host: expected a host without a scheme, as ci.example.com",
    ],
    ["nothing where it must be said", UNSAID, {}, "settings: own needs a value for url"],
    ["another name", {}, { uri: "https://a.example" }, "settings.uri: own has no such setting; did you mean url?"],
    [
      "a name that every object has",
      {},
      { constructor: "https://a.example" },
      "settings.constructor: own has no such setting",
    ],
  ])("may not be %s", (_what, changes, settings, problem) => {
    expect(problemsOf(changes, settings)).toEqual([problem]);
  });
});

describe("claims of a pack", () => {
  it("are called as a platform likes, as every object's members too", () => {
    const claims = { claims: "{ required: [job, constructor], optional: [toString], values: { constructor: [a] } }" };
    const rules = openRules(packWith({ ...claims, extensions: "{ build-trigger: toString }" }));
    const { extensions } = derive(rules, { job: "j", constructor: "a", toString: "b" });
    expect(extensions.buildTrigger).toBe("b");
    expect(refusal(rules, { job: "j", constructor: "b" }).reason).toBe("TOKEN_CLAIM_INVALID");
  });

  it("have no list of values because every object has such a member", () => {
    const rules = openRules(packWith({ claims: "{ required: [job, valueOf] }" }));
    expect(derive(rules, { job: "j", valueOf: "a" }).challenge).toBe("the-subject");
  });
});

describe("a pack", () => {
  it.each([
    ["https://**.example.com", "two in a row say nothing more"],
    ["https://ci.example.com/*?x", "expected https://host/path with stars"],
    ["ftp://*.example.com", "expected https://host/path with stars"],
  ])("names no issuers as %s", (issuer, says) => {
    expect(() => openProviderPack(packWith({ issuers: `["${issuer}"]` }))).toThrow(`issuers[0]: `);
    expect(() => openProviderPack(packWith({ issuers: `["${issuer}"]` }))).toThrow(says);
  });
});
