import { describe, expect, it } from "@jest/globals";
import { endOnAuditFailure } from "../../src/compose/end-on-audit-failure.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { AuditIntent, AuditTrail } from "../../src/ports/audit-trail.ts";

const RECORD: AuditIntent = { kind: "intent", timeMs: 1, serialNumber: "00", tbsSha256: "00", generation: 1 };

function makeRig(append: AuditTrail["append"]) {
  const fatal: MayflyError[] = [];
  let closes = 0;
  const audit: AuditTrail = {
    append,
    close: () => {
      closes += 1;
      return Promise.resolve();
    },
  };
  const watched = endOnAuditFailure(audit, (error) => fatal.push(error));
  return { watched, fatal, closes: () => closes };
}

describe("a watched audit trail", () => {
  it("ends the process over the first line that fails, and says so once", async () => {
    const failure = new MayflyError("AUDIT_FAILED", "a write to the audit trail failed");
    const { watched, fatal } = makeRig(() => Promise.reject(failure));
    await expect(watched.append(RECORD)).rejects.toBe(failure);
    await expect(watched.append(RECORD)).rejects.toBe(failure);
    expect(fatal).toEqual([failure]);
  });

  it("gives an error of another kind a name", async () => {
    const failure = new RangeError("of somebody else's code");
    const { watched, fatal } = makeRig(() => Promise.reject(failure));
    await expect(watched.append(RECORD)).rejects.toBe(failure);
    expect(fatal).toMatchObject([{ reason: "AUDIT_FAILED", cause: failure }]);
  });

  it("goes on when the queue is full, and ends over the first line that fails after it", async () => {
    const full = new MayflyError("AUDIT_QUEUE_FULL", "1024 lines wait for the audit trail");
    const failure = new MayflyError("AUDIT_FAILED", "a write to the audit trail failed");
    const answers = [full, full];
    const { watched, fatal } = makeRig(() => Promise.reject(answers.shift() ?? failure));
    await expect(watched.append(RECORD)).rejects.toBe(full);
    await expect(watched.append(RECORD)).rejects.toBe(full);
    expect(fatal).toEqual([]);
    await expect(watched.append(RECORD)).rejects.toBe(failure);
    expect(fatal).toEqual([failure]);
  });

  it("hands records on", async () => {
    const records: unknown[] = [];
    const { watched, fatal } = makeRig((record) => {
      records.push(record);
      return Promise.resolve();
    });
    await watched.append(RECORD);
    expect(records).toEqual([RECORD]);
    expect(fatal).toEqual([]);
  });

  it("takes a line after the end for what it is", async () => {
    const { watched, fatal, closes } = makeRig(() => Promise.reject(new MayflyError("AUDIT_FAILED", "closed")));
    await watched.close();
    await expect(watched.append(RECORD)).rejects.toThrow("closed");
    expect(closes()).toBe(1);
    expect(fatal).toEqual([]);
  });
});
