import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../src/compose/make-ca.ts";
import { readinessChecks } from "../../src/compose/readiness-checks.ts";
import { startService } from "../../src/compose/start-service.ts";
import { watchReadiness } from "../../src/compose/watch-readiness.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { parseIssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import { SAMPLE_INTERVAL_MS } from "../../src/core/readiness/judge-sample.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

const CONFIG = `${MEMORY_CONFIG}shutdown: { lameDuckSeconds: 0 }
logging: { level: silent }
`;

const keys = { root: createMemorySigner("ecdsa-p384-sha384"), issuing: createMemorySigner("ecdsa-p256-sha256") };
const MADE_MS = makeFakeClock().now();
const CHAIN = parseIssuerChain(await makeCaChain({ organization: "Ready", ...keys, nowMs: MADE_MS }), MADE_MS);

interface Told {
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail?: string }[];
  readonly metrics: string;
}

/** What the operations listener tells of a service that has just started, and whose CA certificate was made a moment ago. */
async function toldWith(change: (config: string) => string): Promise<Told> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-ready-"));
  const config = parseConfig(change(CONFIG.replace("dataDirectory: data", `dataDirectory: ${folder}`)), "c.yaml");
  const { operationsUrl, shutdown } = await startService(config, { env: {} });
  try {
    const answer = await globalThis.fetch(`${operationsUrl}/readyz`);
    const { ok, checks } = (await answer.json()) as Pick<Told, "checks"> & { readonly ok: boolean };
    expect(answer.status).toBe(ok ? 200 : 503);
    return { checks, metrics: await (await globalThis.fetch(`${operationsUrl}/metrics`)).text() };
  } finally {
    shutdown.stop();
    await shutdown.stopped;
    rmSync(folder, { recursive: true });
  }
}

/** The checks by name. */
async function readinessWith(ca: string): Promise<Record<string, boolean>> {
  const { checks } = await toldWith((config) => config.replace("kind: memory }", `kind: memory }${ca}`));
  return Object.fromEntries(checks.map(({ name, ok }) => [name, ok]));
}

/** What one check says of a fault that comes: at first, and after the third sample. */
function checkWith(
  name: string,
  fault: { readonly refusal?: Reason; readonly keyRefusal?: Reason; readonly markFailure?: unknown },
): { readonly atOnce: unknown; readonly whenItLasts: unknown } {
  const clock = makeFakeClock();
  let hasFault = false;
  const refusal = (reason: Reason | undefined) => () =>
    hasFault && reason !== undefined ? new MayflyError(reason, "made by a test") : undefined;
  const caSigner = { service: { requireOpen: () => undefined, refusal: refusal(fault.keyRefusal) } };
  const log = {
    refusal: refusal(fault.refusal),
    markFailure: () => (hasFault ? fault.markFailure : undefined),
  };
  const freeSpace = { problem: () => undefined };
  const ca = () => ({ ...parseConfig(CONFIG, "c.yaml").ca, chain: CHAIN, signer: caSigner });
  const parts = { ca, clock, log, freeSpace, expiries: { note: () => undefined } };
  const watched = watchReadiness(readinessChecks(parts), { clock, telemetry: makeRecordingTelemetry() });
  try {
    hasFault = true;
    const check = (): unknown => watched.checks().find((one) => one.name === name);
    const atOnce = check();
    for (let sample = 0; sample < 3; sample++) {
      clock.advance(SAMPLE_INTERVAL_MS);
      watched.look();
    }
    return { atOnce, whenItLasts: check() };
  } finally {
    watched.close();
  }
}

describe("readiness", () => {
  it.each<Reason>(["LOG_CLOCK", "LOG_CLOSED"])("[V4] turns at once when the log says %s", (reason) => {
    const no = { name: "log", ok: false, detail: reason };
    expect(checkWith("log", { refusal: reason })).toEqual({ atOnce: no, whenItLasts: no });
  });

  it.each<Reason>(["LOG_BUSY", "LOG_DISK_FULL", "LOG_TIMEOUT", "LOG_WRITE_FAILED", "SIGNER_TIMEOUT", "SIGNER_REFUSED"])(
    "[V4] turns when the log has said %s for three samples",
    (reason) => {
      expect(checkWith("log", { refusal: reason })).toEqual({
        atOnce: { name: "log", ok: true, detail: reason },
        whenItLasts: { name: "log", ok: false, detail: reason },
      });
    },
  );

  it.each<Reason>(["SIGNER_CIRCUIT_OPEN", "SIGNER_KEY_UNUSABLE", "SIGNER_DENIED"])(
    "[N5] turns when the CA's key service has been refusing with %s for three samples",
    (reason) => {
      expect(checkWith("key", { keyRefusal: reason })).toEqual({
        atOnce: { name: "key", ok: true, detail: reason },
        whenItLasts: { name: "key", ok: false, detail: reason },
      });
    },
  );

  it("turns when head.note could not be written for three samples", () => {
    const detail = "head.note is not written";
    expect(checkWith("mark", { markFailure: new Error("EROFS") })).toEqual({
      atOnce: { name: "mark", ok: true, detail },
      whenItLasts: { name: "mark", ok: false, detail },
    });
  });

  it("[P1] says no from the start when the file system has too little space, how much, and as a metric", async () => {
    const { checks, metrics } = await toldWith((config) => `${config}limits: { minFreeDiskMiB: ${String(2 ** 30)} }\n`);
    expect(checks.filter(({ ok }) => !ok)).toEqual([
      { name: "disk", ok: false, detail: expect.stringMatching(/^[0-9]+ MiB free, of at least 1073741824$/u) },
    ]);
    expect(Number(/^mayfly_data_directory_free_bytes (\S+)$/mu.exec(metrics)?.[1])).toBeGreaterThan(0);
  });

  it("says yes when a certificate could be issued now", async () => {
    expect(await readinessWith("")).toEqual({ accepting: true, log: true, mark: true, disk: true, ca: true });
  });

  it("[N9] says no while back-dated certificates would begin before their CA", async () => {
    expect(await readinessWith(", backdateSeconds: 60")).toEqual({
      accepting: true,
      log: true,
      mark: true,
      disk: true,
      ca: false,
    });
  });
});
