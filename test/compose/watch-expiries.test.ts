import { describe, expect, it } from "@jest/globals";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../src/compose/make-ca.ts";
import { watchExpiries } from "../../src/compose/watch-expiries.ts";
import { activeAuthority } from "../../src/config/active-authority.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { parseIssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import { reachedWarning } from "../../src/core/readiness/judge-expiry.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const config = parseConfig(MEMORY_CONFIG, "c.yaml");
const signer = createMemorySigner("ecdsa-p256-sha256");
const keys = { root: createMemorySigner("ecdsa-p384-sha384"), issuing: signer };
const MADE_MS = makeFakeClock().now();
const chain = parseIssuerChain(await makeCaChain({ organization: "Ends", ...keys, nowMs: MADE_MS }), MADE_MS);
/** Chains of ours last so long. */
const ISSUING_END_MS = Math.floor(MADE_MS / 1_000) * 1_000 + 3 * YEAR_MS;

function watched(windowEnds: { readonly ca?: number; readonly log?: number } = {}) {
  const clock = makeFakeClock();
  const telemetry = makeRecordingTelemetry();
  const active = { ...activeAuthority(config), name: "one", window: { startMs: undefined, endMs: windowEnds.ca } };
  const authorities = {
    read: { active: { config: active, chain }, others: [] },
    issuing: { config: active, chain, signer },
    others: [],
    close: () => Promise.resolve(),
  };
  const window = windowEnds.log === undefined ? undefined : { startMs: 0, endMs: windowEnds.log };
  const shards = {
    all: config.log.shards.map((shard) => ({ config: { ...shard, window }, opened: undefined as never })),
  };
  const expiries = watchExpiries({ authorities: () => authorities, shards, clock, telemetry });
  return { clock, telemetry, expiries };
}

describe("ends that are seen coming", () => {
  it.each([
    [91, undefined],
    [90, 90],
    [31, 90],
    [30, 30],
    [7.001, 30],
    [7, 7],
    [0.1, 7],
    [0, 0],
    [-5, 0],
  ])("at %d days the last warning that was reached is %p", (days, warning) => {
    expect(reachedWarning(days * DAY_MS, 0)).toBe(warning);
  });

  it("are those of each certificate of the chain and of the windows, by name", () => {
    const { expiries, clock } = watched({ ca: MADE_MS + YEAR_MS, log: MADE_MS + 2 * YEAR_MS });
    expect(expiries.source()).toEqual({
      nowMs: clock.now(),
      expiries: [
        { what: "root-certificate", name: "one", endMs: ISSUING_END_MS + 7 * YEAR_MS },
        { what: "issuing-certificate", name: "one", endMs: ISSUING_END_MS },
        { what: "ca-window", name: "one", endMs: MADE_MS + YEAR_MS },
        { what: "log-window", name: "log", endMs: MADE_MS + 2 * YEAR_MS },
      ],
    });
    expiries.close();
  });

  it("are told once at 90, 30 and 7 days and at the end, however often one looks", () => {
    const { expiries, clock, telemetry } = watched();
    try {
      expect(telemetry.notices).toEqual([]);
      for (const days of [91, 89, 88, 29, 6, 5, -1, -2]) {
        clock.advance(ISSUING_END_MS - days * DAY_MS - clock.now());
        expiries.look();
        expiries.look();
      }
      const said = telemetry.notices.map(({ level, fields }) => [level, fields["what"], fields["days"]]);
      expect(said).toEqual([
        ["warn", "issuing-certificate", 89],
        ["warn", "issuing-certificate", 29],
        ["error", "issuing-certificate", 6],
        ["error", "issuing-certificate", -1],
      ]);
    } finally {
      expiries.close();
    }
  });

  it("are noted by kind, the next one first, and not while there is time", () => {
    const { expiries } = watched({ ca: MADE_MS + 20 * DAY_MS, log: MADE_MS + 3 * DAY_MS });
    try {
      const kinds = ["issuing-certificate", "ca-window"] as const;
      expect(expiries.note(kinds)).toBe(`ca-window of one ends at ${new Date(MADE_MS + 20 * DAY_MS).toISOString()}`);
      expect(expiries.note(["log-window"])).toContain("log-window of log ends at");
      expect(expiries.note(["root-certificate"])).toBeUndefined();
    } finally {
      expiries.close();
    }
  });
});
