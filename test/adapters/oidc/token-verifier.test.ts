import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createHmac, createPublicKey } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Reason } from "../../../src/core/errors.ts";
import { openTokenVerifier } from "../../../src/adapters/oidc/open-token-verifier.ts";
import type { VerifiedIdToken } from "../../../src/core/identity/id-token.ts";
import { makeFakeClock } from "../../fakes/fake-clock.ts";
import { json, LocalIssuer, makeKey, openFor, reasonOf, refusal, NOW_MS, type IssuerKey } from "./local-issuer.ts";

const MINUTE_MS = 60_000;

let issuer: LocalIssuer;
let rsa: IssuerKey;
let ec: IssuerKey;

const opened: { close: () => Promise<void> }[] = [];
const open: typeof openFor = (...args) => {
  const verifier = openFor(...args);
  opened.push(verifier);
  return verifier;
};

beforeAll(async () => {
  rsa = await makeKey("RS256", "rsa-1");
  ec = await makeKey("ES256", "ec-1");
});
beforeEach(async () => {
  issuer = await LocalIssuer.start();
  issuer.serve(rsa, ec);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((verifier) => verifier.close()));
  await issuer.close();
});

describe("a verified token", () => {
  it.each(["RS256", "ES256", "ES384", "PS256", "EdDSA"])(
    "is one whose %s signature is by the issuer's key",
    async (alg) => {
      const key = await makeKey(alg, "the-key", alg === "EdDSA" ? { crv: "Ed25519" } : {});
      issuer.serve(rsa, key);
      const { verify } = open(issuer);
      const token: VerifiedIdToken = await verify(await issuer.token(key, { big: 12345678901234567000 }));
      const { identity, rules } = issuer.settings();
      expect(token.issuer).toEqual({ url: issuer.url, audience: "sigstore", identity, rules });
      expect(token.subject).toBe("subject");
      expect(token.claims.get("big")).toEqual({ kind: "number", text: "12345678901234567000" });
    },
  );

  it("takes no network settings and nothing that can be changed along with its issuer", async () => {
    const { verify } = open(issuer);
    const token = await verify(await issuer.token(rsa));
    expect(Object.isFrozen(token.issuer)).toBe(true);
    expect(Object.keys(token.issuer).sort()).toEqual(["audience", "identity", "rules", "url"]);
  });

  it("E05: may name no key, and then every fitting key is tried", async () => {
    const first = await makeKey("ES256");
    const second = await makeKey("ES256");
    issuer.serve(rsa, first, second);
    const { verify } = open(issuer);
    expect((await verify(await issuer.token(second))).subject).toBe("subject");
    expect(await reasonOf(verify(await issuer.token(await makeKey("ES256"))))).toBe("TOKEN_SIGNATURE_INVALID");
  });

  it("I05: may be by either of two keys with one name", async () => {
    const twin = await makeKey("ES256", "ec-1");
    issuer.serve(ec, twin);
    const { verify } = open(issuer);
    expect((await verify(await issuer.token(twin))).subject).toBe("subject");
    expect((await verify(await issuer.token(ec))).subject).toBe("subject");
  });
});

describe("a signature", () => {
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

  it("E15: covers every bit of the token", async () => {
    const { verify } = open(issuer);
    const token = await issuer.token(ec);
    await verify(token);
    const survivors: string[] = [];
    for (let at = 0; at < token.length; at++) {
      for (const bit of [1, 2, 4, 8, 16, 32]) {
        const index = ALPHABET.indexOf(token.charAt(at));
        if (index === -1) continue;
        const flipped = token.slice(0, at) + ALPHABET.charAt(index ^ bit) + token.slice(at + 1);
        const error = await refusal(verify(flipped)).catch(() => undefined);
        if (error?.code !== "invalid_token" && error?.code !== "untrusted_issuer") survivors.push(`${at}/${bit}`);
      }
    }
    expect(survivors).toEqual([]);
    expect(issuer.fetches.jwks).toBeLessThanOrEqual(2);
  });

  const resigned = async (change: (signature: Buffer) => Uint8Array, key = ec): Promise<string> => {
    const [header, payload, signature] = (await issuer.token(key)).split(".") as [string, string, string];
    const changed = Buffer.from(change(Buffer.from(signature, "base64url"))).toString("base64url");
    return `${header}.${payload}.${changed}`;
  };

  it.each<[string, (signature: Buffer) => Uint8Array]>([
    ["one octet short", (signature) => signature.subarray(1)],
    ["one octet long", (signature) => Buffer.concat([signature, Buffer.alloc(1)])],
    ["all zero", (signature) => Buffer.alloc(signature.length)],
    ["zero in r", (signature) => Buffer.concat([Buffer.alloc(32), signature.subarray(32)])],
    ["zero in s", (signature) => Buffer.concat([signature.subarray(0, 32), Buffer.alloc(32)])],
    ["above the order in r", (signature) => Buffer.concat([Buffer.alloc(32, 0xff), signature.subarray(32)])],
    [
      "DER",
      (signature) =>
        Buffer.concat([
          Buffer.from("30440220", "hex"),
          signature.subarray(0, 32),
          Buffer.from("0220", "hex"),
          signature.subarray(32),
        ]),
    ],
  ])("E12: is refused when it is %s", async (_name, change) => {
    const { verify } = open(issuer);
    expect(await reasonOf(verify(await resigned(change)))).toBe("TOKEN_SIGNATURE_INVALID");
  });

  it.each<[string, (signature: Buffer) => Uint8Array]>([
    ["shorter than the modulus", (signature) => signature.subarray(1)],
    ["longer than the modulus", (signature) => Buffer.concat([Buffer.alloc(1), signature])],
    ["all zero", (signature) => Buffer.alloc(signature.length)],
  ])("E13: by RSA is refused when it is %s", async (_name, change) => {
    const { verify } = open(issuer);
    expect(await reasonOf(verify(await resigned(change, rsa)))).toBe("TOKEN_SIGNATURE_INVALID");
  });

  it("E14: by another issuer's key is refused", async () => {
    const other = await LocalIssuer.start();
    const otherKey = await makeKey("ES256", "ec-1");
    other.serve(otherKey);
    const verifier = openTokenVerifier({
      issuers: [issuer.settings(), other.settings()],
      clock: makeFakeClock(NOW_MS),
    });
    opened.push(verifier);
    const token = await issuer.token(otherKey);
    expect(await reasonOf(verifier.verifyIdToken(token, makeFakeClock(NOW_MS).now()))).toBe("TOKEN_SIGNATURE_INVALID");
    await other.close();
  });

  it("E04: under another algorithm than its header says is refused", async () => {
    const pss = await makeKey("PS256", "rsa-1");
    issuer.serve(pss);
    const { verify } = open(issuer);
    const token = await issuer.token(pss);
    const [, payload, signature] = token.split(".") as [string, string, string];
    const header = Buffer.from('{"alg":"RS256","kid":"rsa-1"}').toString("base64url");
    expect(await reasonOf(verify(`${header}.${payload}.${signature}`))).toBe("TOKEN_SIGNATURE_INVALID");
  });

  it.each<[string, object, Reason]>([
    ["a P-256 key under ES384", { alg: "ES384" }, "TOKEN_ALGORITHM"],
    ["an algorithm that the issuer does not announce", { alg: "RS512" }, "TOKEN_ALGORITHM"],
  ])("E03–E04: refuses %s", async (_name, header, reason) => {
    const { verify } = open(issuer);
    const [, payload, signature] = (await issuer.token(ec)).split(".") as [string, string, string];
    const part = Buffer.from(JSON.stringify({ kid: "ec-1", ...header })).toString("base64url");
    expect(await reasonOf(verify(`${part}.${payload}.${signature}`))).toBe(reason);
  });

  it("E04: by a key whose JWK names another algorithm is refused", async () => {
    issuer.serve({ ...rsa, jwk: { ...rsa.jwk, alg: "PS256" } });
    const { verify } = open(issuer);
    expect(await reasonOf(verify(await issuer.token(rsa)))).toBe("TOKEN_ALGORITHM");
  });
});

describe("a token that can be refused without a key", () => {
  afterEach(() => {
    expect(issuer.fetches).toEqual({ discovery: 0, jwks: 0 });
  });

  const unsigned = (header: object, claims: object, signature = "AAAA"): string =>
    [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".") + `.${signature}`;

  it.each<[string, Record<string, unknown>, Reason]>([
    ["F01 no iss", { iss: undefined }, "TOKEN_CLAIM_MISSING"],
    ["F01 an iss that is a list", { iss: ["https://a.example"] }, "TOKEN_CLAIM_INVALID"],
    ["F01 an empty iss", { iss: "" }, "ISSUER_UNKNOWN"],
    ["F02 an unknown iss", { iss: "https://unknown.example" }, "ISSUER_UNKNOWN"],
    ["F05 no aud", { aud: undefined }, "TOKEN_CLAIM_MISSING"],
    ["F06 another aud", { aud: "Sigstore" }, "WRONG_AUDIENCE"],
    ["F10 a past exp", { exp: 1_799_999_999 }, "TOKEN_EXPIRED"],
    ["F12 an nbf 61 s ahead", { nbf: 1_800_000_061 }, "TOKEN_NOT_YET_VALID"],
    ["F13 no iat", { iat: undefined }, "TOKEN_CLAIM_MISSING"],
    ["F15 no sub", { sub: undefined }, "TOKEN_CLAIM_MISSING"],
  ])("is refused before any fetch: %s", async (_name, changes, reason) => {
    const { verify } = open(issuer);
    expect(await reasonOf(verify(unsigned({ alg: "RS256" }, issuer.claims(changes))))).toBe(reason);
  });

  it.each([
    (url: string) => `${url}/`,
    (url: string) => url.replace("http://", "HTTP://"),
    (url: string) => url.replace("http://", "https://"),
    (url: string) => url.replace("http://", "http://user@"),
    (url: string) => url.replace("127.0.0.1", "127.0.0.1."),
    (url: string) => url.replace("127.0.0.1", "127.1"),
    (url: string) => url.replace("127.0.0.1", "0x7f000001"),
    (url: string) => `${url}/.`,
    (url: string) => `${url}/%2e`,
    (url: string) => `${url}#`,
    (url: string) => ` ${url}`,
    (url: string) => `${url}\n`,
    (url: string) => url.slice("http://".length),
  ])("F03–F04: is refused when its iss only resembles the configured one (%#)", async (change) => {
    const { verify } = open(issuer);
    const token = unsigned({ alg: "RS256" }, issuer.claims({ iss: change(issuer.url) }));
    expect(await reasonOf(verify(token))).toBe("ISSUER_UNKNOWN");
  });

  it.each(["pem", "der", "jwk"])("E02: is refused when the public key, as %s, made its HMAC", async (form) => {
    const key = createPublicKey({ key: rsa.jwk, format: "jwk" });
    const secret = {
      pem: key.export({ format: "pem", type: "spki" }),
      der: key.export({ format: "der", type: "spki" }),
      jwk: JSON.stringify(rsa.jwk),
    }[form as "pem"];
    const signingInput = unsigned({ alg: "HS256", kid: "rsa-1" }, issuer.claims()).replace(/\.AAAA$/u, "");
    const hmac = createHmac("sha256", secret).update(signingInput).digest("base64url");
    expect(await reasonOf(open(issuer).verify(`${signingInput}.${hmac}`))).toBe("TOKEN_ALGORITHM");
  });
});

describe("an issuer's documents", () => {
  it("E08: are found by the configuration alone, whatever jku, x5u, jwk and x5c say", async () => {
    const attacker = await LocalIssuer.start();
    const key = await makeKey("ES256", "ec-1");
    attacker.serve(key);
    const { verify } = open(issuer);
    const header = { jku: `${attacker.url}/jwks`, x5u: `${attacker.url}/x5u`, jwk: key.jwk, x5c: ["AAAA"] };
    expect(await reasonOf(verify(await issuer.token(key, {}, header)))).toBe("TOKEN_SIGNATURE_INVALID");
    expect((await verify(await issuer.token(ec, {}, header))).subject).toBe("subject");
    expect(attacker.fetches).toEqual({ discovery: 0, jwks: 0 });
    await attacker.close();
  });

  it("[H11] are fetched once for 200 first tokens at a time, and the waiters are bounded", async () => {
    const { verify } = open(issuer);
    const token = await issuer.token(ec);
    await Promise.all(Array.from({ length: 200 }, () => verify(token)));
    expect(issuer.fetches).toEqual({ discovery: 1, jwks: 1 });

    const crowded = open(issuer);
    const outcomes = await Promise.allSettled(Array.from({ length: 300 }, () => crowded.verify(token)));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(300 - 256);
    expect(refused[0]?.reason).toMatchObject({ reason: "ISSUER_QUEUE_FULL" });
    expect(issuer.fetches).toEqual({ discovery: 2, jwks: 2 });
  });

  it("[E7] are not fetched again for 10,000 tokens with invented key ids", async () => {
    const { verify, clock } = open(issuer);
    const [, payload, signature] = (await issuer.token(ec)).split(".") as [string, string, string];
    const invented = (kid: string): string =>
      `${Buffer.from(JSON.stringify({ alg: "ES256", kid })).toString("base64url")}.${payload}.${signature}`;
    for (let index = 0; index < 10_000; index++) {
      expect(await reasonOf(verify(invented(`kid-${index}`)))).toBe("TOKEN_KEY_UNKNOWN");
    }
    expect(issuer.fetches).toEqual({ discovery: 1, jwks: 2 });
    clock.advance(29_999);
    await refusal(verify(invented("one-more")));
    expect(issuer.fetches.jwks).toBe(2);
    clock.advance(1);
    await refusal(verify(invented("kid-1"))); // looked for in vain less than a minute ago
    expect(issuer.fetches.jwks).toBe(2);
    await refusal(verify(invented("kid-2")));
    expect(issuer.fetches.jwks).toBe(3);
    for (let step = 0; step < 40; step++) {
      clock.advance(30_000);
      await refusal(verify(invented(`late-${step}`)));
    }
    // 20 forced in an hour, and those whose time had come.
    expect(issuer.fetches.jwks).toBeLessThanOrEqual(1 + 20 + 3);
    expect((await verify(await issuer.token(ec, { exp: clock.now() / 1000 + 60 }))).subject).toBe("subject");
  });

  it.each(["../../etc/passwd", "' OR 1=1 --", "https://evil.example/key", "a\0b", "constructor", "__proto__"])(
    "E06: are not asked for more than their keys by the key id %j",
    async (kid) => {
      const { verify } = open(issuer);
      expect(await reasonOf(verify(await issuer.token(ec, {}, { kid })))).toBe("TOKEN_KEY_UNKNOWN");
    },
  );

  it("I11: are fetched again for the first token by a new key", async () => {
    const { verify } = open(issuer);
    await verify(await issuer.token(ec));
    const next = await makeKey("ES256", "ec-2");
    issuer.serve(ec, next);
    await verify(await issuer.token(next));
    await verify(await issuer.token(next));
    expect(issuer.fetches).toEqual({ discovery: 1, jwks: 2 });
  });

  it("are fetched again when a token without kid is by a key that replaced another", async () => {
    const [first, second] = [await makeKey("ES256"), await makeKey("ES256")];
    issuer.serve(first);
    const { verify } = open(issuer);
    await verify(await issuer.token(first));
    issuer.serve(second);
    await verify(await issuer.token(second));
    expect(await reasonOf(verify(await issuer.token(first)))).toBe("TOKEN_SIGNATURE_INVALID");
    expect(issuer.fetches.jwks).toBe(2);
  });

  it("I12: drop a withdrawn key when ten minutes have passed", async () => {
    const { verify, clock } = open(issuer);
    const token = await issuer.token(ec);
    await verify(token);
    issuer.serve(rsa);
    clock.advance(7 * MINUTE_MS);
    await verify(token);
    clock.advance(3 * MINUTE_MS);
    const late = await issuer.token(ec, { exp: clock.now() / 1000 + 60 });
    expect(await reasonOf(verify(late))).toBe("TOKEN_KEY_UNKNOWN");
  });

  it("are renewed in the background from 80 % of their time on", async () => {
    const { verify, clock } = open(issuer);
    const token = await issuer.token(ec, { exp: clock.now() / 1000 + 3600 });
    await verify(token);
    let finish: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      issuer.jwks = (request, response) => {
        finish = () => {
          json({ keys: [ec.jwk] })(request, response);
        };
        resolve();
      };
    });
    clock.advance(8 * MINUTE_MS);
    await verify(token); // answered while the issuer is still thinking
    await asked;
    await verify(token);
    finish();
    expect(issuer.fetches.jwks).toBe(2);
  });

  it.each([
    ["max-age=60", 5],
    ["public, max-age=1800", 30],
    ["max-age=86400", 60],
    ["no-cache", 10],
  ])("keep keys under Cache-Control %s for %d minutes", async (header, minutes) => {
    issuer.jwks = json({ keys: [ec.jwk] }, { "cache-control": header });
    const { verify, clock } = open(issuer);
    const token = await issuer.token(ec, { exp: clock.now() / 1000 + 7200 });
    await verify(token);
    clock.advance(minutes * 0.8 * MINUTE_MS - 1);
    await verify(token);
    expect(issuer.fetches.jwks).toBe(1);
    clock.advance(minutes * 0.2 * MINUTE_MS + 1);
    await verify(token);
    expect(issuer.fetches.jwks).toBe(2);
  });

  it("I13: serve an hour beyond their time while the issuer is away, then no longer", async () => {
    const notices: unknown[] = [];
    const { verify, clock } = open(issuer, { onNotice: (level, _message, fields) => notices.push([level, fields]) });
    const exp = clock.now() / 1000 + 7200;
    const token = await issuer.token(ec, { exp });
    await verify(token);
    issuer.jwks = issuer.discovery = (_request, response) => {
      response.writeHead(500).end();
    };
    clock.advance(10 * MINUTE_MS);
    await verify(token);
    expect(notices).toEqual([
      [
        "warn",
        {
          issuer: issuer.url,
          reason: "JWKS_FAILED",
          detail: "the issuer answered with status 500",
          retryAfterMs: 10_000,
        },
      ],
    ]);
    clock.advance(60 * MINUTE_MS - 1);
    await verify(token);
    clock.advance(1);
    expect(await refusal(verify(token))).toMatchObject({ code: "issuer_unavailable" });
  });

  it("I13: serve at once while the issuer fails, also when it takes connections and says nothing", async () => {
    const { verify, clock } = open(issuer, { fetchDeadlineMs: 3_600_000 });
    const token = await issuer.token(ec, { exp: clock.now() / 1000 + 7200 });
    await verify(token);
    issuer.jwks = (_request, response) => response.writeHead(503).end();
    clock.advance(10 * MINUTE_MS);
    await verify(token);
    const silence = Promise.withResolvers<undefined>();
    issuer.jwks = (...exchange) => {
      void silence.promise.then(() => {
        json({ keys: [rsa.jwk] })(...exchange);
      });
    };
    clock.advance(5 * MINUTE_MS);
    await verify(token);
    await verify(token);
    silence.resolve(undefined);
    for (let time = 0; time < 1000 && (await verify(token).then(Boolean, () => false)); time++) await pause(1);
    expect(await reasonOf(verify(token))).toBe("TOKEN_KEY_UNKNOWN");
    // The first, the failure, the one for both, and one for a key that nobody knows any more.
    expect(issuer.fetches.jwks).toBe(4);
  });

  it("are missing for a while, and not for good, where a key is new and the issuer fails", async () => {
    const { verify, clock } = open(issuer);
    await verify(await issuer.token(ec));
    const next = await makeKey("ES256", "ec-2");
    issuer.jwks = (_request, response) => response.writeHead(503).end();
    const token = await issuer.token(next);
    for (let time = 0; time < 2; time++) {
      const error = await refusal(verify(token));
      expect(error).toMatchObject({ code: "issuer_unavailable", reason: "JWKS_FAILED" });
      expect(error.retryAfterMs).toBeGreaterThan(0);
    }
    expect(issuer.fetches.jwks).toBe(2);
    expect((await verify(await issuer.token(ec))).subject).toBe("subject");
    issuer.serve(ec, next);
    clock.advance(31_000);
    expect((await verify(token)).subject).toBe("subject");
  });

  it("I16: age by a clock that does not jump", async () => {
    const { verify, clock } = open(issuer);
    await verify(await issuer.token(ec));
    for (const days of [1, -2]) {
      clock.step(days * 24 * 60 * MINUTE_MS);
      const now = clock.now() / 1000;
      await verify(await issuer.token(ec, { iat: now, exp: now + 60 }));
    }
    expect(issuer.fetches.jwks).toBe(1);
  });

  it("H12: are asked for less and less often while the issuer is down", async () => {
    issuer.discovery = (_request, response) => {
      response.writeHead(503).end();
    };
    const { verify, clock } = open(issuer);
    const token = await issuer.token(ec, { exp: clock.now() / 1000 + 7200 });
    const attempts: number[] = [];
    for (let second = 0; second < 600; second++) {
      const before = issuer.fetches.discovery;
      const error = await refusal(verify(token));
      expect(error.reason).toBe("DISCOVERY_FAILED");
      expect(error.retryAfterMs).toBeGreaterThan(0);
      if (issuer.fetches.discovery > before) attempts.push(second);
      clock.advance(1000);
    }
    expect(attempts).toEqual([0, 10, 30, 70, 150, 310]);
    issuer.discovery = json(issuer.document());
    clock.advance(60_000);
    await verify(token);
  });

  it("P: of one issuer that fails leave another one alone", async () => {
    const other = await LocalIssuer.start();
    other.discovery = json("<html>", { "content-type": "text/html" });
    const verifier = openTokenVerifier({
      issuers: [issuer.settings(), other.settings()],
      clock: makeFakeClock(NOW_MS),
    });
    opened.push(verifier);
    expect(await reasonOf(verifier.verifyIdToken(await other.token(ec), makeFakeClock(NOW_MS).now()))).toBe(
      "DISCOVERY_FAILED",
    );
    await verifier.verifyIdToken(await issuer.token(ec), makeFakeClock(NOW_MS).now());
    await other.close();
  });
});

describe("hostile discovery", () => {
  const failure = async (options: Parameters<typeof open>[1] = {}) => {
    const { verify } = open(issuer, options);
    const error = await refusal(verify(await issuer.token(ec)));
    expect(error.code).toBe("issuer_unavailable");
    expect(error.retryAfterMs).toBeGreaterThan(0);
    return { reason: error.reason, retryAfterMs: error.retryAfterMs };
  };

  it.each([301, 302, 303, 307, 308])("H04: a redirect with status %d is not followed", async (status) => {
    const target = await LocalIssuer.start();
    issuer.discovery = (_request, response) => {
      response.writeHead(status, { location: `${target.url}/.well-known/openid-configuration` }).end();
    };
    expect((await failure()).reason).toBe("DISCOVERY_FAILED");
    expect(target.fetches.discovery).toBe(0);
    await target.close();
  });

  it.each([
    [204, 60_000],
    [206, 60_000],
    [401, 60_000],
    [404, 60_000],
    [429, 10_000],
    [500, 10_000],
    [503, 10_000],
  ])("H09: status %d is a failure, tried again after %d ms", async (status, retryAfterMs) => {
    issuer.discovery = (_request, response) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(status === 204 ? undefined : JSON.stringify(issuer.document()));
    };
    expect(await failure()).toEqual({ reason: "DISCOVERY_FAILED", retryAfterMs });
  });

  it("H08: a document above 64 KiB is refused, an endless one cut off, a compressed one counted inflated", async () => {
    issuer.discovery = json({ ...issuer.document(), filler: "x".repeat(65_536) });
    expect((await failure()).reason).toBe("DISCOVERY_FAILED");

    let closed: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      closed = resolve;
    });
    issuer.discovery = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.once("close", closed);
      const more = (): void => {
        while (!response.destroyed && response.write(" ".repeat(16_384)));
      };
      response.on("drain", more);
      more();
    };
    expect((await failure()).reason).toBe("DISCOVERY_FAILED");
    await ended;

    const bomb = gzipSync(Buffer.from(JSON.stringify({ ...issuer.document(), filler: " ".repeat(1 << 24) })));
    expect(bomb.length).toBeLessThan(65_536);
    issuer.discovery = json(bomb, { "content-encoding": "gzip" });
    expect((await failure()).reason).toBe("DISCOVERY_FAILED");
  });

  it("H08: a document that does not end in time is given up", async () => {
    issuer.discovery = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write("{");
    };
    expect((await failure({ fetchDeadlineMs: 50 })).reason).toBe("DISCOVERY_FAILED");
  });

  it.each(["text/html", "text/plain", "application/jsonp", ""])("H08: content type %j is refused", async (type) => {
    issuer.discovery = json(issuer.document(), { "content-type": type });
    expect(await failure()).toEqual({ reason: "DISCOVERY_FAILED", retryAfterMs: 60_000 });
  });

  it("I01: a key set above 128 KiB is refused", async () => {
    issuer.jwks = json({ keys: [ec.jwk], filler: "x".repeat(131_072) });
    expect((await failure()).reason).toBe("JWKS_FAILED");
  });

  it("H05: an address that is not public is not connected to unless the issuer may use it", async () => {
    const settings = issuer.settings({ allowPrivateNetwork: false });
    expect((await failure({ issuers: [settings] })).reason).toBe("DISCOVERY_FAILED");
    expect(issuer.fetches.discovery).toBe(0);
  });
});

describe("openTokenVerifier", () => {
  it("refuses an issuer that is configured twice", () => {
    expect(() =>
      openTokenVerifier({ issuers: [issuer.settings(), issuer.settings()], clock: makeFakeClock(NOW_MS) }),
    ).toThrow(RangeError);
  });

  it("I15: uses nothing that arrives after it was closed", async () => {
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      issuer.jwks = (request, response) => {
        answer = () => {
          json({ keys: [ec.jwk] })(request, response);
        };
        resolve();
      };
    });
    const { verify, close } = open(issuer);
    const outcome = refusal(verify(await issuer.token(ec)));
    await asked;
    await close();
    answer();
    expect((await outcome).reason).toBe("JWKS_FAILED");
  });
});

afterAll(() => {
  expect(opened).toEqual([]);
});
