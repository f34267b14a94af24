import { afterEach, describe, expect, it } from "@jest/globals";
import { IssuerFailure } from "../../../src/adapters/oidc/issuer-failure.ts";
import { openTokenVerifier } from "../../../src/adapters/oidc/open-token-verifier.ts";
import type { TokenVerifier } from "../../../src/adapters/oidc/open-token-verifier.ts";
import type { PatternLimits } from "../../../src/adapters/oidc/pattern-issuers.ts";
import { makeFakeClock } from "../../fakes/fake-clock.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";
import { makeTokenKey, signToken } from "../../support/tokens.ts";
import { NOW_MS, reasonOf } from "./local-issuer.ts";

const PATTERN = "https://*.issuers.example.com";
const EXACT = "https://named.issuers.example.com";
const LIMITS: PatternLimits = {
  known: 20,
  keys: 100,
  unproven: 30,
  idleMs: 3_600_000,
  discoveriesPerSecond: 10_000,
  discoveriesPerMinute: 10_000,
};
const HOUR_MS = 3_600_000;
const key = makeTokenKey("ES256", "ec-1");

const opened: TokenVerifier[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((verifier) => verifier.close()));
});

/** A verifier for a pattern and one issuer by its name; `fails` says who cannot be reached, `keys` how many keys one has. */
function open(limits: Partial<PatternLimits> = {}) {
  const clock = makeFakeClock(NOW_MS);
  const asked: string[] = [];
  const closed: string[] = [];
  const how: { fails: (url: string) => boolean; keys: (url: string) => number } = {
    fails: () => false,
    keys: () => 1,
  };
  const verifier = openTokenVerifier({
    issuers: [issuerSettings({ url: PATTERN, pattern: PATTERN }), issuerSettings({ url: EXACT })],
    clock,
    random: () => 0.5,
    patternLimits: { ...LIMITS, ...limits },
    openFetch: ({ url }) => ({
      fetchJson: (target) => {
        if (how.fails(url)) {
          asked.push(url);
          return Promise.reject(new IssuerFailure("transient", "the document could not be fetched"));
        }
        if (!target.endsWith("/jwks")) {
          asked.push(url);
          return document({ issuer: url, jwks_uri: `${url}/jwks`, id_token_signing_alg_values_supported: ["ES256"] });
        }
        return document({
          keys: Array.from({ length: how.keys(url) }, (_, at) => ({ ...key.jwk, kid: `ec-${at + 1}` })),
        });
      },
      close: () => {
        closed.push(url);
        return Promise.resolve();
      },
    }),
  });
  opened.push(verifier);
  const now = (): number => clock.now() / 1000;
  const token = (iss: string): string =>
    signToken(key, { iss, aud: "sigstore", sub: "s", iat: now(), exp: now() + 600 });
  const verify = (iss: string) => verifier.verifyIdToken(token(iss), clock.now());
  return { clock, asked, closed, how, verifier, verify };
}

const document = (value: unknown): Promise<{ bytes: Uint8Array }> =>
  Promise.resolve({ bytes: Buffer.from(JSON.stringify(value)) });
const tenant = (number: number): string => `https://t${number}.issuers.example.com`;

describe("issuers that a pattern matched", () => {
  it("are kept by their keys up to a number, and those that were not used for longest go first", async () => {
    const { asked, closed, clock, verifier, verify } = open();
    for (let number = 0; number < 50; number++) {
      await verify(tenant(number));
      await verify(tenant(0));
      clock.advance(1);
    }
    expect(verifier.patternIssuers().counts).toEqual({ known: 20, unproven: 0 });
    expect(closed).toEqual(Array.from({ length: 30 }, (_, at) => tenant(at + 1)));
    asked.length = 0;
    await verify(tenant(0));
    await verify(tenant(49));
    expect(asked).toEqual([]);
    await verify(tenant(1));
    expect(asked).toEqual([tenant(1)]);
  });

  it("are kept up to a number of keys, however few they are themselves", async () => {
    const { closed, how, clock, verifier, verify } = open();
    how.keys = () => 40;
    for (let number = 0; number < 5; number++) {
      await verify(tenant(number));
      clock.advance(1);
    }
    expect(verifier.patternIssuers().counts).toEqual({ known: 2, unproven: 0 });
    expect(closed).toEqual([tenant(0), tenant(1), tenant(2)]);
  });

  it("count with the keys that they have now", async () => {
    const { closed, how, clock, verify } = open();
    await verify(tenant(0));
    clock.advance(1);
    await verify(tenant(1));
    how.keys = () => 99;
    clock.advance(HOUR_MS / 2);
    await verify(tenant(1));
    expect(closed).toEqual([]);
    await verify(tenant(1));
    expect(closed).toEqual([]);
    how.keys = () => 100;
    clock.advance(HOUR_MS / 2);
    await verify(tenant(1));
    expect(closed).toEqual([tenant(0)]);
  });

  it("are forgotten after an hour in which nobody used them", async () => {
    const { closed, clock, verifier, verify } = open();
    await verify(tenant(0));
    await verify(tenant(1));
    clock.advance(HOUR_MS / 2);
    await verify(tenant(1));
    clock.advance(HOUR_MS / 2 + 1);
    await verify(tenant(2));
    expect(closed).toEqual([tenant(0)]);
    expect(verifier.patternIssuers().counts).toEqual({ known: 2, unproven: 0 });
  });

  it("push out nobody who answers when they fail, and are remembered up to a number", async () => {
    const { asked, how, clock, verifier, verify } = open();
    await verify(EXACT);
    await verify(tenant(0));
    how.fails = (url) => url !== EXACT && url !== tenant(0);
    for (let number = 1; number <= 100; number++) {
      expect(await reasonOf(verify(tenant(number)))).toBe("DISCOVERY_FAILED");
      clock.advance(1);
    }
    expect(verifier.patternIssuers().counts).toEqual({ known: 1, unproven: 30 });
    asked.length = 0;
    await verify(EXACT);
    await verify(tenant(0));
    expect(await reasonOf(verify(tenant(100)))).toBe("DISCOVERY_FAILED");
    expect(asked).toEqual([]);
  });

  it("are asked again when their wait is over, as often as new ones may be", async () => {
    const { asked, how, clock, verifier, verify } = open({ discoveriesPerSecond: 2 });
    how.fails = () => true;
    for (const number of [0, 1]) expect(await reasonOf(verify(tenant(number)))).toBe("DISCOVERY_FAILED");
    clock.advance(1000);
    expect(await reasonOf(verify(tenant(2)))).toBe("DISCOVERY_FAILED");
    clock.advance(20_000);
    how.fails = () => false;
    asked.length = 0;
    await verify(tenant(0));
    await verify(tenant(1));
    expect(await reasonOf(verify(tenant(2)))).toBe("DISCOVERY_LIMITED");
    expect(asked).toEqual([tenant(0), tenant(1)]);
    clock.advance(1000);
    await verify(tenant(2));
    expect(verifier.patternIssuers().counts).toEqual({ known: 3, unproven: 0 });
  });

  it("are asked once by all who come at the same time", async () => {
    const { asked, verify } = open({ discoveriesPerSecond: 1 });
    await Promise.all(Array.from({ length: 20 }, () => verify(tenant(0))));
    expect(asked).toEqual([tenant(0)]);
  });
});
