import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { openAuditFile } from "../../../src/adapters/audit/file.ts";

/*
 * A process that appends to an audit trail of small files until it is killed. Usage: auditing-process.ts FILE INDEX; prints
 * the log index of each line that was acknowledged, from INDEX on.
 */

const [path = "", from = ""] = process.argv.slice(2);
const clock = { now: () => Date.now() };
const trail = await openAuditFile({ path, writerId: randomBytes(12).toString("hex"), clock, maxFileBytes: 1_500 });
const issued = { kind: "outcome", result: "issued", issuer: "https://issuer.example", logId: "1d".repeat(32) } as const;
for (let logIndex = Number(from); ; logIndex++) {
  const common = { timeMs: Date.now(), generation: 1, serialNumber: logIndex.toString(16).padStart(40, "0") };
  await trail.append({ ...issued, logIndex, ...common });
  if (!process.stdout.write(`${String(logIndex)}\n`)) await once(process.stdout, "drain");
}
