import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { parseConfig } from "../../src/config/load-config.ts";
import { openProviderPack, providerFile, providerNames } from "../../src/config/provider-pack.ts";
import { parseJson } from "../../src/core/encoding/json-reader.ts";
import type { JsonObject } from "../../src/core/encoding/json-reader.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { ANY_TOKEN } from "../../src/core/identity/claim-rules.ts";
import { EXTENSION_FIELDS } from "../../src/core/identity/ci-provider.ts";
import type { ExtensionName } from "../../src/core/identity/ci-provider.ts";
import { derivePrincipal } from "../../src/core/identity/derive-principal.ts";
import { issuerSettings } from "../support/issuer-settings.ts";
import { rulesOf, samplesOf } from "../support/provider-samples.ts";
import type { ProviderSample, SampleCertificate } from "../support/provider-samples.ts";

const PAGE = readFileSync(new URL("../../docs/providers.md", import.meta.url), "utf8");
const EXAMPLES = [...PAGE.matchAll(/```yaml\n(?<text>[^`]*)```/gu)].map(({ groups }) => groups?.["text"] ?? "");

/** What a sample's certificate would say, or the reason for which there is none. */
function outcome({ issuer, claims }: ProviderSample, identity: ReturnType<typeof rulesOf>): SampleCertificate | string {
  const read = parseJson(Buffer.from(JSON.stringify(claims)), { maxDepth: 8, maxMembers: 100 }) as JsonObject;
  try {
    const token = { issuer: issuerSettings({ url: issuer, identity }), rule: ANY_TOKEN, subject: "s", claims: read };
    const { subjectAltName, extensions } = derivePrincipal(token);
    const names = Object.keys(EXTENSION_FIELDS) as ExtensionName[];
    const filled = names.flatMap((name) => {
      const text = extensions[EXTENSION_FIELDS[name]];
      return text === undefined ? [] : [[name, text] as const];
    });
    return { subjectAlternativeName: subjectAltName.value, extensions: Object.fromEntries(filled) };
  } catch (error) {
    if (error instanceof MayflyError) return error.reason;
    throw error;
  }
}

describe("the page about CI platforms", () => {
  it("has a pack of one's own that does what its samples say, and issuers that use packs", () => {
    const own = EXAMPLES.find((text) => text.startsWith("name: ")) ?? "";
    const issuers = EXAMPLES.filter((text) => text.startsWith("issuers:"));
    const folder = mkdtempSync(join(tmpdir(), "mayfly-docs-"));
    try {
      const file = join(folder, "own.yaml");
      writeFileSync(file, own);
      const pack = openProviderPack(file);
      const samples = samplesOf(pack);
      expect(samples.map((sample) => outcome(sample, rulesOf(pack)))).toEqual(
        samples.map(({ certificate, refused }) => certificate ?? refused),
      );
      const example = readFileSync(new URL("../../config/mayfly.example.yaml", import.meta.url), "utf8");
      const kinds = issuers.map((text) => {
        const written = parse(text.replace("packs/our-ci.yaml", file)) as Record<string, unknown>;
        const whole = JSON.stringify({ ...(parse(example) as Record<string, unknown>), ...written });
        return parseConfig(whole, "docs.yaml").issuers.map(({ identity }) => identity.kind);
      });
      expect(kinds).toEqual([["ci-provider", "ci-provider", "ci-provider"], ["kubernetes"]]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("names every pack, and its settings with what they are when nothing is said", () => {
    for (const name of providerNames()) {
      const row = PAGE.split("\n").find((line) => line.startsWith(`| \`${name}\` `)) ?? "";
      expect(row).not.toBe("");
      const { pack } = openProviderPack(providerFile(name));
      const settings = "identity" in pack ? {} : pack.settings;
      if ("identity" in pack) expect(row).toContain(`\`${pack.identity.kind}\``);
      for (const [setting, { default: usual = "scheme and host of the issuer" }] of Object.entries(settings)) {
        expect(row).toContain(`\`${setting}\`: `);
        expect(row).toContain(usual);
      }
    }
  });

  it("names every extension that a pack can fill", () => {
    for (const name of Object.keys(EXTENSION_FIELDS)) expect(PAGE).toContain(`\`${name}\``);
  });
});
