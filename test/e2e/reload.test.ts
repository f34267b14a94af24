import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "@jest/globals";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { ask, askForCertificate } from "../support/ask.ts";
import type { Answer } from "../support/ask.ts";
import { makeKey } from "../support/caller-keys.ts";
import { startMayflyProcess } from "../support/mayfly-process.ts";
import { reloadUnderLoad } from "../support/reload-lab.ts";
import { configText, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { keyRequest } from "../support/signing-body.ts";

let mayfly: TestService | undefined;
let folder: string | undefined;
afterEach(async () => {
  await mayfly?.close();
  mayfly = undefined;
  if (folder !== undefined) rmSync(folder, { recursive: true });
  folder = undefined;
});

/** A service, and what it says of the configurations that it is given. */
async function startReloadable(change: (text: string) => string = (text) => text) {
  let first = "";
  const running = await startTestService((text) => (first = change(text)));
  mayfly = running;
  const { service, issuer } = running;
  const state = async () => {
    const { status, body } = await ask(`${service.operationsUrl}/readyz`);
    const { configuration } = body as {
      configuration: { generation: number; digest: string; lastFailure?: string };
    };
    return { status, ...configuration };
  };
  return {
    text: first,
    state,
    metrics: async () => (await ask(`${service.operationsUrl}/metrics`)).text,
    issue: async (body?: object): Promise<Answer> =>
      askForCertificate(service.publicUrl, await issuer.mintToken("email"), body),
    /** Has a text read, and waits until the service says what became of it. */
    reload: async (text: string) => {
      const said = () => running.logText().split(/"configuration (?:read again|refused)/u).length;
      const before = said();
      service.readConfigAgain(() => parseConfig(text, "reload.yaml"));
      while (said() === before) await pause(2);
    },
  };
}

/** Reasons of an answer's refusal. */
const reasonOf = ({ body }: Answer): unknown => (body as { details?: { reason?: string }[] }).details?.[0]?.reason;

describe("a configuration that is read again while the service runs", () => {
  it("[R16] is refused with a fault, named and counted, and leaves everything as it was", async () => {
    const { text, reload, state, issue, metrics } = await startReloadable();
    const before = await state();
    await reload(text.replace("identity: { kind: email }", "identity: { kind: emial }"));
    const { lastFailure, ...after } = await state();
    expect(after).toEqual(before);
    expect(after.status).toBe(200);
    expect(lastFailure).toMatch(/^reload\.yaml:\d+: issuers\[0\]/u);
    expect((await issue()).status).toBe(200);
    const lines = await metrics();
    expect(lines).toContain("\nmayfly_config_last_reload_successful 0\n");
    expect(lines).toContain('\nmayfly_config_reload_total{result="refused"} 1\n');
    expect(lines).toContain("\nmayfly_config_generation 1\n");
    expect(lines).toContain(`\nmayfly_config_info{digest="${before.digest}"} 1\n`);
    await reload(`${text}clientKeys: { algorithms: [ed25519] }\n`);
    const mended = await state();
    expect(mended).toMatchObject({ status: 200, generation: 2 });
    expect(mended).not.toHaveProperty("lastFailure");
    const now = await metrics();
    expect(now).toContain("\nmayfly_config_last_reload_successful 1\n");
    expect(now).toContain(`\nmayfly_config_info{digest="${mended.digest}"} 1\n`);
    expect(now).not.toContain(before.digest);
  });

  it("[R19] refuses what it takes away from the next request on, and takes it again when it is back", async () => {
    const { text, reload, issue } = await startReloadable();
    const ed25519 = (): object => keyRequest(makeKey("ed25519"));
    expect([(await issue()).status, (await issue(ed25519())).status]).toEqual([200, 200]);
    await reload(`${text}clientKeys: { algorithms: [ecdsa-sha2-256-nistp256] }\n`);
    expect((await issue()).status).toBe(200);
    expect(reasonOf(await issue(ed25519()))).toBe("ALGORITHM_NOT_PERMITTED");
    await reload(text.replace(/^ {2}- .*kind: email.*\n/mu, ""));
    expect(reasonOf(await issue())).toBe("ISSUER_UNKNOWN");
    await reload(text);
    expect([(await issue()).status, (await issue(ed25519())).status]).toEqual([200, 200]);
  });

  it("[N13b] goes on with the old key where the key file is another one now, or none", async () => {
    folder = mkdtempSync(join(tmpdir(), "mayfly-keys-"));
    const keys = join(folder, "keys");
    cpSync(join(import.meta.dirname, "..", "..", "keys-dev"), keys, { recursive: true });
    const { text, reload, issue, state } = await startReloadable((first) =>
      first.replaceAll(/[^ ]*\/keys-dev/gu, keys),
    );
    expect(text).toContain(`path: ${join(keys, "issuing.json")}`);
    const issuing = readFileSync(join(keys, "issuing.json"), "utf8");
    for (const content of [readFileSync(join(keys, "log.json"), "utf8"), issuing.slice(0, 40), ""]) {
      writeFileSync(join(keys, "issuing.json"), content);
      writeFileSync(join(keys, "passphrase"), "wrong");
      await reload(
        `${text}clientKeys: { algorithms: [ecdsa-sha2-256-nistp256${content === "" ? ", ed25519" : ""}] }\n`,
      );
      expect((await state()).status).toBe(200);
      expect((await issue()).status).toBe(200);
    }
    expect((await state()).generation).toBe(3);
  });

  it("[R17] is one and the same for the whole of a request, however many come and go under load", async () => {
    const run = await reloadUnderLoad(30, 4, 20261122);
    expect(run).toMatchObject({ wrongAnswers: [], wrongOutcomes: [] });
    expect(run.applied + run.broken).toBe(30);
    // The seed says how many are broken; how many requests there are, the machine, but two for each configuration.
    expect(run.broken).toBeGreaterThan(2);
    for (const count of [run.issued, run.refused, run.outcomes]) expect(count).toBeGreaterThan(5);
  });
});

it("notices a configuration that Kubernetes puts in place of another, and says what waits", async () => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-reload-"));
  const issuer = await startDevelopmentIssuer();
  const write = (version: string, more: string): void => {
    mkdirSync(join(folder!, version));
    writeFileSync(join(folder!, version, "mayfly.yaml"), configText(issuer, join(folder!, "data")) + more);
  };
  write("1", "");
  write("2", "clientKeys: { algorithms: [ed25519] }\nlogging: { level: info }\nreconcile: { everySeconds: 0 }\n");
  symlinkSync("1", join(folder, "..data"));
  symlinkSync("..data/mayfly.yaml", join(folder, "mayfly.yaml"));
  const running = startMayflyProcess({ configFile: join(folder, "mayfly.yaml") });
  try {
    await running.line("ready");
    symlinkSync("2", join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    expect((await running.line("configuration read again")).fields).toMatchObject({ result: "applied" });
    expect((await running.line("settings have changed that wait for the next start")).fields).toEqual({
      settings: "reconcile.everySeconds",
    });
  } finally {
    running.signal("SIGTERM");
    await running.exited;
    await issuer.close();
  }
});
