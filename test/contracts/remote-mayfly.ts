import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import type { Reason } from "../../src/core/errors.ts";
import { recordEvidence } from "../support/evidence.ts";
import { startRemoteMayfly, type RemoteMayfly, type RemoteSigners } from "../support/keys/remote-mayfly.ts";

type KeyUse = keyof RemoteSigners;

/** A key service of our own with the keys of a whole Mayfly in it. */
export interface RemoteMayflyLab<Fault extends string> {
  readonly signers: RemoteSigners;
  readonly env?: Readonly<Record<string, string>>;
  /** From now on, of one key or of all that are there; undefined ends it. */
  misbehave(fault: Fault | undefined, key?: KeyUse): void;
  /** Everything that must not be in any log line, metric or answer. */
  secrets(): readonly string[];
  close(): Promise<void>;
}

/** What a caller is told when a key service misbehaves; "none" where the fault passes by itself. */
export type Told = readonly [status: 500 | 503, reason: Reason] | "none";

/** What a whole Mayfly is held to. */
export interface RemoteMayflySuite<Fault extends string> {
  readonly faults: readonly (readonly [fault: Fault, key: KeyUse, told: Told])[];
  readonly start: () => Promise<RemoteMayflyLab<Fault>>;
}

/** Two attempts in a second in all, so that what hangs is told soon. */
export const QUICK = "attemptSeconds: 0.4, attempts: 2";
const MORE = `limits:
  rates: { enabled: false }
  stages: { signatureSeconds: 1 }
`;
const LONGEST_ANSWER_MS = 4_000;
/** A key that failed is tried again after 4 to 6 s. */
const HEALING_MS = 15_000;

/** A whole Mayfly over a key service that misbehaves: no certificate but good ones, no hang, nothing that is not logged. */
export function describeRemoteMayfly<Fault extends string>(name: string, suite: RemoteMayflySuite<Fault>): void {
  describe(`a Mayfly over ${name}`, () => {
    let lab: RemoteMayflyLab<Fault>;
    let mayfly: RemoteMayfly;
    const answers: string[] = [];
    beforeAll(async () => {
      lab = await suite.start();
      mayfly = await startRemoteMayfly(lab.signers, { env: lab.env ?? {}, more: MORE });
    }, 60_000);
    afterAll(async () => {
      lab.misbehave(undefined);
      await mayfly.close();
      await lab.close();
    });

    /** Until a certificate is had again, as a caller would who comes back. */
    async function heal(): Promise<void> {
      lab.misbehave(undefined);
      const untilMs = performance.now() + HEALING_MS;
      while ((await mayfly.request()).status !== 200) {
        if (performance.now() > untilMs) throw new Error(`no certificate again after ${String(HEALING_MS)} ms`);
        await pause(250);
      }
    }

    it("issues what Sigstore's client verifies", async () => {
      for (let count = 0; count < 5; count++) await mayfly.sign();
      expect(await mayfly.treeSize()).toBe(5);
      expect(await mayfly.readiness()).toMatchObject({ ok: true });
      recordEvidence(`${name}: 5 files signed, all accepted by @sigstore/verify`);
    });

    it.each(suite.faults)("under %s of the %s key tells %j, and goes on when it is over", async (fault, key, told) => {
      const size = await mayfly.treeSize();
      lab.misbehave(fault, key);
      const startedMs = performance.now();
      const answer = await mayfly.request();
      expect(performance.now() - startedMs).toBeLessThan(LONGEST_ANSWER_MS);
      answers.push(answer.text);
      if (told === "none") {
        expect(answer.status).toBe(200);
      } else {
        const [status, reason] = told;
        expect(answer).toMatchObject({ status, body: { details: [{ reason }] } });
        expect(answer.text).not.toContain("CERTIFICATE");
        if (status === 503) expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
        // What the CA's key has not signed is not in the log.
        if (key === "ca") expect(await mayfly.treeSize()).toBe(size);
      }
      await heal();
      await mayfly.sign();
      recordEvidence(`${name}, ${fault} of the ${key} key: ${told === "none" ? "unnoticed" : told.join(" ")}; heals`);
    });

    it("has let nothing secret into its log, its metrics or its answers", async () => {
      const everything = [mayfly.logText(), await mayfly.metrics(), ...answers].join("\n");
      expect(lab.secrets().length).toBeGreaterThan(0);
      for (const secret of lab.secrets()) expect(everything.includes(secret)).toBe(false);
      recordEvidence(`${name}: none of ${String(lab.secrets().length)} secrets in log, metrics and answers`);
    });
  });
}
