import { describe, expect, it } from "@jest/globals";

import { createMemoryAuditTrail } from "../../../src/adapters/audit/memory.ts";
import { describeAuditTrail, INTENT, ISSUED } from "../../contracts/audit-trail.ts";

describeAuditTrail("a memory trail", () => Promise.resolve(createMemoryAuditTrail()));

describe("createMemoryAuditTrail", () => {
  it("keeps records in order, and forgets the oldest rather than growing for ever", async () => {
    const trail = createMemoryAuditTrail();
    await trail.append(INTENT);
    for (let logIndex = 0; logIndex < 10_000; logIndex += 1) await trail.append({ ...ISSUED, logIndex });
    expect(trail.records).toHaveLength(10_000);
    expect(trail.records[0]).toEqual({ ...ISSUED, logIndex: 0 });
    expect(trail.records.at(-1)).toEqual({ ...ISSUED, logIndex: 9_999 });
  });
});
