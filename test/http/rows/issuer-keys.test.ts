import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { json, LocalIssuer, makeKey as makeIssuerKey } from "../../adapters/oidc/local-issuer.ts";
import type { Handler, IssuerKey } from "../../adapters/oidc/local-issuer.ts";
import { expectRefusal } from "../../support/expect-refusal.ts";
import { openDoor } from "../../support/door.ts";
import { CALLER, keyRequest } from "../../support/signing-body.ts";
import { makeTokenKey } from "../../support/tokens.ts";
import type { TokenKey } from "../../support/tokens.ts";
import { openWholeApp } from "../../support/whole-app.ts";
import type { Answer } from "../../support/ask.ts";
import type { WholeApp, WholeAppOptions } from "../../support/whole-app.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

let app: WholeApp;
const reopen = async (options: WholeAppOptions = {}): Promise<void> => {
  await app.close();
  app = await openWholeApp(options);
};
beforeEach(async () => {
  app = await openWholeApp();
});
afterEach(() => app.close());

/** A token of the caller's signed by any key, as the app's issuer would write it now. */
function tokenBy(key: IssuerKey, header: object = {}): Promise<string> {
  const now = Math.floor(app.clock.now() / 1000);
  const claims = { email: CALLER, email_verified: true, iat: now, exp: now + 600 };
  return app.issuer.token(key, claims, header);
}
const sendBy = async (key: IssuerKey, header: object = {}): Promise<Answer> =>
  app.send(keyRequest(), await tokenBy(key, header));

/** A key set that is too much, made from the app's own: none of it would do for a token but the first key. */
const BAD_SETS: readonly (readonly [row: string, name: string, answer: () => Handler])[] = [
  ["I1", "over 128 KiB", () => json({ keys: [app.issuerKey.jwk], padding: "x".repeat(128 * 1024) })],
  ["I1", "of 101 keys", () => json({ keys: Array.from({ length: 101 }, () => app.issuerKey.jwk) })],
  [
    "I1",
    "that never ends",
    () => (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = (): void => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    },
  ],
  [
    "I1",
    "that inflates to 64 MiB",
    () => json(gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20)), { "content-encoding": "gzip" }),
  ],
  ["I2", "without keys", () => json({})],
  ["I2", "whose keys are an object", () => json({ keys: { 0: app.issuerKey.jwk } })],
  ["I2", "whose keys are null", () => json({ keys: null })],
  ["I2", "that is empty", () => json({ keys: [] })],
  ["I2", "that is a list", () => json([app.issuerKey.jwk])],
];

describe("a key set that is no key set", () => {
  it.each(BAD_SETS)("[%s] is a failure when it is the first: %s", async (_row, _name, answer) => {
    app.issuer.jwks = answer();
    await expectRefusal(app, { body: keyRequest(), reason: "JWKS_FAILED" });
  });

  it.each(BAD_SETS)("[%s] leaves the set at hand in use until its stale limit: %s", async (_row, _name, answer) => {
    expect((await app.send(keyRequest())).status).toBe(200);
    app.issuer.jwks = answer();
    app.clock.advance(69 * MINUTE_MS);
    expect((await app.send(keyRequest())).status).toBe(200);
    app.clock.advance(2 * MINUTE_MS);
    await expectRefusal(app, { body: keyRequest(), reason: "JWKS_FAILED" });
  });

  it("[I1] that does not come to its end is given up, and the set at hand stays in use", async () => {
    await reopen({ verifier: { fetchDeadlineMs: 750 } });
    expect((await app.send(keyRequest())).status).toBe(200);
    app.issuer.jwks = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"keys":[');
    };
    app.clock.advance(11 * MINUTE_MS);
    expect((await app.send(keyRequest())).status).toBe(200);
    app.clock.advance(60 * MINUTE_MS);
    await expectRefusal(app, { body: keyRequest(), reason: "JWKS_FAILED" });
  });
});

describe("a member of a key set", () => {
  const serveBeside = (...members: readonly unknown[]): void => {
    app.issuer.jwks = json({ keys: [...members, app.issuerKey.jwk] });
  };
  const skipped = (): unknown[] =>
    app.telemetry.notices.filter(({ level, fields }) => level === "warn" && "skipped" in fields);

  it.each<[string, unknown]>([
    ["a text", "x"],
    ["null", null],
    ["an empty object", {}],
    ["a kid that is a number", { kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: 1 }],
    ["x that is no text", { kty: "EC", crv: "P-256", x: 1, y: 2 }],
    ["base64 with padding", { kty: "RSA", n: "AQAB==", e: "AQAB" }],
    ["a kty nobody knows", { kty: "AKP", pub: "AAAA" }],
  ])("[I3] that is malformed is left out and counted, and the others are used: %s", async (_name, member) => {
    serveBeside(member);
    expect((await app.send(keyRequest())).status).toBe(200);
    expect(skipped()).toMatchObject([{ fields: { skipped: 1, used: 1 } }]);
  });

  it("[I4] with private parts is left out with a notice that does not hold them", async () => {
    const pair = await makeIssuerKey("RS256", "private");
    const secret = "c2VjcmV0LXByaXZhdGUtZXhwb25lbnQ";
    app.issuer.jwks = json({ keys: [{ ...pair.jwk, d: secret }, app.issuerKey.jwk] });
    await expectRefusal(app, { body: keyRequest(), token: await tokenBy(pair), reason: "TOKEN_KEY_UNKNOWN" });
    expect(skipped()).toMatchObject([{ fields: { skipped: 1, secrets: 1, used: 1 } }]);
    expect(JSON.stringify(app.telemetry.notices)).not.toContain(secret);
  });

  it("[I4] of type oct is left out with a notice that does not hold it", async () => {
    const secret = "c2VjcmV0LXNoYXJlZC1rZXktb2YtSE1BQw";
    serveBeside({ kty: "oct", kid: "shared", alg: "HS256", k: secret });
    expect((await app.send(keyRequest())).status).toBe(200);
    expect(skipped()).toMatchObject([{ fields: { skipped: 1, secrets: 1, used: 1 } }]);
    expect(JSON.stringify(app.telemetry.notices)).not.toContain(secret);
  });

  it.each([
    ["[I4]", "secret", (own: TokenKey) => [own, { ...own, jwk: { kty: "oct", k: "c2VjcmV0LWtleS1vZi1ITUFD" } }]],
    ["[I4]", "secret", (own: TokenKey) => [own, { ...own, jwk: { ...own.jwk, kid: "d", d: "c2VjcmV0LWV4cG9uZW50" } }]],
    ["[I3]", "skipped", (own: TokenKey) => [own, { ...own, jwk: { kty: "EC" } }]],
    ["[I5]", "shared_name", (own: TokenKey) => [own, makeTokenKey("ES256", own.jwk.kid)]],
    ["[I5]", "none", (own: TokenKey) => [own, own]],
  ])("%s shows in the metric of the fault %s", async (_row, fault, keys) => {
    const door = await openDoor({ keys });
    door.keepSecret("c2VjcmV0LWtleS1vZi1ITUFD", "c2VjcmV0LWV4cG9uZW50");
    const faults = async (): Promise<Record<string, number>> => {
      const lines = (await door.metrics()).matchAll(/^mayfly_issuer_key_faults\{fault="(\w+)"\} (\d+)$/gmu);
      return Object.fromEntries(Array.from(lines, ([, name = "", count]) => [name, Number(count)]));
    };
    expect(await faults()).toEqual({ skipped: 0, secret: 0, shared_name: 0 });
    door.expectIssued(await door.sign());
    const skipped = Number(fault === "secret" || fault === "skipped");
    const expected = { skipped, secret: Number(fault === "secret"), shared_name: Number(fault === "shared_name") };
    expect(await faults()).toEqual(expected);
    await door.close();
  });

  it("[I5] that comes twice is one key", async () => {
    serveBeside(app.issuerKey.jwk);
    expect((await app.send(keyRequest())).status).toBe(200);
  });

  it("[I5] that shares its name with another key is tried, and so is the other", async () => {
    const twin = await makeIssuerKey("ES256", "issuer-key");
    app.issuer.serve(app.issuerKey, twin);
    for (const key of [twin, app.issuerKey]) expect((await sendBy(key)).status).toBe(200);
    const told = app.telemetry.notices.filter(({ fields }) => "sharedNames" in fields);
    expect(told).toMatchObject([{ level: "warn", fields: { issuer: app.issuer.url, sharedNames: 1, used: 2 } }]);
    const third = await makeIssuerKey("ES256", "issuer-key");
    const token = await tokenBy(third);
    await expectRefusal(app, { body: keyRequest(), token, reason: "TOKEN_SIGNATURE_INVALID" });
  });

  const rsaJwk = (modulusLength: number, publicExponent = 0x10001): Record<string, unknown> =>
    generateKeyPairSync("rsa", { modulusLength, publicExponent }).publicKey.export({ format: "jwk" });
  const sound = rsaJwk(2048);
  const modulus = Buffer.from(String(sound["n"]), "base64url");
  const even = Buffer.from(modulus);
  even[255]! &= 0xfe;
  const huge = Buffer.alloc(1025, 0x5b);
  huge[0] = 1;
  const ecJwk = (namedCurve: string): Record<string, unknown> =>
    generateKeyPairSync("ec", { namedCurve }).publicKey.export({ format: "jwk" });
  const p256 = ecJwk("P-256");
  const x = Buffer.from(String(p256["x"]), "base64url");
  const offCurve = Buffer.from(x);
  offCurve[31]! ^= 1;
  const P = (1n << 256n) - (1n << 224n) + (1n << 192n) + (1n << 96n) - 1n;
  const aboveP = Buffer.from((P + 5n).toString(16).padStart(64, "0"), "hex");
  const okp = (crv: string, point: Uint8Array): object => ({ kty: "OKP", crv, x: base64url(point) });
  const edwardsPrime = Buffer.concat([Buffer.of(0xed), Buffer.alloc(30, 0xff), Buffer.of(0x7f)]);

  it.each<[string, string, object, string]>([
    ["I6", "RSA of 512 bits", rsaJwk(512), "RS256"],
    ["I6", "RSA of 1024 bits", rsaJwk(1024), "RS256"],
    [
      "I6",
      "RSA of 2047 bits",
      { ...sound, n: base64url(Buffer.concat([Buffer.of(0x7f), modulus.subarray(1)])) },
      "RS256",
    ],
    ["I6", "RSA of 8193 bits", { ...sound, n: base64url(huge) }, "RS256"],
    ["I6", "RSA with exponent 1", { ...sound, e: "AQ" }, "RS256"],
    ["I6", "RSA with exponent 2", { ...sound, e: "Ag" }, "RS256"],
    ["I6", "RSA with exponent 3", rsaJwk(2048, 3), "RS256"],
    ["I6", "RSA with exponent 65539, but even: 65538", { ...sound, e: "AQAC" }, "RS256"],
    ["I6", "RSA with an even modulus", { ...sound, n: base64url(even) }, "RS256"],
    ["I6", "RSA with a leading zero", { ...sound, n: base64url(Buffer.concat([Buffer.of(0), modulus])) }, "RS256"],
    ["I7", "EC on P-192", { kty: "EC", crv: "P-192", x: "A".repeat(32), y: "A".repeat(32) }, "ES256"],
    ["I7", "EC on secp256k1", ecJwk("secp256k1"), "ES256"],
    ["I7", "EC off its curve", { ...p256, x: base64url(offCurve) }, "ES256"],
    ["I7", "EC at (0, 0)", { ...p256, x: base64url(Buffer.alloc(32)), y: base64url(Buffer.alloc(32)) }, "ES256"],
    ["I7", "EC with x above p", { ...p256, x: base64url(aboveP) }, "ES256"],
    ["I7", "EC with a coordinate of 31 octets", { ...p256, x: base64url(x.subarray(1)) }, "ES256"],
    ["I7", "EC with a coordinate of 33 octets", { ...p256, x: base64url(Buffer.concat([Buffer.of(0), x])) }, "ES256"],
    ["I8", "Ed448", generateKeyPairSync("ed448").publicKey.export({ format: "jwk" }), "EdDSA"],
    ["I8", "X25519", generateKeyPairSync("x25519").publicKey.export({ format: "jwk" }), "EdDSA"],
    ["I8", "Ed25519 of small order", okp("Ed25519", Buffer.concat([Buffer.of(1), Buffer.alloc(31)])), "EdDSA"],
    ["I8", "Ed25519 that is not canonical", okp("Ed25519", edwardsPrime), "EdDSA"],
  ])("[%s] that is no sound key is left out: %s", async (_row, _name, jwk, alg) => {
    serveBeside({ ...jwk, kid: "unsound" });
    const unsound = await makeIssuerKey(alg, "unsound", alg === "EdDSA" ? { crv: "Ed25519" } : {});
    await expectRefusal(app, { body: keyRequest(), token: await tokenBy(unsound), reason: "TOKEN_KEY_UNKNOWN" });
    expect(skipped()).toMatchObject([{ fields: { skipped: 1, used: 1 } }]);
    expect((await app.send(keyRequest())).status).toBe(200);
  });

  it.each<[string, object]>([
    ["use enc", { use: "enc" }],
    ["key_ops without verify", { key_ops: ["encrypt", "wrapKey"] }],
    ["key_ops that is a text", { key_ops: "verify" }],
    ["another alg", { alg: "PS256" }],
    ["an alg for encryption", { alg: "RSA-OAEP" }],
  ])("[I9] that is for something else verifies nothing: %s", async (_name, members) => {
    const key = await makeIssuerKey("RS256", "other-use");
    serveBeside({ ...key.jwk, ...members });
    const reason = "alg" in members && members.alg === "PS256" ? "TOKEN_ALGORITHM" : "TOKEN_KEY_UNKNOWN";
    await expectRefusal(app, { body: keyRequest(), token: await tokenBy(key), reason });
  });

  it("[I10] is taken by its own numbers, whatever certificate stands beside it", async () => {
    let asked = 0;
    const elsewhere = await LocalIssuer.start();
    elsewhere.discovery = (_request, response) => {
      asked++;
      response.end();
    };
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const key = await makeIssuerKey("RS256", "with-x5c");
    const x5c = [other.export({ type: "spki", format: "der" }).toString("base64")];
    app.issuer.jwks = json({ keys: [{ ...key.jwk, x5c, x5u: `${elsewhere.url}/cert`, x5t: "AAAA" }] });
    expect((await sendBy(key)).status).toBe(200);
    expect(createPublicKey({ key: { ...key.jwk }, format: "jwk" }).equals(other)).toBe(false);
    expect(asked).toBe(0);
    await elsewhere.close();
  });
});

describe("keys that change", () => {
  it("[I11] the first token by a new key has them fetched once, and is granted", async () => {
    expect((await app.send(keyRequest())).status).toBe(200);
    const next = await makeIssuerKey("ES256", "next");
    app.issuer.serve(app.issuerKey, next);
    app.clock.advance(31_000);
    expect((await sendBy(next)).status).toBe(200);
    expect((await sendBy(next)).status).toBe(200);
    expect((await app.send(keyRequest())).status).toBe(200);
    expect(app.issuer.fetches).toEqual({ discovery: 1, jwks: 2 });
  });

  it("[I12] one that was removed is refused once the set is past its time, though nobody asks for an unknown one", async () => {
    const kept = await makeIssuerKey("ES256", "kept");
    app.issuer.serve(app.issuerKey, kept);
    expect((await app.send(keyRequest())).status).toBe(200);
    app.issuer.serve(kept);
    app.clock.advance(10 * MINUTE_MS);
    await expectRefusal(app, { body: keyRequest(), reason: "TOKEN_KEY_UNKNOWN" });
    expect((await sendBy(kept)).status).toBe(200);
  });

  it("[I13] those at hand serve for an hour beyond their time while the issuer is away, and then nothing does", async () => {
    expect((await app.send(keyRequest())).status).toBe(200);
    app.issuer.jwks = (request) => request.socket.destroy();
    app.issuer.discovery = app.issuer.jwks;
    app.clock.advance(70 * MINUTE_MS - 1000);
    expect((await app.send(keyRequest())).status).toBe(200);
    app.clock.advance(2000);
    const answer = await expectRefusal(app, { body: keyRequest(), reason: "JWKS_FAILED" });
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  });

  it("[I14] those of one issuer never verify another's tokens, however much alike the two are", async () => {
    const other = await LocalIssuer.start();
    const otherKey = await makeIssuerKey("ES256", "issuer-key");
    other.serve(otherKey);
    await reopen({ otherIssuers: [other.settings()] });
    // Both know a key of that name by now.
    const times = { iat: app.clock.now() / 1000, exp: app.clock.now() / 1000 + 600 };
    const otherToken = await other.token(otherKey, { email: CALLER, email_verified: true, ...times });
    expect((await app.send(keyRequest(), otherToken)).status).toBe(200);
    expect((await app.send(keyRequest())).status).toBe(200);
    await expectRefusal(app, {
      body: keyRequest(),
      token: await tokenBy(otherKey),
      reason: "TOKEN_SIGNATURE_INVALID",
    });
    await other.close();
  });

  it.each([
    ["forward", DAY_MS],
    ["back", -DAY_MS],
  ])("[I16] their age does not go by the wall clock, which jumps %s by a day", async (_name, jumpMs) => {
    expect((await app.send(keyRequest())).status).toBe(200);
    app.clock.step(jumpMs);
    // What is left of the day's first token is judged by the wall clock; keys are not fetched for it.
    const answer = await app.send(keyRequest());
    expect(answer.text).not.toContain("JWKS_FAILED");
    expect(app.issuer.fetches).toEqual({ discovery: 1, jwks: 1 });
    app.clock.advance(11 * MINUTE_MS);
    await app.send(keyRequest());
    expect(app.issuer.fetches.jwks).toBe(2);
  });
});
