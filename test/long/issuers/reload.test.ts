import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { startDevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import { askForCertificate } from "../../support/ask.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { startMayflyProcess } from "../../support/mayfly-process.ts";
import { reloadUnderLoad } from "../../support/reload-lab.ts";
import { configText } from "../../support/service.ts";
import { keyRequest } from "../../support/signing-body.ts";
import { makeTokenKey, signToken } from "../../support/tokens.ts";

const RELOADS = 1_000;
const TOKENS = 100_000;
const ISSUERS = 10_000;
const AT_ONCE = 32;
const FLAT_MIB = 24;

/** Resident memory of a process, MiB (proc_pid_status(5)). */
function residentMib(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
  return Number(line?.[1]) / 1024;
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

  it("keeps its memory while callers come with tokens of issuers that it does not know", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-unknown-"));
    const issuer = await startDevelopmentIssuer();
    const configFile = join(folder, "mayfly.yaml");
    writeFileSync(configFile, configText(issuer, join(folder, "data")));
    const mayfly = startMayflyProcess({ configFile });
    try {
      const { fields = {} } = await mayfly.line("ready");
      const key = makeTokenKey("ES256", "unknown");
      const body = keyRequest();
      const nowSeconds = Math.floor(Date.now() / 1000);
      const sizes: number[] = [];
      let sent = 0;
      const caller = async (): Promise<void> => {
        while (sent < TOKENS) {
          const number = sent++;
          if (number % (TOKENS / 10) === 0) sizes.push(residentMib(mayfly.pid!));
          const iss = `https://tenant-${String(number % ISSUERS)}.example.com`;
          const claims = { iss, aud: "sigstore", sub: "a", iat: nowSeconds, exp: nowSeconds + 3_600 };
          const { status, text } = await askForCertificate(fields["publicUrl"]!, signToken(key, claims), body);
          if (status !== 400 || !text.includes("ISSUER_UNKNOWN")) throw new Error(`${String(status)} ${text}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, caller));
      sizes.push(residentMib(mayfly.pid!));
      recordEvidence(
        `${String(TOKENS)} tokens of ${String(ISSUERS)} unknown issuers, each refused: resident memory after each tenth ` +
          `${sizes.map((mib) => mib.toFixed(0)).join(", ")} MiB`,
      );
      // V8 lets the heap grow for as long as it pays, and gives back what it does not need: the second half tells.
      const settled = sizes.slice(sizes.length / 2);
      expect(Math.max(...settled) - settled[0]!).toBeLessThan(FLAT_MIB);
    } finally {
      mayfly.signal("SIGTERM");
      await mayfly.exited;
      await issuer.close();
      rmSync(folder, { recursive: true });
    }
  });
});
