import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { makeMetrics } from "../../src/adapters/telemetry/metrics.ts";
import { configJsonSchema } from "../../src/config/schema.ts";
import { REASONS } from "../../src/core/errors.ts";
import { hasSetting } from "../support/config-setting.ts";
import { runCli } from "../support/run-cli.ts";

const PAGE = readFileSync("docs/operating.md", "utf8");

/** Texts in code font that `pattern` takes whole, each once. */
function named(pattern: RegExp): readonly string[] {
  const texts = Array.from(PAGE.matchAll(/`([^`\n]+)`/gu), ([, text = ""]) => text);
  return [...new Set(texts.filter((text) => pattern.test(text)))];
}

describe("the page on operating", () => {
  const calls = Array.from(
    PAGE.matchAll(/(?:^|`)mayfly (?<words>[a-z]+(?: [a-z]+)?)(?<rest>[^`\n]*)/gmu),
    ({ groups }) => ({
      words: groups?.["words"] ?? "",
      flags: (groups?.["rest"] ?? "").match(/--[a-z-]+/gu) ?? [],
    }),
  );

  it("calls commands that there are, with options that they have", async () => {
    expect(calls.length).toBeGreaterThan(15);
    for (const { words, flags } of calls) {
      const { code, stdout } = await runCli([...words.split(" "), "--help"]);
      expect({ words, code, usage: stdout.startsWith(`Usage: mayfly ${words} `) }).toEqual({
        words,
        code: 0,
        usage: true,
      });
      for (const flag of flags) expect(stdout).toContain(flag);
    }
  });

  it("names metrics that there are", async () => {
    const metrics = makeMetrics({ version: "1" });
    metrics.tls.pairLoaded(0);
    metrics.witnesses.witnessQuorum("log", 0);
    metrics.signers.signer({ backend: "vault", key: "ca", operation: "sign", outcome: "ok", durationMs: 1 });
    const text = await metrics.render();
    const names = named(/^(?:mayfly|fulcio|http|nodejs|process)_[a-z0-9_]+(?:\{[^}]*\})?$/u).map((name) =>
      name.replace(/\{.*$/u, ""),
    );
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
  });

  it("names reasons and codes that there are", () => {
    const reasons = named(/^(?:[45][0-9]{2} )?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/u).map((text) =>
      text.replace(/^[0-9]+ /u, ""),
    );
    const known: ReadonlySet<string> = new Set(Object.values(REASONS).flat());
    expect(reasons.length).toBeGreaterThan(10);
    expect(reasons.filter((reason) => !known.has(reason))).toEqual([]);
    const codes = named(/^(?:profile|signer|log|issuer|invalid|internal)(?:_[a-z]+)+$/u);
    expect(codes.filter((code) => !(code in REASONS))).toEqual([]);
  });

  it("names settings that there are", () => {
    const schema = configJsonSchema();
    const settings = named(
      /^(?:http|operations|ca|log|clientKeys|limits|shutdown|issuance|logging|reconcile)(?:\.[a-zA-Z]+)+$/u,
    ).filter((name) => !/\.(?:sqlite|json|new)$/u.test(name));
    expect(settings.length).toBeGreaterThan(8);
    expect(settings.filter((setting) => !hasSetting(schema, setting.split(".")))).toEqual([]);
  });

  it("quotes what the program says", () => {
    const sources = [
      "compose/watch-readiness",
      "adapters/high-water-mark/file",
      "compose/open-log-store",
      "compose/shutdown",
      "compose/start-service",
    ]
      .concat([
        "compose/watch-tls-pair",
        "compose/reconcile-in-background",
        "tlog/assert-log-not-behind",
        "adapters/data-directory/lock-data-directory",
      ])
      .map((file) => readFileSync(`src/${file}.ts`, "utf8"))
      .join("\n");
    for (const text of [
      "TLS certificate refused; the one before stays in use",
      "failed; only a restart can mend this",
      "the head mark could not be written",
      "issuance paused",
      "ready again",
      "start refused",
      "the log's database is not the one that was served",
      "nothing outside it remembers how far it had come",
      "the log was made with other keys than the configured ones",
      "there is no log at ",
      "is in use by another Mayfly: ",
      "log and audit trail do not fit together",
    ]) {
      expect(PAGE).toContain(text);
      expect(sources).toContain(text);
    }
  });
});
