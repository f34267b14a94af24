import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import type { DevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { askForCertificate } from "../support/ask.ts";
import type { Answer } from "../support/ask.ts";
import { startMayflyProcess } from "../support/mayfly-process.ts";
import type { MayflyProcess } from "../support/mayfly-process.ts";
import { expectRefused, TEXT } from "../support/refusal.ts";
import { configText } from "../support/service.ts";

const ON = "issuance: { paused: true }\n";

let issuer: DevelopmentIssuer;
let folder: string;
const started: MayflyProcess[] = [];
beforeEach(async () => {
  issuer = await startDevelopmentIssuer();
  folder = mkdtempSync(join(tmpdir(), "mayfly-pause-"));
});
afterEach(async () => {
  for (const mayfly of started.splice(0)) {
    mayfly.signal("SIGKILL");
    await mayfly.exited;
  }
  await issuer.close();
  rmSync(folder, { recursive: true });
});

function configure(more = ""): string {
  const file = join(folder, "mayfly.yaml");
  writeFileSync(file, configText(issuer, join(folder, "data")) + more);
  return file;
}

interface Running {
  readonly mayfly: MayflyProcess;
  readonly publicUrl: string;
  readonly operationsUrl: string;
}

async function start(configFile: string, nodeArguments: readonly string[] = []): Promise<Running> {
  const mayfly = startMayflyProcess({ configFile, nodeArguments });
  started.push(mayfly);
  const { fields = {} } = await mayfly.line("ready");
  return { mayfly, publicUrl: fields["publicUrl"]!, operationsUrl: fields["operationsUrl"]! };
}

async function issue({ publicUrl }: Running): Promise<Answer> {
  return askForCertificate(publicUrl, await issuer.mintToken("email"));
}

async function readiness({ operationsUrl }: Running): Promise<{ status: number; issuance: unknown; ok: unknown }> {
  const answer = await globalThis.fetch(`${operationsUrl}/readyz`);
  const { ok, issuance } = (await answer.json()) as { ok: unknown; issuance: unknown };
  return { status: answer.status, ok, issuance };
}

/** A signal is handled some time after it was sent; the test's own limit bounds the wait. */
async function until(running: Running, issuance: "running" | "paused"): Promise<void> {
  while ((await readiness(running)).issuance !== issuance) await pause(5);
}

describe("issuance that is paused", () => {
  it("answers 503 and goes on with everything else, however often the signal comes, until SIGHUP", async () => {
    const running = await start(configure());
    const { mayfly, publicUrl, operationsUrl } = running;
    expect((await issue(running)).status).toBe(200);
    const checkpoint = await (await globalThis.fetch(`${publicUrl}/test-log/checkpoint`)).text();
    for (let times = 0; times < 3; times++) {
      mayfly.signal("SIGUSR2");
      await until(running, "paused");
    }
    const refused = await issue(running);
    const retryAfter = Number(refused.headers["retry-after"]);
    expect(retryAfter).toBeGreaterThanOrEqual(30);
    expect(retryAfter).toBeLessThanOrEqual(90);
    expectRefused(refused, { status: 503, code: 14, message: TEXT.busy, reason: "ISSUANCE_PAUSED" });
    const reads = ["/api/v2/trustBundle", "/api/v2/configuration", "/healthz", "/test-log/checkpoint"];
    for (const path of reads) expect((await globalThis.fetch(`${publicUrl}${path}`)).status).toBe(200);
    expect(await (await globalThis.fetch(`${publicUrl}/test-log/checkpoint`)).text()).toContain(
      checkpoint.split("\n").slice(0, 3).join("\n"),
    );
    expect(await readiness(running)).toEqual({ status: 200, ok: true, issuance: "paused" });
    expect(await (await globalThis.fetch(`${operationsUrl}/metrics`)).text()).toContain("\nmayfly_issuance_paused 1\n");
    mayfly.signal("SIGHUP");
    await until(running, "running");
    expect((await issue(running)).status).toBe(200);
    expect(await (await globalThis.fetch(`${operationsUrl}/metrics`)).text()).toContain("\nmayfly_issuance_paused 0\n");
    mayfly.signal("SIGTERM");
    const { code, lines } = await mayfly.exited;
    expect(code).toBe(0);
    expect(lines.filter(({ msg }) => /paused|resumed/u.test(msg))).toMatchObject([
      { level: "warn", msg: "issuance paused" },
      { level: "info", msg: "issuance resumed" },
    ]);
  });

  it("is what the configuration says, at start and after SIGHUP, and no start remembers a signal", async () => {
    const first = await start(configure(ON));
    expect(await readiness(first)).toEqual({ status: 200, ok: true, issuance: "paused" });
    expect((await issue(first)).status).toBe(503);
    configure("issuance: { pause: true }\n");
    first.mayfly.signal("SIGHUP");
    const refused = await first.mayfly.line("configuration refused; the one before stays in force");
    expect(refused.fields?.["error"]).toContain("issuance.pause: unknown setting; did you mean paused?");
    expect((await readiness(first)).issuance).toBe("paused");
    configure();
    first.mayfly.signal("SIGHUP");
    await until(first, "running");
    configure(ON);
    first.mayfly.signal("SIGHUP");
    await until(first, "paused");
    configure();
    first.mayfly.signal("SIGTERM");
    expect((await first.mayfly.exited).code).toBe(0);
    const second = await start(configure());
    expect((await readiness(second)).issuance).toBe("running");
    expect((await issue(second)).status).toBe(200);
  });

  it("holds when the signal comes before the service is ready", async () => {
    // Sent by the process to itself at the moment at which it has a handler.
    const preload = `data:text/javascript,process.on('newListener', (name) => {
      if (name === 'SIGUSR2') setImmediate(() => process.kill(process.pid, 'SIGUSR2'));
    })`.replaceAll("\n", " ");
    const running = await start(configure(), ["--import", preload]);
    await until(running, "paused");
    expect((await issue(running)).status).toBe(503);
  });

  it("[T3] is left as it is by SIGHUP while the service is stopping", async () => {
    const configFile = configure();
    const text = configText(issuer, join(folder, "data")).replace("lameDuckSeconds: 0", "lameDuckSeconds: 60");
    writeFileSync(configFile, text);
    const running = await start(configFile);
    running.mayfly.signal("SIGTERM");
    await running.mayfly.line("stopping");
    writeFileSync(configFile, text + ON);
    running.mayfly.signal("SIGHUP");
    expect(await readiness(running)).toEqual({ status: 503, ok: false, issuance: "running" });
    expect((await issue(running)).status).toBe(200);
    running.mayfly.signal("SIGTERM");
    const { code, lines } = await running.mayfly.exited;
    expect(code).toBe(0);
    expect(lines.map(({ msg }) => msg).filter((msg) => /paused|configuration|settings/u.test(msg))).toEqual([]);
  });
});
