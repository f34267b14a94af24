import { describe, expect, it } from "@jest/globals";
import { openRateLimits } from "../../src/adapters/limits/open-rate-limits.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { limitIdentities } from "../../src/issuance/limit-identities.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { EMAIL_TOKEN, NOW_MS } from "../support/issuance.ts";

const BUCKET = { perSecond: 1_000, burst: 1_000 };

/** A verifier that takes `issuer subject`, perhaps with a pattern behind, for a token, behind limits. */
function makeLimited(limits: { issuer?: number; subject?: number }) {
  const clock = makeFakeClock();
  const settings = { enabled: true, signing: BUCKET, failedTokens: BUCKET, reads: BUCKET };
  const rateLimits = openRateLimits(
    {
      ...settings,
      issuer: { perSecond: 1, burst: limits.issuer ?? 1_000 },
      subject: { perSecond: 1, burst: limits.subject ?? 1_000 },
    },
    clock,
  );
  const verify = limitIdentities((idToken) => {
    const [url = "", subject = "", pattern] = idToken.split(" ");
    if (subject === "") return Promise.reject(new MayflyError("TOKEN_MALFORMED", "no subject"));
    const issuer = { ...EMAIL_TOKEN.issuer, url, ...(pattern === undefined ? {} : { pattern }) };
    return Promise.resolve({ ...EMAIL_TOKEN, issuer, subject });
  }, rateLimits);
  const verdict = (idToken: string): Promise<string> =>
    verify(idToken, NOW_MS).then(
      ({ subject }) => subject,
      (error: unknown) => (error as MayflyError).reason,
    );
  return { clock, verdict, verify };
}

describe("verified identities", () => {
  it("[S4] of one subject that asks too often are refused, and no other subject is", async () => {
    const { clock, verdict, verify } = makeLimited({ subject: 2 });
    expect(await verdict("https://a alice")).toBe("alice");
    expect(await verdict("https://a alice")).toBe("alice");
    await expect(verify("https://a alice", NOW_MS)).rejects.toMatchObject({
      code: "rate_limited",
      reason: "RATE_LIMITED_SUBJECT",
      retryAfterMs: expect.closeTo(1_000, 1),
    });
    expect(await verdict("https://a bob")).toBe("bob");
    expect(await verdict("https://b alice")).toBe("alice");
    clock.advance(1_000);
    expect(await verdict("https://a alice")).toBe("alice");
  });

  it("of one issuer are refused together, and those of another are not", async () => {
    const { verdict } = makeLimited({ issuer: 3 });
    for (const name of ["alice", "bob", "carol"]) expect(await verdict(`https://a ${name}`)).toBe(name);
    expect(await verdict("https://a dave")).toBe("RATE_LIMITED_ISSUER");
    expect(await verdict("https://b dave")).toBe("dave");
  });

  it("of all issuers of one pattern are refused together, however many there are", async () => {
    const { verdict } = makeLimited({ issuer: 3 });
    for (const name of ["a", "b", "c"]) expect(await verdict(`https://${name} alice https://*`)).toBe("alice");
    expect(await verdict("https://d alice https://*")).toBe("RATE_LIMITED_ISSUER");
    expect(await verdict("https://d alice https://d*")).toBe("alice");
    expect(await verdict("https://d alice")).toBe("alice");
  });

  it("of one subject are not those of its namesake at another issuer of the pattern", async () => {
    const { verdict } = makeLimited({ subject: 1 });
    for (const name of ["a", "b"]) expect(await verdict(`https://${name} alice https://*`)).toBe("alice");
    expect(await verdict("https://a alice https://*")).toBe("RATE_LIMITED_SUBJECT");
  });

  it("that are refused for their subject take nothing from their issuer", async () => {
    const { verdict } = makeLimited({ issuer: 2, subject: 1 });
    expect(await verdict("https://a alice")).toBe("alice");
    for (let count = 0; count < 5; count++) expect(await verdict("https://a alice")).toBe("RATE_LIMITED_SUBJECT");
    expect(await verdict("https://a bob")).toBe("bob");
  });

  it("are not what a token says that did not verify", async () => {
    const { verdict } = makeLimited({ issuer: 1 });
    for (let count = 0; count < 5; count++) expect(await verdict("https://a")).toBe("TOKEN_MALFORMED");
    expect(await verdict("https://a alice")).toBe("alice");
  });

  it("are named by issuer and never by subject when they are refused", async () => {
    const { verdict, verify } = makeLimited({ subject: 1 });
    await verdict("https://a alice");
    await expect(verify("https://a alice", NOW_MS)).rejects.toThrow(
      /^too many requests of one subject of https:\/\/a$/u,
    );
  });
});
