import type { IssueCertificate } from "../core/issuance-types.ts";
import type { IssuanceDeps } from "../issuance/issue-certificate.ts";
import { limitIdentities } from "../issuance/limit-identities.ts";
import { limitStages } from "../issuance/limit-stages.ts";
import type { StageLimits } from "../issuance/limit-stages.ts";
import { makePausableIssuance } from "../issuance/pause-switch.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";
import { makeAuditedIssuance } from "../issuance/with-audit.ts";
import type { AuditDeps } from "../issuance/with-audit.ts";
import { useTokensOnce } from "../issuance/use-tokens-once.ts";
import type { RateLimits } from "../ports/limits.ts";
import type { UsedTokens } from "../ports/used-tokens.ts";

/** What stands around issuance. */
export interface IssuanceSurroundings {
  readonly stageLimits: StageLimits;
  readonly rateLimits: Pick<RateLimits, "issuer" | "subject">;
  readonly usedTokens: UsedTokens;
  readonly record: AuditDeps;
  readonly pauseSwitch: Pick<PauseSwitch, "isPaused">;
}

/**
 * Issuance as it is served, outermost last: what an issuer and a subject may ask for, tokens for one use, the time of each
 * stage, the trace, and the brake.
 */
export function makeIssuance(deps: IssuanceDeps, around: IssuanceSurroundings): IssueCertificate {
  const verifyIdToken = useTokensOnce(limitIdentities(deps.verifyIdToken, around.rateLimits), around.usedTokens);
  const limited = limitStages({ ...deps, verifyIdToken }, around.stageLimits);
  return makePausableIssuance(makeAuditedIssuance(limited, around.record), around.pauseSwitch);
}
