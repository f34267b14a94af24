import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fulcioProviderDefinition } from "../../src/config/fulcio-provider.ts";
import { findMatchingPack } from "../../src/config/matching-pack.ts";
import { writeProviderPack } from "../../src/config/write-provider-pack.ts";
import type { JsonValue } from "../../src/core/encoding/json-reader.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { ANY_TOKEN } from "../../src/core/identity/claim-rules.ts";
import { buildCiProviderRules, CiProviderError } from "../../src/core/identity/ci-provider.ts";
import type { CiProviderDefinition } from "../../src/core/identity/ci-provider.ts";
import { derivePrincipal } from "../../src/core/identity/derive-principal.ts";
import type { Principal } from "../../src/core/identity/principal.ts";
import { issuerSettings } from "../support/issuer-settings.ts";
import { fulcioIssuers, SHIPPED_ISSUERS } from "../support/fulcio.ts";
import { openRules } from "../support/provider-samples.ts";

/** Metadata of one provider, called `ci`, as Fulcio's file has it. */
function definition(name: string, more = ""): CiProviderDefinition {
  const text = `ci-issuer-metadata:\n  ci:\n    subject-alternative-name-template: ${JSON.stringify(name)}\n${more}`;
  return fulcioProviderDefinition("ci", fulcioIssuers(text).ciMetadata.get("ci")!);
}

const EXTENSION = (template: string): string =>
  `    extension-templates:\n      build-trigger: ${JSON.stringify(template)}\n`;
const DEFAULTS = (values: Readonly<Record<string, string>>): string =>
  `    default-template-values: ${JSON.stringify(values)}\n`;

const SHIPPED = new Map(
  [...fulcioIssuers(SHIPPED_ISSUERS).ciMetadata].map(([name, metadata]) => [
    name,
    fulcioProviderDefinition(name, metadata),
  ]),
);

function derive(
  from: CiProviderDefinition,
  claims: Readonly<Record<string, JsonValue>>,
  issuer = "https://ci.example.com",
): Principal {
  const identity = buildCiProviderRules(from);
  return derivePrincipal({
    issuer: issuerSettings({ url: issuer, identity }),
    subject: "the-subject",
    claims: new Map(Object.entries(claims)),
    rule: ANY_TOKEN,
  });
}

const nameFor = (...token: Parameters<typeof derive>): string => derive(...token).subjectAltName.value;
const triggerFor = (...token: Parameters<typeof derive>): string | undefined =>
  derive(...token).extensions.buildTrigger;

function refusal(...token: Parameters<typeof derive>): string {
  try {
    derive(...token);
  } catch (error) {
    if (error instanceof MayflyError) return `${error.reason}: ${error.message}`;
    throw error;
  }
  throw new Error("a principal was derived");
}

const NAME = "https://ci.example.com/{{ .job }}";

describe("defaults of Fulcio's issuer file", () => {
  it("[FC227] [G18b] stand where the token has no such claim", () => {
    const of = definition(NAME, EXTENSION("trigger") + DEFAULTS({ trigger: "by hand" }));
    expect(triggerFor(of, { job: "a" })).toBe("by hand");
  });

  it("[FC228] [G18b] give way to a claim of the same name", () => {
    const of = definition(NAME, EXTENSION("trigger") + DEFAULTS({ trigger: "by hand" }));
    expect(triggerFor(of, { job: "a", trigger: "push" })).toBe("push");
    expect(triggerFor(of, { job: "a", trigger: "" })).toBeUndefined();
  });

  it.each([
    ["[FC229] by its name", "trigger", undefined],
    ["[FC230] in braces", "{{ .trigger }}", undefined],
    ["[FC231] beside text", "{{ .trigger }}/123", "/123"],
  ])("are empty texts where they are empty, %s", (_how, template, text) => {
    const of = definition(NAME, EXTENSION(template) + DEFAULTS({ trigger: "" }));
    expect(triggerFor(of, { job: "a" })).toBe(text);
  });

  it.each([
    ["is a URL", "{{ .url }}/{{ .job }}", { url: "https://ci.example.com" }],
    ["stands behind a scheme", "https://{{ .url }}/{{ .job }}", { url: "ci.example.com" }],
  ])("[G18b] give way to no claim where one %s", (_where, name, defaults) => {
    const of = definition(name, DEFAULTS(defaults));
    expect(nameFor(of, { job: "a" })).toBe("https://ci.example.com/a");
    expect(nameFor(of, { job: "a", ...defaults })).toBe("https://ci.example.com/a");
    for (const url of ["https://evil.example", "evil.example", "x"]) {
      expect(refusal(of, { job: "a", url })).toBe(
        "TOKEN_CLAIM_INVALID: the url claim contradicts the setting of that name",
      );
    }
  });
});

describe("a name whose host is a claim's", () => {
  const gitlab = definition(
    "https://{{ .uri }}",
    EXTENSION("{{ .url }}/{{ .job }}") + DEFAULTS({ url: "https://gitlab.com" }),
  );
  const claims = { job: "a", uri: "ci.example.com/x//y" };

  it("is below the token's issuer, and so are the URLs beside it, whatever the default says", () => {
    expect(nameFor(gitlab, claims)).toBe("https://ci.example.com/x//y");
    expect(triggerFor(gitlab, claims)).toBe("https://ci.example.com/a");
  });

  it.each(["gitlab.com/x//y", "ci.example.com:8443/x", "ci.example.com.evil.example/x", "CI.example.com/x", "", "/x"])(
    "[G19] is refused when it is %j",
    (uri) => {
      expect(refusal(gitlab, { ...claims, uri })).toMatch(/^(?:SAN_NOT_PERMITTED|TOKEN_CLAIM_MISSING)/u);
    },
  );
});

describe("claims without a default", () => {
  it("[G16] are required where a template comes to need them, and named when they are missing", () => {
    const of = definition(NAME, EXTENSION('{{ if eq .kind "a" }}{{ .one }}{{ else }}{{ .two }}{{ end }}'));
    expect(triggerFor(of, { job: "j", kind: "a", one: "1" })).toBe("1");
    expect(triggerFor(of, { job: "j", kind: "b", two: "2" })).toBe("2");
    expect(refusal(of, { job: "j", kind: "b", one: "1" })).toBe("TOKEN_CLAIM_MISSING: the token has no two claim");
    expect(refusal(of, { job: "j", one: "1" })).toBe("TOKEN_CLAIM_MISSING: the token has no kind claim");
    expect(refusal(of, { kind: "a", one: "1" })).toBe("TOKEN_CLAIM_MISSING: the token has no job claim");
  });

  it.each(['https://ci.example.com/{{ index . "a/job" }}/x', 'https://ci.example.com/x/{{ (index . "a/job") }}'])(
    "[G16] leave no hole in a name by index: %s",
    (name) => {
      expect(refusal(definition(name), {})).toBe("TOKEN_CLAIM_MISSING: the token has no a/job claim");
      expect(refusal(definition(name), { "a/job": "" })).toBe("TOKEN_CLAIM_MISSING: the token has no a/job claim");
    },
  );

  it("[G16] leave no hole in a text by index", () => {
    const of = definition(NAME, EXTENSION('run-{{ index . "a/run" }}-x'));
    expect(refusal(of, { job: "j" })).toBe("TOKEN_CLAIM_MISSING: the token has no a/run claim");
  });

  it("may be missing where index gives them to a condition, or to an extension of their own", () => {
    const condition = definition(NAME, EXTENSION('{{ if eq (index . "a/ssh") "true" }}ssh{{ else }}""{{ end }}'));
    expect(triggerFor(condition, { job: "j" })).toBe('""');
    expect(triggerFor(condition, { job: "j", "a/ssh": true })).toBe("ssh");
    const alone = definition(NAME, EXTENSION('{{ index . "a/ref" }}'));
    expect(triggerFor(alone, { job: "j" })).toBeUndefined();
    expect(triggerFor(alone, { job: "j", "a/ref": "main" })).toBe("main");
  });
});

describe("templates of Fulcio's issuer file", () => {
  function fault(...of: Parameters<typeof definition>): Pick<CiProviderError, "field" | "message"> {
    try {
      buildCiProviderRules(definition(...of));
    } catch (error) {
      if (error instanceof CiProviderError) return { field: error.field, message: error.message };
      throw error;
    }
    throw new Error("rules were made");
  }

  it("[FC142] [R11] are refused at load when one does not end, in a name or an extension", () => {
    const message = 'column 10: "}" is no part of this language';
    expect(fault("{{.foobar}")).toEqual({ field: "subject-alternative-name-template", message });
    expect(fault(NAME, EXTENSION("{{.foobar}"))).toEqual({ field: "build-trigger", message });
    expect(buildCiProviderRules(definition(NAME, EXTENSION("{{.foobar}}"))).extensions).toHaveLength(1);
  });

  it.each([
    ["[R11] a function", '{{ printf "%s" .a }}', "column 4: printf is no word of this language"],
    ["[R11] a method of a claim", "https://a.example/{{ .a.String }}", "column 24: a claim has no parts of its own"],
    ["[R11] a loop", "{{ range .a }}{{ end }}", "column 4: range is no word of this language"],
    ["[R12] nothing", "", "column 1: the template is empty"],
    ["[R12] white space", " ", "column 1: the template is empty"],
    [
      "[R12] no claim",
      "https://a.example/b{{ `c` }}",
      "it uses no claim, so that all certificates would have the same name",
    ],
    ["no scheme", "a.example/{{ .a }}", "expected https://HOST/ at its start"],
    ["another scheme", "ftp://a.example/{{ .a }}", "expected https://HOST/ at its start"],
    ["no host", "https:///{{ .a }}", "expected https://HOST/ at its start"],
    ["user information", "https://me@a.example/{{ .a }}", "expected https://HOST/ at its start"],
    ["a port that is none", "https://a.example:port/{{ .a }}", "expected https://HOST/ at its start"],
    ["a space in the host", "https://a example/{{ .a }}", "expected https://HOST/ at its start"],
    ["a URL behind a scheme", "https://https://a.example/{{ .a }}", "expected https://HOST/ at its start"],
    ["a start that may be empty", "{{ if .a }}https://a.example/{{ end }}{{ .b }}", undefined],
    [
      "one start that is no URL",
      "{{ if .a }}https://a.example/{{ else }}b/{{ end }}{{ .a }}",
      "expected https://HOST/ at its start",
    ],
    ["a query", "https://a.example/?{{ .a }}", "a name has no query, no fragment and no escaped separators"],
    ["a fragment", "https://a.example/#{{ .a }}", "a name has no query, no fragment and no escaped separators"],
    [
      "an escaped separator",
      "https://a.example/%2F{{ .a }}",
      "a name has no query, no fragment and no escaped separators",
    ],
  ])("are refused at load in a name with %s", (_what, template, message) => {
    if (message === undefined) expect(buildCiProviderRules(definition(template)).provider).toBe("ci");
    else expect(fault(template)).toEqual({ field: "subject-alternative-name-template", message });
  });

  it("are not looked at where Fulcio does not: of issuer and subject, and blank ones", () => {
    const more = `    extension-templates: { issuer: "{{", subject: "{{ x }}", build-trigger: " " }\n`;
    expect(buildCiProviderRules(definition(NAME, more)).extensions).toEqual([]);
  });
});

describe("the providers of Fulcio's own issuer file", () => {
  it.each([
    ["github-workflow", { provider: "github-actions", settings: {} }],
    ["gitlab-pipeline", { provider: "gitlab-ci", settings: {} }],
    ["codefresh-workflow", { provider: "codefresh", settings: {} }],
    ["buildkite-job", { provider: "buildkite", settings: {} }],
    // Its slash in front of `workflow`, and the quotes of a job that does not run again, are not in ours.
    ["circleci-job", undefined],
  ])("%s is the pack that it should be", (name, pack) => {
    expect(findMatchingPack(SHIPPED.get(name)!)).toEqual(pack);
  });

  it("of another server are the pack with its URL", () => {
    const ghe = SHIPPED_ISSUERS.replace("url: 'https://github.com'", "url: https://ghe.example.com");
    const metadata = fulcioIssuers(ghe).ciMetadata.get("github-workflow")!;
    expect(findMatchingPack(fulcioProviderDefinition("github-workflow", metadata))).toEqual({
      provider: "github-actions",
      settings: { url: "https://ghe.example.com" },
    });
  });

  it.each([...SHIPPED.keys()])("%s makes a pack of one's own that is the same", (name) => {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-pack-"));
    try {
      const file = join(folder, "pack.yaml");
      writeFileSync(file, writeProviderPack(SHIPPED.get(name)!, ["https://ci.example.com"], ["a line", "another"]));
      expect(openRules(file)).toEqual(buildCiProviderRules({ ...SHIPPED.get(name)!, provider: name }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
