import { describe, expect, it } from "@jest/globals";
import { parseConfig } from "../../src/config/load-config.ts";
import { unsafeOptions } from "../../src/config/rules.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

const parse = (limits: string) => parseConfig(`${MEMORY_CONFIG}limits: ${limits}\n`, "c.yaml");

describe("limits in the configuration", () => {
  it("are on, with numbers that suit a public service, when nothing is said", () => {
    const { limits } = parseConfig(MEMORY_CONFIG, "c.yaml");
    expect(limits).toMatchObject({
      trustedProxies: [],
      requestsInFlight: 64,
      queuedRequests: 256,
      queueSeconds: 1,
      requestSeconds: 10,
      stages: { tokenSeconds: 5, signatureSeconds: 2.5, logSeconds: 2 },
      connections: 2_000,
      connectionsPerAddress: 100,
      rates: {
        enabled: true,
        signing: { perSecond: 20, burst: 40 },
        failedTokens: { perSecond: 1, burst: 60 },
        reads: { perSecond: 50, burst: 100 },
        issuer: { perSecond: 200, burst: 400 },
        subject: { perSecond: 5, burst: 50 },
      },
    });
  });

  it("can be changed one by one, and cannot be changed afterwards", () => {
    const { limits } = parse("{ rates: { signing: { perSecond: 0.5 } } }");
    expect(limits.rates.signing).toEqual({ perSecond: 0.5, burst: 40 });
    expect(Object.isFrozen(limits.rates.signing) && Object.isFrozen(limits.rates) && Object.isFrozen(limits)).toBe(
      true,
    );
  });

  it("are named among what gives safety away when they are off", () => {
    expect(unsafeOptions(parse("{ rates: { enabled: false } }"))).toContain("rate-limits-off");
  });

  it("say how much disk must be free, or leave that to the environment", () => {
    expect(parseConfig(MEMORY_CONFIG, "c.yaml").limits).not.toHaveProperty("minFreeDiskMiB");
    for (const minFreeDiskMiB of [0, 2_048]) {
      expect(parse(`{ minFreeDiskMiB: ${String(minFreeDiskMiB)} }`).limits.minFreeDiskMiB).toBe(minFreeDiskMiB);
    }
  });

  it.each(["10.0.0.0/8", "192.0.2.7", "192.0.2.7/32", "fd00::/8", "::1", "2001:db8::/128"])("trust %s", (proxy) => {
    expect(parse(`{ trustedProxies: ["${proxy}"] }`).limits.trustedProxies).toEqual([proxy]);
  });

  it.each([
    ["R14: the whole internet", '{ trustedProxies: ["0.0.0.0/0"] }'],
    ["R14: the whole internet of IPv6", '{ trustedProxies: ["::/0"] }'],
    ["R14: a name", '{ trustedProxies: ["proxy.example.com"] }'],
    ["R14: too long a prefix", '{ trustedProxies: ["10.0.0.0/33"] }'],
    ["R14: too long a prefix of IPv6", '{ trustedProxies: ["fd00::/129"] }'],
    ["R14: a netmask", '{ trustedProxies: ["10.0.0.0/255.0.0.0"] }'],
    ["R14: two prefixes", '{ trustedProxies: ["10.0.0.0/8/8"] }'],
    ["R14: a short form", '{ trustedProxies: ["10/8"] }'],
    ["R14: IPv4 in IPv6 form, which never matches", '{ trustedProxies: ["::ffff:10.0.0.0/104"] }'],
    ["R14: a zone", '{ trustedProxies: ["fe80::1%eth0"] }'],
    ["R14: an empty text", '{ trustedProxies: [""] }'],
    ["R12: no rate at all", "{ rates: { signing: { perSecond: 0 } } }"],
    ["R12: a negative rate", "{ rates: { reads: { perSecond: -1 } } }"],
    ["R12: a rate that is no number", "{ rates: { reads: { perSecond: .nan } } }"],
    ["R12: a rate without end", "{ rates: { reads: { perSecond: .inf } } }"],
    ["R12: a rate in words", '{ rates: { reads: { perSecond: "10 parsecs" } } }'],
    ["R12: a bucket that holds nothing", "{ rates: { subject: { burst: 0 } } }"],
    ["R12: half a token", "{ rates: { subject: { burst: 1.5 } } }"],
    ["R12: no issuance", "{ requestsInFlight: 0 }"],
    ["R12: a negative queue", "{ queuedRequests: -1 }"],
    ["R12: no time in the queue", "{ queueSeconds: 0 }"],
    ["R12: no time for a request", "{ requestSeconds: 0 }"],
    ["R12: no time for the log", "{ stages: { logSeconds: 0 } }"],
    ["R12: less than no free disk", "{ minFreeDiskMiB: -1 }"],
    ["R12: a part of a MiB", "{ minFreeDiskMiB: 0.5 }"],
    ["R12: a size in words", '{ minFreeDiskMiB: "512 MiB" }'],
    ["R12: no connection", "{ connections: 0 }"],
    ["R12: no connection of anybody", "{ connectionsPerAddress: 0 }"],
    ["R01: an unknown key", "{ rates: { signing: { perMinute: 3 } } }"],
  ])("refuse %s", (_name, limits) => {
    expect(() => parse(limits)).toThrow(/c\.yaml:8: limits\./u);
  });
});
