import { describe, expect, it } from "@jest/globals";

import type { AuditConfiguration, AuditIntent, AuditOutcome, AuditTrail } from "../../src/ports/audit-trail.ts";

/** An intent, as issuance writes one. */
export const INTENT: AuditIntent = {
  kind: "intent",
  timeMs: 1_795_348_800_000,
  serialNumber: "5f".repeat(20),
  tbsSha256: "ab".repeat(32),
  generation: 1,
};

/** The outcome to {@link INTENT}. */
export const ISSUED: AuditOutcome = {
  kind: "outcome",
  timeMs: 1_795_348_800_005,
  result: "issued",
  generation: 1,
  issuer: "https://issuer.example",
  serialNumber: "5f".repeat(20),
  logId: "1d".repeat(32),
  logIndex: 7,
};

/** An outcome without a serial number. */
export const REFUSED: AuditOutcome = {
  kind: "outcome",
  timeMs: 1_795_348_800_009,
  result: "refused",
  generation: 1,
  code: "invalid_token",
  reason: "TOKEN_EXPIRED",
  detail: "the token expired 12 s ago",
};

/** A configuration that a signal has had read. */
export const CONFIGURATION: AuditConfiguration = {
  kind: "configuration",
  timeMs: 1_795_348_800_010,
  generation: 2,
  configuration: "c0".repeat(32),
  cause: "signal",
};

/** What every audit trail owes issuance; `openTrail` gives a new, empty one. */
export function describeAuditTrail(name: string, openTrail: () => Promise<AuditTrail>): void {
  describe(`${name} as an audit trail`, () => {
    it("acknowledges records of each kind, alone and many at once", async () => {
      const trail = await openTrail();
      await trail.append(CONFIGURATION);
      await trail.append(INTENT);
      await Promise.all(Array.from({ length: 100 }, (_, at) => trail.append(at % 2 === 0 ? ISSUED : REFUSED)));
      await expect(trail.close()).resolves.toBeUndefined();
    });

    it("refuses a record once it is closed, and may be closed again", async () => {
      const trail = await openTrail();
      await trail.close();
      await trail.close();
      await expect(trail.append(INTENT)).rejects.toMatchObject({ code: "internal", reason: "AUDIT_FAILED" });
    });
  });
}
