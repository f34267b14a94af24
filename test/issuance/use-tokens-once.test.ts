import { describe, expect, it } from "@jest/globals";
import { openRateLimits } from "../../src/adapters/limits/open-rate-limits.ts";
import { TokenUses } from "../../src/adapters/limits/token-uses.ts";
import { parseJson } from "../../src/core/encoding/json-reader.ts";
import type { JsonObject } from "../../src/core/encoding/json-reader.ts";
import type { MayflyError } from "../../src/core/errors.ts";
import type { VerifiedIdToken } from "../../src/core/identity/id-token.ts";
import { DEFAULT_TOKEN_CHECKS } from "../../src/core/identity/issuer.ts";
import { limitIdentities } from "../../src/issuance/limit-identities.ts";
import { useTokensOnce } from "../../src/issuance/use-tokens-once.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { EMAIL_TOKEN, NOW_MS } from "../support/issuance.ts";

const BUCKET = { perSecond: 1_000, burst: 1_000 };

/** A verifier that takes a `jti` for a token, of an issuer whose tokens are for one use or not. */
function open({ isForOneUse }: { readonly isForOneUse: boolean }) {
  const clock = makeFakeClock();
  const settings = { enabled: true, signing: BUCKET, failedTokens: BUCKET, reads: BUCKET, issuer: BUCKET };
  const limits = openRateLimits({ ...settings, subject: { perSecond: 1, burst: 1 } }, clock);
  const issuer = { ...EMAIL_TOKEN.issuer, tokenChecks: { ...DEFAULT_TOKEN_CHECKS, isForOneUse } };
  const verifyIdToken = (jti: string): Promise<VerifiedIdToken> => {
    const text = JSON.stringify({ jti, exp: NOW_MS / 1000 + 600 });
    const claims = parseJson(Buffer.from(text), { maxDepth: 2, maxMembers: 10 }) as JsonObject;
    return Promise.resolve({ ...EMAIL_TOKEN, issuer, claims });
  };
  const verify = useTokensOnce(limitIdentities(verifyIdToken, limits), new TokenUses());
  const verdict = (jti: string): Promise<string> =>
    verify(jti, NOW_MS).then(
      () => "taken",
      (error: unknown) => (error as MayflyError).reason,
    );
  return { clock, verdict };
}

describe("a token for one use", () => {
  it("[F20b] is not used up by a request that is to come again later", async () => {
    const { clock, verdict } = open({ isForOneUse: true });
    expect(await verdict("id-1")).toBe("taken");
    expect(await verdict("id-2")).toBe("RATE_LIMITED_SUBJECT");
    clock.advance(1_000);
    expect(await verdict("id-2")).toBe("taken");
    clock.advance(1_000);
    expect(await verdict("id-2")).toBe("TOKEN_USED");
  });

  it("is one of an issuer that says so, and of no other", async () => {
    const { clock, verdict } = open({ isForOneUse: false });
    for (let use = 0; use < 2; use++) {
      expect(await verdict("id-1")).toBe("taken");
      clock.advance(1_000);
    }
  });
});
