import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { startDevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import { ask, askForCertificate } from "../../support/ask.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { askLiveMemory, liveMemoryArguments } from "../../support/live-memory.ts";
import { startMayflyProcess } from "../../support/mayfly-process.ts";
import { reloadUnderLoad } from "../../support/reload-lab.ts";
import { configText } from "../../support/service.ts";
import { keyRequest } from "../../support/signing-body.ts";
import { makeTokenKey, signToken } from "../../support/tokens.ts";

const RELOADS = 1_000;
const CHANGES = 10_000;
const TOKENS = 100_000;
const ISSUERS = 10_000;
const AT_ONCE = 32;
/** What is held after the last tenth may be so much more than in the middle, megabytes. */
const FLAT_MB = 2;

const shown = (sizes: readonly number[]): string => sizes.map((mb) => mb.toFixed(1)).join(", ");

/** What is held grows at the beginning: code is compiled, and tables are filled up to their bounds. */
function expectFlat(live: readonly number[]): void {
  const settled = live.slice(live.length / 2);
  expect(settled.at(-1)! - settled[0]!).toBeLessThan(FLAT_MB);
}

/** Resident memory of a process, MiB (proc_pid_status(5)). */
function residentMib(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
  return Number(line?.[1]) / 1024;
}

/** Another configuration each time: an issuer, a pattern and the algorithms change. */
function changed(first: string, url: string, change: number): string {
  const entries =
    `  - { url: "${url}/${String(change)}", identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true }\n` +
    `  - { url: "https://*.a${String(change % 7)}.example.com", identity: { kind: email } }\n`;
  const algorithms = ["ecdsa-sha2-256-nistp256", ...(change % 2 === 0 ? ["ed25519"] : [])].join(", ");
  return `${first.replace(/^issuers:\n/mu, `issuers:\n${entries}`)}clientKeys: { algorithms: [${algorithms}] }\n`;
}

describe("a service that runs for long", () => {
  it("[R17] judges every request by one configuration, while a thousand come and go under load", async () => {
    const run = await reloadUnderLoad(RELOADS, 8, 20261122);
    expect(run).toMatchObject({ wrongAnswers: [], wrongOutcomes: [] });
    expect(run.applied + run.broken).toBe(RELOADS);
    recordEvidence(
      `${String(RELOADS)} reloads under load of 8 callers, ${String(run.broken)} of them broken and refused: ` +
        `${String(run.issued)} certificates, ${String(run.refused)} refusals, none that no configuration in force meanwhile ` +
        `would have given; ${String(run.outcomes)} outcomes of the audit trail are those of the generation they name`,
    );
  });

  it("keeps its memory, files and connections while ten thousand configurations come and go", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-changes-"));
    const issuer = await startDevelopmentIssuer();
    const configFile = join(folder, "mayfly.yaml");
    // The comparison of log and trail takes 25 MiB more while it runs, and would begin in the middle of this.
    const first = `${configText(issuer, join(folder, "data"))}reconcile: { everySeconds: 0 }\n`;
    writeFileSync(configFile, first);
    const memoryFile = join(folder, "memory");
    const mayfly = startMayflyProcess({ configFile, nodeArguments: liveMemoryArguments(memoryFile) });
    try {
      const { fields = {} } = await mayfly.line("ready");
      const live: number[] = [];
      const files: number[] = [];
      let generation = 1;
      for (let change = 0; change < CHANGES; change++) {
        if (change % (CHANGES / 10) === 0) live.push(await askLiveMemory(mayfly, memoryFile));
        if (change % (CHANGES / 100) === 0) {
          const { status } = await askForCertificate(fields["publicUrl"]!, await issuer.mintToken("email"));
          expect(status).toBe(200);
          files.push(readdirSync(`/proc/${String(mayfly.pid)}/fd`).length);
        }
        const isBroken = change % 10 === 9;
        writeFileSync(
          `${configFile}~`,
          changed(first, issuer.url, change) + (isBroken ? `fault${String(change)}: 1\n` : ""),
        );
        renameSync(`${configFile}~`, configFile);
        mayfly.signal("SIGHUP");
        generation += isBroken ? 0 : 1;
        for (;;) {
          const { body } = await ask(`${fields["operationsUrl"]!}/readyz`);
          const { configuration } = body as { configuration: { generation: number; lastFailure?: string } };
          const isRead = isBroken
            ? configuration.lastFailure?.includes(`fault${String(change)}:`)
            : configuration.generation === generation;
          if (isRead === true) break;
        }
      }
      live.push(await askLiveMemory(mayfly, memoryFile));
      const trail = readFileSync(join(folder, "data", "audit.jsonl"), "utf8");
      expect(trail.split('"kind":"configuration"').length - 1).toBe(generation);
      recordEvidence(
        `${String(CHANGES)} changes of the configuration, a tenth of them broken: memory held after each tenth ` +
          `${shown(live)} MB, ${residentMib(mayfly.pid!).toFixed(0)} MiB resident at the end, at most ${String(Math.max(...files))} open files, ` +
          `${String(generation)} generations in the audit trail`,
      );
      expectFlat(live);
      expect(Math.max(...files) - files[1]!).toBeLessThan(10);
    } finally {
      mayfly.signal("SIGTERM");
      await mayfly.exited;
      await issuer.close();
      rmSync(folder, { recursive: true });
    }
  });

  it("keeps its memory while callers come with tokens of issuers that it does not know", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-unknown-"));
    const issuer = await startDevelopmentIssuer();
    const configFile = join(folder, "mayfly.yaml");
    writeFileSync(configFile, configText(issuer, join(folder, "data")));
    const memoryFile = join(folder, "memory");
    const mayfly = startMayflyProcess({ configFile, nodeArguments: liveMemoryArguments(memoryFile) });
    try {
      const { fields = {} } = await mayfly.line("ready");
      const key = makeTokenKey("ES256", "unknown");
      const body = keyRequest();
      const nowSeconds = Math.floor(Date.now() / 1000);
      const live: number[] = [];
      let sent = 0;
      const caller = async (): Promise<void> => {
        while (sent < TOKENS) {
          const number = sent++;
          if (number % (TOKENS / 10) === 0) live.push(await askLiveMemory(mayfly, memoryFile));
          const iss = `https://tenant-${String(number % ISSUERS)}.example.com`;
          const claims = { iss, aud: "sigstore", sub: "a", iat: nowSeconds, exp: nowSeconds + 3_600 };
          const { status, text } = await askForCertificate(fields["publicUrl"]!, signToken(key, claims), body);
          if (status !== 400 || !text.includes("ISSUER_UNKNOWN")) throw new Error(`${String(status)} ${text}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, caller));
      live.push(await askLiveMemory(mayfly, memoryFile));
      recordEvidence(
        `${String(TOKENS)} tokens of ${String(ISSUERS)} unknown issuers, each refused: memory held after each tenth ` +
          `${shown(live)} MB, ${residentMib(mayfly.pid!).toFixed(0)} MiB resident at the end`,
      );
      expectFlat(live);
    } finally {
      mayfly.signal("SIGTERM");
      await mayfly.exited;
      await issuer.close();
      rmSync(folder, { recursive: true });
    }
  });
});
