import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { openTokenVerifier } from "../../../src/adapters/oidc/open-token-verifier.ts";
import type { TokenVerifier, TokenVerifierOptions } from "../../../src/adapters/oidc/open-token-verifier.ts";
import { KeyCaches } from "../../../src/adapters/oidc/key-caches.ts";
import type { IssuerSettings } from "../../../src/adapters/oidc/issuer-settings.ts";
import type { Telemetry } from "../../../src/ports/telemetry.ts";
import { makeFakeClock } from "../../fakes/fake-clock.ts";
import { makeRecordingTelemetry } from "../../fakes/recording-telemetry.ts";
import { makeGate } from "../../support/held-calls.ts";
import { json, LocalIssuer, makeKey, NOW_MS, reasonOf } from "./local-issuer.ts";
import type { IssuerKey } from "./local-issuer.ts";

let issuer: LocalIssuer;
let key: IssuerKey;
const open: TokenVerifier[] = [];
beforeEach(async () => {
  issuer = await LocalIssuer.start();
  key = await makeKey("ES256", "one");
  issuer.serve(key);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((verifier) => verifier.close()));
  await issuer.close();
});

const clock = makeFakeClock(NOW_MS);
const telemetry = makeRecordingTelemetry();

/** Verifiers that follow one another in one process. */
function startProcess() {
  const onNotice: Telemetry["notice"] = (level, message, fields) => {
    telemetry.notice(level, message, fields);
  };
  const options = { clock, random: () => 0.5, onNotice };
  const keyCaches = new KeyCaches(options);
  return (settings: Partial<IssuerSettings>, more: Partial<TokenVerifierOptions> = {}): TokenVerifier => {
    const verifier = openTokenVerifier({ ...options, ...more, issuers: [issuer.settings(settings)], keyCaches });
    open.push(verifier);
    return verifier;
  };
}

const verify = async (verifier: TokenVerifier, claims = {}): Promise<unknown> =>
  verifier.verifyIdToken(await issuer.token(key, claims), clock.now());

describe("issuers' keys that several verifiers have use of", () => {
  it.each<readonly [string, Partial<IssuerSettings>]>([
    ["nothing", {}],
    ["the audience", { audience: "another" }],
    ["what is done with addresses", { identity: { kind: "email", emailTrust: "unverified" } }],
    ["what is asked of callers' keys", { requireKeyProof: true }],
    [
      "what is asked of tokens",
      {
        tokenChecks: {
          isAudienceAlone: true,
          isPartyRequired: false,
          isForOneUse: false,
          maxLifetimeSeconds: 900,
          leewaySeconds: 0,
        },
      },
    ],
  ])("[FC132] are not fetched again where what has changed is %s", async (_what, changes) => {
    const next = startProcess();
    const before = next({});
    await verify(before);
    const after = next(changes);
    await before.close();
    await verify(after, { aud: changes.audience ?? "sigstore" });
    expect(issuer.fetches).toEqual({ discovery: 1, jwks: 1 });
  });

  it("are not fetched again where a token for that is read from the same file", async () => {
    const next = startProcess();
    const withToken = () => ({ bearerTokenFile: "/token", readBearerToken: () => Promise.resolve("t") });
    for (const verifier of [next(withToken()), next(withToken())]) await verify(verifier);
    expect(issuer.fetches).toEqual({ discovery: 1, jwks: 1 });
  });

  it.each<readonly [string, () => Partial<IssuerSettings>]>([
    ["where the keys are", () => ({ jwksUrl: `${issuer.url}/jwks` })],
    ["which of its algorithms are permitted", () => ({ algorithms: ["ES256", "RS256"] })],
    ["whose token it is asked with", () => ({ bearerTokenFile: "/other" })],
    ["which authorities are trusted", () => ({ caCertificatePem: "another" })],
    ["how long stale keys are used", () => ({ staleSeconds: 60 })],
  ])("[FC132] are fetched again where what has changed is %s", async (_what, changes) => {
    const next = startProcess();
    await verify(next({}));
    await verify(next(changes()));
    expect(issuer.fetches.jwks).toBe(2);
  });

  it("are taken from the new file where they come from one", async () => {
    const next = startProcess();
    const other = await makeKey("ES256", "two");
    const setOf = (one: IssuerKey): Uint8Array => new TextEncoder().encode(JSON.stringify({ keys: [one.jwk] }));
    await verify(next({ jwks: setOf(key) }));
    expect(await reasonOf(verify(next({ jwks: setOf(other) })))).toBe("TOKEN_KEY_UNKNOWN");
    await verify(next({ jwks: setOf(key) }));
  });

  it("are kept while one of them is open, and forgotten behind the last", async () => {
    const next = startProcess();
    const verifiers = [next({}), next({})];
    for (const verifier of verifiers) await verify(verifier);
    for (const verifier of verifiers) await verifier.close();
    // A second end of one may not end what another one uses.
    await verifiers[0]?.close();
    await verify(next({}));
    expect(issuer.fetches.jwks).toBe(2);
  });

  it("[I15] are not those of an answer that comes when nobody trusts the issuer any more", async () => {
    const gate = makeGate();
    const answer = json({ keys: [key.jwk] });
    issuer.jwks = (request, response) => {
      void gate.pass().then(() => {
        answer(request, response);
      });
    };
    const next = startProcess();
    const before = next({});
    const asked = reasonOf(verify(before));
    while (issuer.fetches.jwks === 0) await new Promise(setImmediate);
    const said = telemetry.notices.length;
    await before.close();
    gate.open();
    expect(await asked).toBe("JWKS_FAILED");
    // Nobody is told of it: the issuer did nothing wrong.
    expect(telemetry.notices.length).toBe(said);
    const other = await makeKey("ES256", "two");
    issuer.serve(other);
    expect(await reasonOf(verify(next({})))).toBe("TOKEN_KEY_UNKNOWN");
  });
});

describe("issuers of a pattern that another verifier has found", () => {
  // No pattern matches a port on loopback: the issuer is reached by another name.
  const URL_OF_TENANT = "https://one.example.com/tenant";
  const pattern = (changes: Partial<IssuerSettings> = {}): Partial<IssuerSettings> => ({
    url: "https://*.example.com/tenant",
    pattern: "https://*.example.com/tenant",
    ...changes,
  });
  const limits = { known: 4, keys: 100, unproven: 4, idleMs: 1000, discoveriesPerSecond: 1, discoveriesPerMinute: 1 };

  function startTenants() {
    const fetched: string[] = [];
    const keyCaches = new KeyCaches({
      clock,
      openFetch: ({ url }) => ({
        fetchJson: (target) => {
          fetched.push(target);
          const document = { issuer: url, jwks_uri: `${url}/jwks`, id_token_signing_alg_values_supported: ["ES256"] };
          const body = target.endsWith("/jwks") ? { keys: [key.jwk] } : document;
          return Promise.resolve({ bytes: new TextEncoder().encode(JSON.stringify(body)) });
        },
        close: () => Promise.resolve(),
      }),
    });
    const next = (settings: Partial<IssuerSettings>, before?: TokenVerifier): TokenVerifier => {
      const more = before === undefined ? {} : { before };
      const issuers = [issuer.settings(settings)];
      const verifier = openTokenVerifier({ ...more, patternLimits: limits, clock, issuers, keyCaches });
      open.push(verifier);
      return verifier;
    };
    return { fetched, next };
  }

  const tenantOf = (verifier: TokenVerifier, url = URL_OF_TENANT): Promise<unknown> => verify(verifier, { iss: url });

  it("are known from the start, and asked for nothing", async () => {
    const { fetched, next } = startTenants();
    const before = next(pattern());
    await tenantOf(before);
    const after = next(pattern({ requireKeyProof: true }), before);
    await before.close();
    expect(after.patternIssuers().counts).toEqual({ known: 1, unproven: 0 });
    await tenantOf(after);
    expect(fetched).toHaveLength(2);
  });

  it("are asked for the first time no oftener because there is another configuration", async () => {
    const { fetched, next } = startTenants();
    const before = next(pattern());
    await tenantOf(before);
    const other = pattern({ url: "https://*.example.com/other", pattern: "https://*.example.com/other" });
    let after = next(pattern({ requireKeyProof: true }), before);
    const another = next(other, before);
    expect(await reasonOf(tenantOf(after, "https://two.example.com/tenant"))).toBe("DISCOVERY_LIMITED");
    expect(await reasonOf(tenantOf(another, "https://two.example.com/other"))).toBe("DISCOVERY_LIMITED");
    clock.advance(1000);
    await tenantOf(another, "https://two.example.com/other");
    clock.advance(1000);
    after = next(pattern({ staleSeconds: 60 }), after);
    expect(await reasonOf(tenantOf(after, "https://two.example.com/tenant"))).toBe("DISCOVERY_LIMITED");
    expect(fetched).toHaveLength(4);
    clock.advance(58_000);
    await tenantOf(after, "https://two.example.com/tenant");
  });

  it.each<readonly [string, Partial<IssuerSettings>]>([
    ["matches them no more", pattern({ url: "https://*.example.org/tenant", pattern: "https://*.example.org/tenant" })],
    ["fetches keys in another way", pattern({ staleSeconds: 60 })],
  ])("are not known where the pattern %s", async (_what, changes) => {
    const { next } = startTenants();
    const before = next(pattern());
    await tenantOf(before);
    const after = next(changes, before);
    expect(after.patternIssuers().counts).toEqual({ known: 0, unproven: 0 });
  });
});

describe("issuers that nobody has asked yet", () => {
  it("are asked ahead, once", async () => {
    const verifier = startProcess()({});
    await verifier.fetchAhead();
    await verifier.fetchAhead();
    await verify(verifier);
    expect(issuer.fetches).toEqual({ discovery: 1, jwks: 1 });
  });

  it("are not asked ahead by a verifier that has found them as they were", async () => {
    const next = startProcess();
    next({});
    await next({ requireKeyProof: true }).fetchAhead();
    expect(issuer.fetches).toEqual({ discovery: 0, jwks: 0 });
    await next({ staleSeconds: 60 }).fetchAhead();
    expect(issuer.fetches).toEqual({ discovery: 1, jwks: 1 });
  });

  it("are asked in vain without harm, and noticed", async () => {
    issuer.discovery = (_request, response) => {
      response.writeHead(503).end();
    };
    const said = telemetry.notices.length;
    await startProcess()({}).fetchAhead();
    expect(telemetry.notices.slice(said)).toMatchObject([
      { level: "warn", fields: { issuer: issuer.url, reason: "DISCOVERY_FAILED" } },
    ]);
  });
});
