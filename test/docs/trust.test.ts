import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { TRUST_FILE_NAMES } from "../../src/trust/trust-file-names.ts";
import { readPage } from "../support/clients/page.ts";
import { runInShell } from "../support/clients/shell.ts";
import type { Finished } from "../support/clients/shell.ts";
import { writeMayflyCommand } from "../support/mayfly-command.ts";
import { writeOperatorKeys } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";
import { configText, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";

const PAGE = readFileSync("docs/trust.md", "utf8");
const { commands } = readPage("docs/trust.md");
const TABLE = Array.from(PAGE.matchAll(/^\| `(?<file>[^`]+)` +\| `(?<command>[^`]+)` +\|/gmu), ({ groups }) => ({
  file: groups?.["file"] ?? "",
  command: groups?.["command"] ?? "",
}));

describe("the page on whom to trust", () => {
  it("names every trust file", () => {
    expect(TABLE.map(({ file }) => file)).toEqual([...TRUST_FILE_NAMES]);
  });

  it("calls commands that there are, with options that they have", async () => {
    const calls = [
      ...TABLE.map(({ command }) => `trust ${command}`),
      ...Array.from(PAGE.matchAll(/^ *mayfly (?<call>.*)$/gmu), ({ groups }) => groups?.["call"] ?? ""),
    ];
    expect(calls.length).toBeGreaterThan(TRUST_FILE_NAMES.length + 4);
    for (const call of calls) {
      const words = call.split(" --")[0]!.split(" ").slice(0, 2);
      const { code, stdout } = await runCli([...words, "--help"]);
      expect({ call, code, usage: stdout.split("\n")[0] }).toEqual({
        call,
        code: 0,
        usage: expect.stringContaining(`mayfly ${words.join(" ")}`) as unknown,
      });
      for (const flag of call.match(/--[a-z-]+/gu) ?? []) expect(stdout).toContain(flag);
    }
  });
});

describe("the page's commands", () => {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-trust-page-"));
  const [operator, user] = [join(folder, "operator"), join(folder, "user")];
  const PATH = [join(folder, "bin"), dirname(process.execPath), process.env["PATH"] ?? ""].join(":");
  let mayfly: TestService;

  beforeAll(async () => {
    const trust = 'trust: { publicUrl: "https://ca.example.com" }\n';
    mayfly = await startTestService(trust);
    for (const one of [operator, user]) mkdirSync(one);
    writeMayflyCommand(join(folder, "bin"));
    writeFileSync(join(operator, "mayfly.yaml"), configText(mayfly.issuer, mayfly.config.dataDirectory) + trust);
  });
  afterAll(async () => {
    await mayfly.close();
    rmSync(folder, { recursive: true });
  });

  const run = (where: string, block: string): Promise<Finished> =>
    runInShell(commands(block), { folder: where, environment: { PATH, MAYFLY: mayfly.service.publicUrl } });
  const succeed = async (where: string, block: string): Promise<string> => {
    const { code, output } = await run(where, block);
    expect({ block, code, output: code === 0 ? "" : output }).toEqual({ block, code: 0, output: "" });
    return output;
  };
  const hand = (name: string): void => {
    writeFileSync(join(user, name), readFileSync(join(operator, name)));
  };

  it("write what the service gives out", async () => {
    await succeed(operator, "write");
    await succeed(user, "fetch");
    expect(readFileSync(join(operator, "trusted_root.json"))).toEqual(readFileSync(join(user, "trusted_root.json")));
  });

  it("compare what was fetched with fingerprints from elsewhere, and fail for another root, chain or key", async () => {
    await succeed(operator, "fingerprints");
    hand("fingerprints.txt");
    const lines = await succeed(user, "compare");
    expect(lines.trim().split("\n")).toEqual([
      expect.stringMatching(/^[0-9a-f]{64} {2}file {14}trusted_root\.json$/u),
      expect.stringMatching(/^[0-9a-f]{64} {2}root certificate {2}Mayfly development root$/u),
      expect.stringMatching(/^[0-9a-f]{64} {2}log key {11}https:\/\/localhost\/test-log$/u),
    ]);
    const other = join(folder, "other");
    mkdirSync(other);
    await writeOperatorKeys(other);
    const { publicKey } = JSON.parse(readFileSync(join(other, "log.json"), "utf8")) as { publicKey: string };
    const otherKey = `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`;
    const changes: Readonly<Record<string, (text: string) => string>> = {
      "trusted_root.json": (text) => text.replace("\n", "\n\n"),
      "chain.pem": () => readFileSync(join(other, "chain.pem"), "utf8"),
      "ct_log.pem": () => otherKey,
    };
    for (const [name, change] of Object.entries(changes)) {
      const file = join(user, name);
      const text = readFileSync(file, "utf8");
      writeFileSync(file, change(text));
      expect({ name, code: (await run(user, "compare")).code }).toEqual({ name, code: 1 });
      writeFileSync(file, text);
    }
    await succeed(user, "compare");
  });

  it.each([
    ["sign", "verify", "operator.pub"],
    ["sign-p256", "verify-p256", "operator-p256.pub"],
  ])("%s so that OpenSSL verifies the very bytes", async (sign, verify, key) => {
    await succeed(operator, sign);
    for (const name of ["trusted_root.json", "trusted_root.json.sig", key]) hand(name);
    expect(await succeed(user, verify)).toMatch(/Signature Verified Successfully|Verified OK/u);
    writeFileSync(join(user, "trusted_root.json"), readFileSync(join(user, "trusted_root.json"), "utf8") + "\n");
    expect((await run(user, verify)).code).not.toBe(0);
  });
});
