import { expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { readAuditTrailEnd, verifyAuditTrail } from "../../../src/adapters/audit/verify-audit-trail.ts";
import { recordEvidence } from "../../support/evidence.ts";

const AUDITING_PROCESS = fileURLToPath(new URL("../../support/faults/auditing-process.ts", import.meta.url));
const KILLS = 60;

it(`an audit trail keeps every acknowledged line through ${String(KILLS)} kills, many of them between two files`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-audit-kill-"));
  try {
    const path = join(folder, "audit.jsonl");
    let highest = -1;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, [AUDITING_PROCESS, path, String(highest + 1)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exited = once(child, "exit");
      for await (const line of createInterface({ input: child.stdout })) {
        highest = Number(line);
        if (highest % (41 + kill) === 40) child.kill("SIGKILL");
      }
      expect(await exited).toEqual([null, "SIGKILL"]);
      const { highestLogIndexes } = await verifyAuditTrail(path);
      const highestNow = Math.max(-1, ...Object.values(highestLogIndexes));
      expect(highestNow).toBeGreaterThanOrEqual(highest);
      expect(await readAuditTrailEnd(path)).toMatchObject({ highestLogIndexes });
      highest = highestNow;
    }
    const { lines, lastFile, tornLines, starts } = await verifyAuditTrail(path);
    expect(starts).toBe(KILLS);
    expect(lastFile).toBeGreaterThan(KILLS);
    recordEvidence(
      `${String(KILLS)} kills over an audit trail: ${String(lines)} lines in ${String(lastFile)} files, ` +
        `${String(tornLines)} torn, no acknowledged line lost`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
