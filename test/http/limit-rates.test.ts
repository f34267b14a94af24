import { describe, expect, it } from "@jest/globals";
import request from "supertest";
import { openRateLimits } from "../../src/adapters/limits/open-rate-limits.ts";
import type { RateLimitSettings } from "../../src/adapters/limits/open-rate-limits.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import { makeClientAddress } from "../../src/entrance/client-address.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import type { IssuedCertificate } from "../../src/core/issuance-types.ts";
import { refusalBody } from "../support/refusal.ts";
import { bare, makeRig } from "./public-app.ts";

const DEFAULTS: RateLimitSettings = {
  enabled: true,
  signing: { perSecond: 20, burst: 40 },
  failedTokens: { perSecond: 1, burst: 60 },
  reads: { perSecond: 50, burst: 100 },
  issuer: { perSecond: 200, burst: 400 },
  subject: { perSecond: 5, burst: 50 },
};

const BODY = {
  credentials: { oidcIdentityToken: "a.b.c" },
  publicKeyRequest: { publicKey: { content: "pem" }, proofOfPossession: "AAAA" },
};

/** An app behind a trusted proxy on loopback, so that a test can be many clients. */
function makeLimited(overrides: Partial<RateLimitSettings> = {}, issue?: () => Promise<IssuedCertificate>) {
  const clock = makeFakeClock();
  const rateLimits = openRateLimits({ ...DEFAULTS, ...overrides }, clock);
  const rig = makeRig(issue, { rateLimits, clientAddress: makeClientAddress(["127.0.0.1"]) });
  const server = bare(rig);
  const sign = (client: string) =>
    request(server).post("/api/v2/signingCert").set("X-Forwarded-For", client).send(BODY);
  const read = (path: string, client: string) => request(server).get(path).set("X-Forwarded-For", client);
  return { clock, rig, sign, read };
}

const refusal = (reason: Reason) => refusalBody({ code: 8, message: "Too many requests", reason });

describe("signing requests of one client address", () => {
  it("[S4] are refused with 429 and the time until there is a token, and nobody else is", async () => {
    const { clock, rig, sign } = makeLimited({ signing: { perSecond: 0.2, burst: 2 } });
    expect((await sign("192.0.2.1")).status).toBe(200);
    expect((await sign("192.0.2.1")).status).toBe(200);
    const refused = await sign("192.0.2.1");
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({ "retry-after": "5", "cache-control": "no-store" });
    expect(refused.body).toEqual(refusal("RATE_LIMITED_SIGNING"));
    expect((await sign("192.0.2.2")).status).toBe(200);
    expect(rig.requests).toHaveLength(3);
    clock.advance(4_999);
    expect((await sign("192.0.2.1")).headers["retry-after"]).toBe("1");
    clock.advance(1);
    expect((await sign("192.0.2.1")).status).toBe(200);
  });

  it("count by network of 64 bits for IPv6, and as one for both forms of IPv4", async () => {
    const { sign } = makeLimited({ signing: { perSecond: 1, burst: 1 } });
    expect((await sign("2001:db8::1")).status).toBe(200);
    expect((await sign("2001:db8::2:3:4:5")).status).toBe(429);
    expect((await sign("2001:db8:0:1::1")).status).toBe(200);
    expect((await sign("192.0.2.1")).status).toBe(200);
    expect((await sign("::ffff:192.0.2.1")).status).toBe(429);
  });

  it("[A24] cannot be told apart by what the client itself forwards", async () => {
    const { sign } = makeLimited({ signing: { perSecond: 1, burst: 1 } });
    expect((await sign("203.0.113.1, 192.0.2.1")).status).toBe(200);
    expect((await sign("203.0.113.2, 192.0.2.1")).status).toBe(429);
  });

  it("are refused before a byte of the body is looked at, and told to close", async () => {
    const { rig } = makeLimited({ signing: { perSecond: 1, burst: 1 } });
    const server = bare(rig);
    const post = () => request(server).post("/api/v2/signingCert").set("Content-Type", "text/plain").send("x");
    expect((await post()).status).toBe(415);
    expect((await post()).status).toBe(429);
    expect(rig.events.at(-1)).toMatchObject({ status: 429, code: "rate_limited", route: "/api/v2/signingCert" });
  });

  it("have no limit when limits are off", async () => {
    const { sign } = makeLimited({ enabled: false, signing: { perSecond: 0.01, burst: 1 } });
    for (let count = 0; count < 5; count++) expect((await sign("192.0.2.1")).status).toBe(200);
  });
});

describe("tokens that turn out not to be valid", () => {
  const failWith = (reason: Reason) => () => Promise.reject(new MayflyError(reason, "refused"));

  it.each<Reason>(["TOKEN_SIGNATURE_INVALID", "TOKEN_MALFORMED", "TOKEN_EXPIRED", "ISSUER_UNKNOWN", "WRONG_AUDIENCE"])(
    "close the door to their client, whatever comes next: %s",
    async (reason) => {
      const { clock, rig, sign } = makeLimited({ failedTokens: { perSecond: 1, burst: 2 } }, failWith(reason));
      for (let count = 0; count < 2; count++) expect((await sign("192.0.2.1")).status).toBe(400);
      const refused = await sign("192.0.2.1");
      expect(refused.status).toBe(429);
      expect(refused.headers["retry-after"]).toBe("1");
      expect(refused.body).toEqual(refusal("RATE_LIMITED_FAILED_TOKENS"));
      expect(rig.requests).toHaveLength(2);
      expect((await sign("192.0.2.2")).status).toBe(400);
      clock.advance(1_000);
      expect((await sign("192.0.2.1")).status).toBe(400);
    },
  );

  it.each<Reason>(["PROOF_INVALID", "SAN_NOT_PERMITTED", "KEY_NOT_PEM", "JWKS_FAILED", "LOG_QUEUE_FULL"])(
    "are not what %s says",
    async (reason) => {
      const { rig, sign } = makeLimited({ failedTokens: { perSecond: 1, burst: 1 } }, failWith(reason));
      for (let count = 0; count < 4; count++) await sign("192.0.2.1");
      expect(rig.requests).toHaveLength(4);
    },
  );

  it("have a bucket of their own: good requests do not fill it", async () => {
    const { sign } = makeLimited({ failedTokens: { perSecond: 1, burst: 1 } });
    for (let count = 0; count < 10; count++) expect((await sign("192.0.2.1")).status).toBe(200);
  });
});

describe("reads of one client address", () => {
  it.each(["/api/v2/trustBundle", "/api/v2/configuration", "/nowhere"])(
    "are refused with 429 and the time until there is a token: %s",
    async (path) => {
      const { read, sign } = makeLimited({ reads: { perSecond: 0.5, burst: 2 } });
      for (let count = 0; count < 2; count++) expect((await read(path, "192.0.2.1")).status).not.toBe(429);
      const refused = await read(path, "192.0.2.1");
      expect(refused.status).toBe(429);
      expect(refused.headers["retry-after"]).toBe("2");
      expect(refused.body).toEqual(refusal("RATE_LIMITED_READS"));
      expect((await read(path, "192.0.2.2")).status).not.toBe(429);
      expect((await sign("192.0.2.1")).status).toBe(200);
    },
  );

  it("do not count with those who ask for health, which load balancers do", async () => {
    const { read } = makeLimited({ reads: { perSecond: 0.5, burst: 1 } });
    for (let count = 0; count < 5; count++) expect((await read("/healthz", "192.0.2.1")).status).toBe(200);
  });
});
