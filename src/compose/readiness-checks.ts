import type { Config } from "../config/schema.ts";
import { isWithin, leafValidity } from "../core/certificate/validity.ts";
import type { Reason } from "../core/errors.ts";
import type { Sample } from "../core/readiness/judge-sample.ts";
import type { Clock } from "../ports/clock.ts";
import type { IssuingAuthority } from "./open-authorities.ts";
import type { OpenedLog } from "./open-log.ts";
import type { WatchedExpiries } from "./watch-expiries.ts";
import type { WatchedFreeSpace } from "./watch-free-space.ts";
import type { ReadinessCheck } from "./watch-readiness.ts";

/** Parts of a service that readiness rests on. */
export interface CheckedParts {
  /** Times of the certificates that are made now, and the issuing CA that makes them. */
  readonly ca: () => Pick<Config["ca"], "lifetimeSeconds" | "backdateSeconds"> & {
    readonly chain: IssuingAuthority["chain"];
    readonly signer: Pick<IssuingAuthority["signer"], "service">;
  };
  readonly clock: Pick<Clock, "now">;
  /** The log that issues, and whether the head mark of any is behind. */
  readonly log: Pick<OpenedLog, "refusal" | "markFailure">;
  readonly freeSpace: Pick<WatchedFreeSpace, "problem">;
  readonly expiries: Pick<WatchedExpiries, "note">;
}

/**
 * A log that has ended does not begin again, a clock that was set is not believed for 30 s whatever it shows, and a window
 * ends once: none can flap. A batch that fails or hangs may be the only one.
 */
const CERTAIN_REFUSALS: ReadonlySet<Reason> = new Set<Reason>(["LOG_CLOCK", "LOG_CLOSED", "LOG_WINDOW"]);

const ENDS_OF_CA = ["issuing-certificate", "intermediate-certificate", "root-certificate", "ca-window"] as const;

/** Whether certificates can be issued, as far as this process alone can tell, in parts. */
export function readinessChecks(parts: CheckedParts): readonly ReadinessCheck[] {
  const refusal = (isCertain: boolean) => (): Sample => {
    const reason = parts.log.refusal()?.reason;
    return reason !== undefined && CERTAIN_REFUSALS.has(reason) === isCertain ? reason : undefined;
  };
  return [
    { name: "log", certain: refusal(true), passing: refusal(false), coming: () => parts.expiries.note(["log-window"]) },
    // Without it a start could not tell a database that was put back from this one.
    { name: "mark", passing: () => (parts.log.markFailure() === undefined ? undefined : "head.note is not written") },
    { name: "disk", passing: () => parts.freeSpace.problem() },
    // A key in this process is there as long as the process is.
    {
      name: "key",
      applies: () => parts.ca().signer.service !== undefined,
      passing: () => parts.ca().signer.service?.refusal()?.reason,
    },
    {
      name: "ca",
      certain: () => (isCaValid(parts) ? undefined : "CA_EXPIRED"),
      coming: () => parts.expiries.note(ENDS_OF_CA),
    },
  ];
}

/** Whether the chain covers a certificate that is made now. */
function isCaValid({ ca, clock }: CheckedParts): boolean {
  const { lifetimeSeconds, backdateSeconds, chain } = ca();
  return isWithin(leafValidity({ nowMs: clock.now(), lifetimeSeconds, backdateSeconds }), chain);
}
