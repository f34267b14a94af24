import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startService } from "../../src/compose/start-service.ts";
import { parseConfig } from "../../src/config/load-config.ts";

/** Checks of /readyz, by name, of a service whose CA certificate was made a moment ago. */
async function readinessWith(ca: string): Promise<Record<string, boolean>> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-ready-"));
  const config = parseConfig(
    `environment: development
dataDirectory: ${folder}
http: { listen: "127.0.0.1:0" }
operations: { listen: "127.0.0.1:0" }
ca: { signer: { kind: memory }${ca} }
log: { origin: example.com, store: { kind: memory }, signer: { kind: memory }, checkpointSigner: { kind: memory } }
issuers: [{ url: "https://issuer.example.com", identity: { kind: email } }]
shutdown: { lameDuckSeconds: 0 }
logging: { level: silent }
`,
    "c.yaml",
  );
  const { operationsUrl, shutdown } = await startService(config, { env: {} });
  try {
    const answer = await globalThis.fetch(`${operationsUrl}/readyz`);
    const { ok, checks } = (await answer.json()) as { ok: boolean; checks: { name: string; ok: boolean }[] };
    expect(answer.status).toBe(ok ? 200 : 503);
    return Object.fromEntries(checks.map((check) => [check.name, check.ok]));
  } finally {
    shutdown.stop();
    await shutdown.stopped;
    rmSync(folder, { recursive: true });
  }
}

describe("readiness", () => {
  it("says yes when a certificate could be issued now", async () => {
    expect(await readinessWith("")).toEqual({ accepting: true, log: true, ca: true });
  });

  it("[N9] says no while back-dated certificates would begin before their CA", async () => {
    expect(await readinessWith(", backdateSeconds: 60")).toEqual({ accepting: true, log: true, ca: false });
  });
});
