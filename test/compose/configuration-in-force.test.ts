import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { PatternIssuers } from "../../src/adapters/oidc/pattern-issuers.ts";
import { ConfigurationInForce } from "../../src/compose/configuration-in-force.ts";
import type { ReadingCause } from "../../src/compose/configuration-in-force.ts";
import type { ConfigurationSource } from "../../src/compose/configuration-source.ts";
import type { HandOver } from "../../src/compose/hand-over.ts";
import { openConfiguration } from "../../src/compose/open-configuration.ts";
import type { OpenedConfiguration } from "../../src/compose/open-configuration.ts";
import { ConfigError, loadConfig, parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { AuditRecord } from "../../src/ports/audit-trail.ts";
import { makePauseSwitch } from "../../src/issuance/pause-switch.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

let folder: string;
let pipes = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-in-force-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const config = (more = ""): Config => parseConfig(`${MEMORY_CONFIG}${more}`, join(folder, "c.yaml"));

const PAUSED = "issuance: { paused: true }\n";
const REFUSED = "configuration refused; the one before stays in force";

const noPattern = (): never => {
  throw new Error("there is no pattern");
};
const NO_PATTERNS = new PatternIssuers([], noPattern, { clock: makeFakeClock() });

interface Beside {
  readonly started?: string;
  readonly config?: Config;
  readonly isPaused?: boolean;
  readonly shards?: Partial<HandOver>;
  readonly isTrailBroken?: boolean;
}

/** A configuration in force whose parts tell what becomes of them, in order. */
function inForce({
  started = "",
  config: first = config(started),
  isPaused = false,
  shards,
  isTrailBroken,
}: Beside = {}) {
  const audited: AuditRecord[] = [];
  const events: string[] = [];
  const telemetry = makeRecordingTelemetry();
  const tell = (what: string): void => {
    events.push(what);
  };
  const sourceOf = (opened: OpenedConfiguration): ConfigurationSource => ({
    opened,
    get authorities(): never {
      throw new Error("nothing is issued here");
    },
    make: () => {
      throw new Error("no generation is made here");
    },
    verifier: {
      verifyIdToken: () => Promise.reject(new Error("no token is verified here")),
      keyCounts: () => new Map(),
      keyFaults: () => ({ skipped: 0, secrets: 0, sharedNames: 0 }),
      patternIssuers: () => NO_PATTERNS,
      fetchAhead: () => {
        tell("fetch ahead");
        return Promise.resolve();
      },
    },
    close: () => {
      tell("close");
      return Promise.resolve();
    },
  });
  const configuration = new ConfigurationInForce({
    started: sourceOf(openConfiguration(first)),
    openSource: (opened) => Promise.resolve(sourceOf(opened)),
    shards: {
      plan: () => ({ added: [], refusals: [] }),
      change: (wanted, _change, source) => {
        tell(`${wanted.map(({ name }) => name).join(" ")}${source === undefined ? "" : " and source"}`);
        return Promise.resolve();
      },
      ...shards,
    },
    rateLimits: {
      change: ({ enabled }) => {
        tell(`rates ${enabled ? "on" : "off"}`);
      },
    },
    pauseSwitch: makePauseSwitch(isPaused, (now) => {
      tell(now ? "paused" : "resumed");
    }),
    telemetry: {
      notice: (level, message, fields) => {
        telemetry.notice(level, message, fields);
      },
      configRead: tell,
      unsafeOption: (name) => {
        tell(`unsafe ${name}`);
      },
      safeOption: (name) => {
        tell(`safe ${name}`);
      },
    },
    audit: {
      append: (record) => {
        audited.push(record);
        return isTrailBroken ? Promise.reject(new MayflyError("AUDIT_FAILED", "no room")) : Promise.resolve();
      },
    },
    generation: () => 7,
    clock: { now: () => 5 },
  });
  const read = async (more: string | (() => Config), cause: ReadingCause = "signal") => {
    events.length = 0;
    const said = telemetry.notices.length;
    await configuration.readAgain(typeof more === "string" ? () => config(more) : more, cause);
    return { events: [...events], notices: telemetry.notices.slice(said) };
  };
  return { configuration, read, audited };
}

const SWAPPED = ["log and source", "rates on", "fetch ahead"];

describe("a configuration that is read again", () => {
  it("takes the place of the one before, whole", async () => {
    const { configuration, read } = inForce();
    const before = configuration.source.opened;
    const { events, notices } = await read("clientKeys: { algorithms: [ecdsa-sha2-256-nistp256] }\n");
    expect(events).toEqual([...SWAPPED, "applied"]);
    const { config: now, digest } = configuration.source.opened;
    expect(now.clientKeys.algorithms).toEqual(["ecdsa-sha2-256-nistp256"]);
    expect(digest).not.toBe(before.digest);
    expect(notices).toEqual([
      { level: "info", message: "configuration read again", fields: { result: "applied", digest } },
    ]);
  });

  it.each<ReadingCause>(["change", "signal"])("is in the audit trail when it is in force, by a %s", async (cause) => {
    const { configuration, read, audited } = inForce();
    await read("shutdown: { drainSeconds: 7 }\n", cause);
    await read("foo: bar\n", cause);
    expect(audited).toEqual([]);
    await read(PAUSED, cause);
    const { digest } = configuration.source.opened;
    expect(audited).toEqual([{ kind: "configuration", timeMs: 5, generation: 7, configuration: digest, cause }]);
  });

  it("is in force all the same where the trail fails, which ends the process", async () => {
    const { configuration, read } = inForce({ isTrailBroken: true });
    expect((await read(PAUSED)).events).toContain("applied");
    expect(configuration.source.opened.config.issuance.paused).toBe(true);
  });

  it("changes nothing that is as it was", async () => {
    const { configuration, read } = inForce();
    const before = configuration.source;
    expect((await read("# nothing new\n")).events).toEqual(["unchanged"]);
    expect(configuration.source).toBe(before);
  });

  it.each<readonly [string, string, boolean, ReadingCause, string, readonly string[]]>([
    ["pauses", "", false, "signal", PAUSED, ["paused", ...SWAPPED, "applied"]],
    ["pauses", "", false, "change", PAUSED, ["paused", ...SWAPPED, "applied"]],
    ["resumes", PAUSED, true, "change", "", ["log and source", "resumed", "rates on", "fetch ahead", "applied"]],
    ["resumes what a signal has paused", "", true, "signal", "", ["resumed", "unchanged"]],
    ["leaves paused what a signal has paused", "", true, "change", "logging: { level: warn }\n", ["unchanged"]],
    ["leaves paused what is paused", PAUSED, true, "signal", PAUSED, ["unchanged"]],
  ])("%s (at first %j, paused: %s, by a %s)", async (_what, started, isPaused, cause, more, events) => {
    expect((await inForce({ started, isPaused }).read(more, cause)).events).toEqual(events);
  });

  it("names what waits for the next start, and does the rest", async () => {
    const { configuration, read } = inForce();
    const { notices } = await read(
      "reconcile: { everySeconds: 0 }\nshutdown: { drainSeconds: 7 }\nlogging: { level: warn }\n" +
        "limits: { connections: 7, rates: { enabled: false } }\n",
    );
    const { limits, shutdown } = configuration.source.opened.config;
    expect([limits.connections, limits.rates.enabled, shutdown.drainSeconds]).toEqual([2000, false, 20]);
    expect(notices).toMatchObject([
      {
        level: "warn",
        message: "settings have changed that wait for the next start",
        fields: { settings: "limits.connections, shutdown.drainSeconds, reconcile.everySeconds, logging.level" },
      },
      { level: "info", fields: { result: "applied" } },
    ]);
  });

  it("says which settings weaken safety that did not before, and which do no more", async () => {
    const { read } = inForce();
    const off = "limits: { rates: { enabled: false } }\n";
    expect((await read(off)).events).toContain("unsafe rate-limits-off");
    expect((await read(`${off}${PAUSED}`)).events).not.toContain("unsafe rate-limits-off");
    expect((await read("")).events).toContain("safe rate-limits-off");
  });

  it("is judged together with the settings of the start, which stay", async () => {
    const signer = "{ kind: file, path: key, passphrase: { env: P } }";
    const production = `dataDirectory: data
http: { listen: "127.0.0.1:0" }
operations: { listen: "127.0.0.1:0" }
ca: { signer: ${signer}, chain: chain }
log: { origin: example.com, signer: ${signer.replace("key", "log")}, checkpointSigner: ${signer.replace("key", "point")} }
issuers: [{ url: "https://issuer.example.com", identity: { kind: email } }]
`;
    copyFileSync("keys-dev/chain.pem", join(folder, "chain"));
    const parse = (text: string): Config => parseConfig(text, join(folder, "c.yaml"));
    const { read } = inForce({ config: parse(production) });
    const development = `environment: development\n${production.replace('com"', 'com", allowInsecureHttp: true')}`;
    const { events, notices } = await read(() => parse(development));
    expect(events).toEqual(["refused"]);
    expect(notices[0]?.fields["error"]).toBe(
      "beside the settings of the start: issuers[0].allowInsecureHttp: an issuer without TLS is allowed only with " +
        "environment: development",
    );
  });

  it.each<readonly [string, () => Config, string]>([
    [
      "[R3b] that cannot be read",
      () => {
        throw new ConfigError("c.yaml:3: foo: unknown setting");
      },
      "c.yaml:3: foo: unknown setting",
    ],
    ["[R3b] that is empty", () => parseConfig("", "c.yaml"), "expected a mapping of settings"],
    ["[R3b] that is null", () => parseConfig("null\n", "c.yaml"), "expected a mapping of settings"],
    ["[R3b] without issuers", () => parseConfig(MEMORY_CONFIG.replace(/^issuers: .*\n/mu, ""), "c.yaml"), "issuers"],
    [
      "[R3b] with no issuer",
      () => parseConfig(MEMORY_CONFIG.replace(/^issuers: .*$/mu, "issuers: []"), "c.yaml"),
      "issuers",
    ],
    ["[R15b] whose file is missing", () => loadConfig(join(folder, "none.yaml")), "none.yaml: cannot be read"],
    ["[R15b] whose file is a folder", () => loadConfig(folder), "not a regular file"],
    [
      "[R15b] whose file is larger than 1 MiB",
      () => {
        writeFileSync(join(folder, "large.yaml"), `${MEMORY_CONFIG}#${"x".repeat(1024 * 1024)}\n`);
        return loadConfig(join(folder, "large.yaml"));
      },
      "larger than",
    ],
    [
      "[R15b] whose file is a pipe",
      () => {
        execFileSync("mkfifo", [join(folder, `pipe-${String(++pipes)}`)]);
        return loadConfig(join(folder, `pipe-${String(pipes)}`));
      },
      "not a regular file",
    ],
    [
      "[R15b] whose file cannot be opened",
      () => {
        symlinkSync("link.yaml", join(folder, "link.yaml"));
        try {
          return loadConfig(join(folder, "link.yaml"));
        } finally {
          rmSync(join(folder, "link.yaml"));
        }
      },
      "cannot be read",
    ],
    ["[R15b] whose blocklist is missing", () => config("clientKeys: { blocklist: none }\n"), "none: cannot be read"],
    ["[R15b] whose blocklist is a folder", () => config("clientKeys: { blocklist: . }\n"), "not a regular file"],
  ])("%s changes nothing, paused or not", async (_what, read, says) => {
    for (const isPaused of [false, true]) {
      const { configuration, read: readAgain } = inForce({ isPaused });
      const before = configuration.source;
      const { events, notices } = await readAgain(read);
      expect(events).toEqual(["refused"]);
      expect(notices).toMatchObject([{ level: "error", message: REFUSED }]);
      expect(notices[0]?.fields["error"]).toContain(says);
      expect(configuration.lastFailure).toContain(says);
      expect(configuration.source).toBe(before);
      await readAgain("");
      expect(configuration.lastFailure).toBeUndefined();
    }
  });

  it("changes nothing at all, not even the brake, where something speaks against the shards", async () => {
    const refusals = ["shard a is gone", "shard b cannot go from frozen to active"];
    const { read } = inForce({ shards: { plan: () => ({ added: [], refusals }) } });
    const { events, notices } = await read(PAUSED);
    expect(events).toEqual(["refused"]);
    expect(notices).toMatchObject([{ level: "error", fields: { error: `log.shards: ${refusals.join("; ")}` } }]);
  });

  it("pulls the brake all the same where a shard cannot be opened, and lets go of all the rest", async () => {
    const change = (): Promise<void> => Promise.reject(new MayflyError("LOG_MISSING", "there is no log"));
    const { configuration, read } = inForce({ shards: { change } });
    const before = configuration.source;
    const { events, notices } = await read(PAUSED);
    expect(events).toEqual(["paused", "close", "refused"]);
    expect(notices).toMatchObject([{ level: "error", message: REFUSED, fields: { error: "there is no log" } }]);
    expect(configuration.source).toBe(before);
  });

  it("is another one where a file that it names says something else", async () => {
    const { configuration, read } = inForce();
    const blocklist = join(folder, "blocked");
    const more = "clientKeys: { blocklist: blocked }\n";
    writeFileSync(blocklist, "");
    expect((await read(more)).events).toContain("applied");
    expect((await read(more)).events).toEqual(["unchanged"]);
    writeFileSync(blocklist, `${"ab".repeat(32)}\n`);
    expect((await read(more)).events).toContain("applied");
    expect(configuration.source.opened.blockedKeys).toEqual(new Set(["ab".repeat(32)]));
    expect([...configuration.files.keys()]).toEqual([blocklist]);
  });

  it("knows of the files of one that was refused as well as of those before", async () => {
    const { configuration, read } = inForce();
    writeFileSync(join(folder, "blocked"), "");
    await read("clientKeys: { blocklist: blocked }\n");
    await read("clientKeys: { blocklist: none }\n");
    expect([...configuration.files]).toMatchObject([
      [join(folder, "blocked"), expect.stringMatching(/^[0-9a-f]{64}$/u)],
      [join(folder, "none"), "unreadable"],
    ]);
    // However many are refused, only the last of them counts.
    await read("clientKeys: { blocklist: none-either }\n");
    expect([...configuration.files.keys()]).toEqual([join(folder, "blocked"), join(folder, "none-either")]);
  });
});
